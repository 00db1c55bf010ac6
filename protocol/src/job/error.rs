//! The error of encoding and decoding.
//!
//! Owns the error, and the way by which a value of this library says why it refuses to be encoded or decoded: postcard
//! drops the text of an error, so the reason is kept in the thread until the coder returns.

use std::{cell::Cell, fmt};

thread_local! {
    static REASON: Cell<Option<String>> = const { Cell::new(None) };
    /// Whether there is one. It is read for every job, and is cheap because it needs no destructor.
    static HAS_REASON: Cell<bool> = const { Cell::new(false) };
}

#[inline]
fn take_reason() -> Option<String> {
    if HAS_REASON.replace(false) {
        REASON.take()
    } else {
        None
    }
}

/// Keeps why a value refuses to be encoded or decoded, until the coder's error reaches [`coded`], and returns the coder's
/// error.
#[doc(hidden)]
pub fn refuse<E>(reason: &impl fmt::Display, error: impl FnOnce(String) -> E) -> E {
    let reason = reason.to_string();
    // While the thread's local values are being destroyed it cannot be kept; the coder's own text is used then.
    let kept = REASON.try_with(|kept| kept.set(Some(reason.clone())));
    HAS_REASON.set(kept.is_ok());
    error(reason)
}

/// Runs a coder. Its error says why a value refused, if one did.
#[expect(clippy::inline_always, reason = "as in `crate::job`, which decodes in here")]
#[inline(always)]
pub(crate) fn coded<T, E: fmt::Display>(code: impl FnOnce() -> Result<T, E>) -> Result<T, CodecError> {
    let outer = take_reason();
    let result = code();
    let reason = take_reason();
    if outer.is_some() {
        put_back(outer);
    }
    result.map_err(|error| reason.map_or_else(|| CodecError::new(error), CodecError::new))
}

#[cold]
fn put_back(reason: Option<String>) {
    REASON.set(reason);
    HAS_REASON.set(true);
}

/// A value that could not be encoded, or bytes that could not be decoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.text)]
pub struct CodecError(Box<Message>);

/// In a box, so that the result of a coder fits into a register: it is checked for every job.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Message {
    text: String,
}

impl CodecError {
    /// Creates an error with this message, for jobs that have their own encoding.
    #[cold]
    pub fn new(message: impl fmt::Display) -> Self {
        let text = message.to_string();
        Self(Box::new(Message { text }))
    }
}
