//! What ended a worker: a death or a failed start.

use std::{fmt, sync::Arc};

use super::{death::Death, start::StartFailure};

/// What ended a worker. Cheap to clone.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Cause {
    /// The worker died after it had been ready.
    Died(Arc<Death>),
    /// The worker did not start.
    NotStarted(Arc<StartFailure>),
    /// The pool's own code panicked, with this message: a bug in the library, which ends all workers.
    Panicked(Arc<str>),
}

impl fmt::Display for Cause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Died(death) => death.fmt(formatter),
            Self::NotStarted(failure) => failure.fmt(formatter),
            Self::Panicked(message) => write!(formatter, "the pool itself panicked: {message}"),
        }
    }
}
