//! Why a lock could not be acquired, or was left in doubt.

use std::fmt;

use crate::{heap::error::SharedHeapError, word::lock_word::PoisonCause};

/// Why a lock could not be acquired, or only with a warning.
#[non_exhaustive]
pub enum LockError<G> {
    /// It is held now, but an earlier holder failed: what it protects may be half-done.
    Poisoned(Poisoned<G>),
    /// This very thread holds it already.
    AlreadyHeld,
    /// Another thread holds it, and the call was not to wait.
    WouldBlock,
    /// Another thread held it for all of the time.
    TimedOut,
    /// This process has no part in its family's objects any more.
    SharedHeap(SharedHeapError),
}

/// A lock that is held though an earlier holder failed.
pub struct Poisoned<G> {
    guard: G,
    cause: PoisonCause,
}

impl<G> Poisoned<G> {
    pub(crate) fn new(guard: G, cause: PoisonCause) -> Self {
        Self { guard, cause }
    }

    /// How the earlier holder failed.
    pub fn cause(&self) -> PoisonCause {
        self.cause
    }

    /// The guard, for those who can go on or repair.
    pub fn into_guard(self) -> G {
        self.guard
    }

    pub(crate) fn map<H>(self, change: impl FnOnce(G) -> H) -> Poisoned<H> {
        Poisoned {
            guard: change(self.guard),
            cause: self.cause,
        }
    }
}

impl<G> LockError<G> {
    /// The guard of a poisoned lock; none when the lock is not held.
    pub fn into_guard(self) -> Option<G> {
        match self {
            Self::Poisoned(poisoned) => Some(poisoned.into_guard()),
            _ => None,
        }
    }

    /// The error alone, for a `?` that must not borrow the lock; a poisoned lock is released by it.
    pub fn without_guard(self) -> LockError<()> {
        self.map(drop)
    }

    pub(crate) fn map<H>(self, change: impl FnOnce(G) -> H) -> LockError<H> {
        match self {
            Self::Poisoned(poisoned) => LockError::Poisoned(poisoned.map(change)),
            Self::AlreadyHeld => LockError::AlreadyHeld,
            Self::WouldBlock => LockError::WouldBlock,
            Self::TimedOut => LockError::TimedOut,
            Self::SharedHeap(error) => LockError::SharedHeap(error),
        }
    }
}

impl fmt::Display for PoisonCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Panicked => "panicked",
            Self::Died => "died",
        })
    }
}

impl<G> fmt::Display for Poisoned<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an earlier holder of the lock {} while it held it", self.cause)
    }
}

impl<G> fmt::Display for LockError<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Poisoned(poisoned) => poisoned.fmt(f),
            Self::AlreadyHeld => f.write_str("this thread holds the lock already"),
            Self::WouldBlock => f.write_str("the lock is held by another"),
            Self::TimedOut => f.write_str("the lock was held by another for all of the time"),
            Self::SharedHeap(error) => error.fmt(f),
        }
    }
}

impl<G> fmt::Debug for Poisoned<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Poisoned")
            .field("cause", &self.cause)
            .finish_non_exhaustive()
    }
}

impl<G> fmt::Debug for LockError<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Poisoned(poisoned) => f.debug_tuple("Poisoned").field(poisoned).finish(),
            Self::AlreadyHeld => f.write_str("AlreadyHeld"),
            Self::WouldBlock => f.write_str("WouldBlock"),
            Self::TimedOut => f.write_str("TimedOut"),
            Self::SharedHeap(error) => f.debug_tuple("SharedHeap").field(error).finish(),
        }
    }
}

impl<G> std::error::Error for Poisoned<G> {}
impl<G> std::error::Error for LockError<G> {}
