//! Why a job has no output although its worker is alive.
//!
//! Owns the job's own faults, which its worker reports, and their encoding. The death of a worker is not among them:
//! a dead worker reports nothing, so the parent detects it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{CodecError, from_postcard, to_postcard};

/// What the bytes of a result are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Status {
    /// The job's encoded output.
    Output = 0,
    /// An encoded [`Fault`].
    Fault = 1,
}

impl Status {
    /// Returns the status of the byte that a worker wrote, if it is one.
    pub fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::Output),
            1 => Some(Self::Fault),
            _ => None,
        }
    }
}

/// Why a job has no output although its worker is alive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The handler panicked.
    #[error("the job panicked{0}")]
    Panicked(Panicked),
    /// The worker could not decode the job; it was not run.
    #[error("the worker could not decode the job: {0}")]
    Undecodable(String),
    /// The job ran, but its output could not be encoded.
    #[error("the job's output could not be encoded: {0}")]
    Unencodable(String),
    /// The job ran, but its output is larger than a message may be.
    #[error("the job's output of {bytes} bytes is over the limit of {limit} bytes for one message")]
    TooLarge {
        /// The size of the encoded output in bytes.
        bytes: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The job ran, but there was no memory to carry its output.
    #[error("the job's output could not be handed over: {0}")]
    NotHandedOver(String),
    /// The job never ran: there was no memory to carry it to the worker.
    #[error("the job could not be handed over: {0}")]
    Withdrawn(String),
}

/// A panic that was caught in the worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Panicked {
    /// The panic's message.
    pub message: String,
    /// `file:line:column` of the panic, if it is known.
    pub location: Option<String>,
    /// The backtrace, if `RUST_BACKTRACE` asks for one in the worker's environment.
    pub backtrace: Option<String>,
}

impl Panicked {
    /// Creates a panic with the given message, at the given location.
    pub fn new(message: impl Into<String>, location: Option<String>, backtrace: Option<String>) -> Self {
        Self {
            message: message.into(),
            location,
            backtrace,
        }
    }
}

impl fmt::Display for Panicked {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(location) = &self.location {
            write!(formatter, " at {location}")?;
        }
        write!(formatter, ": {}", self.message)
    }
}

impl Fault {
    /// The longest text in a fault, in bytes. Longer ones are cut, so that a fault always fits into the ring.
    pub const MAX_TEXT_BYTES: usize = 8 * 1024;

    /// Returns the fault with its texts cut to [`Fault::MAX_TEXT_BYTES`].
    #[must_use]
    pub fn shortened(mut self) -> Self {
        match &mut self {
            Self::Panicked(panicked) => {
                cut(&mut panicked.message);
                panicked.location.iter_mut().for_each(cut);
                panicked.backtrace.iter_mut().for_each(cut);
            }
            Self::Undecodable(text)
            | Self::Unencodable(text)
            | Self::NotHandedOver(text)
            | Self::Withdrawn(text) => cut(text),
            Self::TooLarge { .. } => {}
        }
        self
    }

    /// Appends the encoded fault to `buffer`, [shortened](Fault::shortened).
    pub fn encode(self, buffer: &mut Vec<u8>) {
        // Encoding strings and integers does not fail; if it did, the parent would report an undecodable result.
        drop(to_postcard(&self.shortened(), buffer));
    }

    /// Decodes a fault from what [`Fault::encode`] appended.
    ///
    /// # Errors
    /// If the bytes are not a fault.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        from_postcard(bytes)
    }
}

/// Cuts a text at a character boundary and marks it as cut.
fn cut(text: &mut String) {
    if text.len() > Fault::MAX_TEXT_BYTES {
        let end = text.floor_char_boundary(Fault::MAX_TEXT_BYTES);
        text.truncate(end);
        text.push_str(" [cut]");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_huge_panic_message_is_cut_at_a_character() {
        let fault = Fault::Panicked(Panicked::new("é".repeat(100_000), None, None));
        let mut bytes = Vec::new();
        fault.encode(&mut bytes);
        assert!(bytes.len() < Fault::MAX_TEXT_BYTES + 100);
        let Ok(Fault::Panicked(panicked)) = Fault::decode(&bytes) else {
            panic!("not a panic")
        };
        assert!(panicked.message.ends_with("é [cut]"));
    }

    #[test]
    fn the_text_names_the_location() {
        let fault = Fault::Panicked(Panicked::new("boom", Some("src/a.rs:3:5".into()), None));
        assert_eq!(fault.to_string(), "the job panicked at src/a.rs:3:5: boom");
    }
}
