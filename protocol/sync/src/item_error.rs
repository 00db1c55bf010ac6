//! Why an item could not be put or got, sent or received.

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

    /// Why.
    pub fn kind(&self) -> &PutErrorKind {
        &self.kind
    }

    /// The item.
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
    /// There is no room, and the call was not to wait.
    #[error("the queue is full")]
    Full,
    /// There was no room for all of the time.
    #[error("the queue was full for all of the time")]
    TimedOut,
    /// The queue was closed, or the other end of the pipe is gone.
    #[error("the queue is closed, or the other end of the pipe is gone")]
    Closed,
    /// The item, encoded, is larger than there can be room for.
    #[error("an item of {bytes} bytes, where the limit is {limit}: make the queue with more room")]
    TooLarge {
        /// How large it is, in bytes.
        bytes: usize,
        /// How large it can be, in bytes.
        limit: usize,
    },
    /// This end of the pipe was sent to another process.
    #[error("this end of the pipe was sent to another process")]
    Moved,
    /// The item could not be encoded.
    #[error("the item cannot be encoded: {0}")]
    Encoding(CodecError),
    /// This process has no part in its family's objects any more.
    #[error(transparent)]
    SharedHeap(#[from] SharedHeapError),
}

/// Why there is no item.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GetError {
    /// There is none, and the call was not to wait.
    #[error("the queue is empty")]
    Empty,
    /// There was none for all of the time.
    #[error("the queue was empty for all of the time")]
    TimedOut,
    /// There is none, and none will come: the queue was closed, or the other end of the pipe is gone.
    #[error("the queue is closed, or the other end of the pipe is gone")]
    Closed,
    /// This end of the pipe was sent to another process.
    #[error("this end of the pipe was sent to another process")]
    Moved,
    /// The item could not be decoded; it is used up.
    #[error("the item cannot be decoded: {0}")]
    Decoding(CodecError),
    /// This process has no part in its family's objects any more.
    #[error(transparent)]
    SharedHeap(#[from] SharedHeapError),
}
