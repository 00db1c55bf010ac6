//! The error of encoding and decoding, and how a value says why it refuses.

use std::{cell::Cell, fmt};

thread_local! {
    static REASON: Cell<Option<String>> = const { Cell::new(None) };
    /// Whether there is one. It is asked for every job and needs no destructor, which makes it cheap.
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

/// Keeps why a value of this crate refuses to be encoded or decoded, until the coder's error reaches [`coded`]: postcard
/// drops the text of an error.
#[doc(hidden)]
pub fn refuse<E>(reason: &impl fmt::Display, error: impl FnOnce(String) -> E) -> E {
    let reason = reason.to_string();
    // While the thread's values are being destroyed there is no keeping, and the coder's own text must do.
    let kept = REASON.try_with(|kept| kept.set(Some(reason.clone())));
    HAS_REASON.set(kept.is_ok());
    error(reason)
}

/// Runs a coder; its error tells why a value refused, if one did.
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

/// In a box of its own, so that the result of a coder fits a register: it is looked at for every job.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Message {
    text: String,
}

impl CodecError {
    /// An error that says `message`: for jobs that bring their own encoding.
    #[cold]
    pub fn new(message: impl fmt::Display) -> Self {
        let text = message.to_string();
        Self(Box::new(Message { text }))
    }
}
