//! The errors of acquiring a lock, poisoning among them.

use std::fmt;

use crate::{heap::error::SharedHeapError, word::lock_word::PoisonCause};

/// Why a lock could not be acquired, or was acquired poisoned.
#[non_exhaustive]
pub enum LockError<G> {
    /// The lock is held now, but an earlier holder failed: what it protects may be half-done.
    Poisoned(Poisoned<G>),
    /// The calling thread holds the lock already.
    AlreadyHeld,
    /// Another thread holds the lock, and the call does not wait.
    WouldBlock,
    /// Another thread held the lock during the whole timeout.
    TimedOut,
    /// This process cannot use the shared heap.
    SharedHeap(SharedHeapError),
}

/// A lock that is held, although an earlier holder failed.
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

    /// The guard, to go on or to repair.
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
    /// The guard of a poisoned lock; `None` if the lock is not held.
    pub fn into_guard(self) -> Option<G> {
        match self {
            Self::Poisoned(poisoned) => Some(poisoned.into_guard()),
            _ => None,
        }
    }

    /// The error without the guard, for a `?` that must not borrow the lock. This releases a poisoned lock.
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
