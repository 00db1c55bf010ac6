//! The errors of putting and getting an item, sending and receiving one.

use std::fmt;

use protocol::CodecError;

use crate::heap::error::SharedHeapError;

/// An item that could not be put or sent, and why.
#[derive(thiserror::Error)]
#[error("{kind}")]
pub struct PutError<T> {
    item: T,
    kind: PutErrorKind,
}

impl<T> PutError<T> {
    pub(crate) fn new(item: T, kind: PutErrorKind) -> Self {
        Self { item, kind }
    }

    /// Why the item could not be put or sent.
    pub fn kind(&self) -> &PutErrorKind {
        &self.kind
    }

    /// The item, given back.
    pub fn into_item(self) -> T {
        self.item
    }
}

impl<T> fmt::Debug for PutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PutError")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// Why an item could not be put or sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PutErrorKind {
    /// There is no room, and the call does not wait.
    #[error("the queue is full")]
    Full,
    /// There was no room during the whole timeout.
    #[error("the queue was full for all of the time")]
    TimedOut,
    /// The queue was closed, or the other end of the pipe is gone.
    #[error("the queue is closed, or the other end of the pipe is gone")]
    Closed,
    /// The encoded item is larger than the limit.
    #[error("an item of {bytes} bytes, where the limit is {limit}: make the queue with more room")]
    TooLarge {
        /// The size of the item, in bytes.
        bytes: usize,
        /// The limit, in bytes.
        limit: usize,
    },
    /// This end of the pipe was sent to another process.
    #[error("this end of the pipe was sent to another process")]
    Moved,
    /// The item could not be encoded.
    #[error("the item cannot be encoded: {0}")]
    Encoding(CodecError),
    /// This process cannot use the shared heap.
    #[error(transparent)]
    SharedHeap(#[from] SharedHeapError),
}

/// Why there is no item.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GetError {
    /// There is none, and the call does not wait.
    #[error("the queue is empty")]
    Empty,
    /// There was none during the whole timeout.
    #[error("the queue was empty for all of the time")]
    TimedOut,
    /// There is none, and none can come: the queue was closed, or the other end of the pipe is gone.
    #[error("the queue is closed, or the other end of the pipe is gone")]
    Closed,
    /// This end of the pipe was sent to another process.
    #[error("this end of the pipe was sent to another process")]
    Moved,
    /// The item could not be decoded; it is lost.
    #[error("the item cannot be decoded: {0}")]
    Decoding(CodecError),
    /// This process cannot use the shared heap.
    #[error(transparent)]
    SharedHeap(#[from] SharedHeapError),
}
