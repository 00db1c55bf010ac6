//! Payloads: what travels as one job or one output.
//!
//! A payload is an encoding and the bytes attached to it. Owns these types, [`Bytes`], and the way of large payloads: what
//! is attached ([`attachment`]), how a payload is laid out in shared memory ([`layout`]), the memory itself ([`area`]), and the
//! worker's view of a job in it ([`mapped`]). It does not know what a job means or when a payload is sent.

pub mod area;
pub mod attachment;
mod bytes;
pub mod layout;
pub mod mapped;

use crate::job::CodecError;

pub use bytes::Bytes;

/// An encoded job or output, with the bytes that are attached to it ([`attachment`]).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Payload {
    /// The encoding.
    pub encoding: Vec<u8>,
    /// The bytes to which it refers.
    pub attached: Vec<Bytes>,
}

/// A job as a worker receives it.
#[derive(Debug)]
pub enum Incoming<'a> {
    /// The encoding, from a frame.
    Framed(&'a [u8]),
    /// A large job, in the inbound area.
    Mapped(Box<MappedBytes>),
}

/// A large job whose bytes are those of the inbound area, not a copy ([`mapped`]).
#[derive(Debug)]
pub struct MappedBytes {
    /// The encoding.
    pub encoding: Bytes,
    /// The bytes to which it refers.
    pub attached: Vec<Bytes>,
}

impl Payload {
    /// Returns the bytes that count against a limit: those of all parts together, where a tiny part counts for what it costs.
    pub fn bytes(&self) -> u64 {
        layout::counted(self.encoding.len(), self.attached.iter().map(|bytes| bytes.len()))
    }

    /// Decodes it.
    pub fn decode<T>(self, decode: impl FnOnce(&[u8]) -> T) -> T {
        attachment::offer(self.attached, || decode(&self.encoding))
    }

    /// Empties it; the encoding keeps its capacity.
    #[inline]
    pub fn clear(&mut self) {
        self.encoding.clear();
        self.attached.clear();
    }

    /// Appends an encoding, with the bytes that are attached to it.
    ///
    /// # Errors
    /// The error of `encode`; then nothing is attached.
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
    /// Returns the encoding.
    pub fn encoding(&self) -> &[u8] {
        match self {
            Self::Framed(encoding) => encoding,
            Self::Mapped(job) => &job.encoding,
        }
    }
}

impl MappedBytes {
    /// Decodes it.
    pub fn decode<T>(self, decode: impl FnOnce(&[u8]) -> T) -> T {
        attachment::offer(self.attached, || decode(&self.encoding))
    }
}
