//! What can go wrong with memory shared between processes.

use std::{fmt, io};

/// What can go wrong with memory shared between processes.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MemoryError {
    /// The system refused to make, grow or map it.
    #[error("shared memory: {step}: {source}")]
    System {
        /// What was tried.
        step: &'static str,
        /// Why it failed.
        source: io::Error,
    },
    /// The other process wrote something that no honest one writes.
    #[error("the other process broke the protocol: {what}")]
    Corrupt {
        /// What was found.
        what: String,
    },
}

impl MemoryError {
    /// The other process wrote something that no honest one writes.
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
