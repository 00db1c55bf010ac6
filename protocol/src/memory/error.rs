//! The error of memory that processes share.
//!
//! Owns the two kinds: the system refused something, or the other process broke the protocol.

use std::{fmt, io};

/// An error of memory shared between processes.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MemoryError {
    /// The system refused to create, grow or map it.
    #[error("shared memory: {step}: {source}")]
    System {
        /// What was tried.
        step: &'static str,
        /// Why it failed.
        source: io::Error,
    },
    /// The other process wrote something that the protocol does not allow.
    #[error("the other process broke the protocol: {what}")]
    Corrupt {
        /// What was found.
        what: String,
    },
}

impl MemoryError {
    /// The other process wrote something that the protocol does not allow.
    pub fn corrupt(what: impl fmt::Display) -> Self {
        Self::Corrupt {
            what: what.to_string(),
        }
    }

    /// Wraps an error of the system.
    #[doc(hidden)]
    pub fn system(step: &'static str) -> impl FnOnce(rustix::io::Errno) -> Self {
        move |errno| Self::System {
            step,
            source: errno.into(),
        }
    }
}
