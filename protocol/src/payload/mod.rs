//! What travels as one job or one output: an encoding, and the bytes attached to it.

pub mod area;
pub mod attachment;
mod bytes;
pub mod layout;
pub mod mapped;

use crate::CodecError;

pub use bytes::Bytes;

/// An encoded job or output with the bytes that are attached to it ([`attachment`]).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Payload {
    /// The encoding.
    pub encoding: Vec<u8>,
    /// What it refers to.
    pub attached: Vec<Bytes>,
}

/// A job as it came to a worker.
#[derive(Debug)]
pub enum Incoming<'a> {
    /// In a frame: its encoding.
    Framed(&'a [u8]),
    /// In the inbound area.
    Delivered(Box<Delivered>),
}

/// A job that is seen where it arrived ([`crate::payload::mapped`]).
#[derive(Debug)]
pub struct Delivered {
    /// The encoding.
    pub encoding: Bytes,
    /// What it refers to.
    pub attached: Vec<Bytes>,
}

impl Payload {
    /// What it counts for every limit: the bytes of all parts together, of which a tiny one counts for what it costs.
    pub fn bytes(&self) -> u64 {
        layout::counted(self.encoding.len(), self.attached.iter().map(|bytes| bytes.len()))
    }

    /// Decodes it.
    pub fn decode<T>(self, decode: impl FnOnce(&[u8]) -> T) -> T {
        attachment::offer(self.attached, || decode(&self.encoding))
    }

    /// Empties it; the encoding keeps its memory.
    #[inline]
    pub fn clear(&mut self) {
        self.encoding.clear();
        self.attached.clear();
    }

    /// Appends an encoding, with what is attached to it.
    ///
    /// # Errors
    /// The one of `encode`; then nothing is attached.
    #[inline]
    pub fn encode(
        &mut self,
        encode: impl FnOnce(&mut Vec<u8>) -> Result<(), CodecError>,
    ) -> Result<(), CodecError> {
        let (encoded, attached) = attachment::collect(|| encode(&mut self.encoding));
        if encoded.is_ok() && !attached.is_empty() {
            self.attached = attached;
        }
        encoded
    }
}

impl Incoming<'_> {
    /// The encoding.
    pub fn encoding(&self) -> &[u8] {
        match self {
            Self::Framed(encoding) => encoding,
            Self::Delivered(delivered) => &delivered.encoding,
        }
    }
}

impl Delivered {
    /// Decodes it.
    pub fn decode<T>(self, decode: impl FnOnce(&[u8]) -> T) -> T {
        attachment::offer(self.attached, || decode(&self.encoding))
    }
}
