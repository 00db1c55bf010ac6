//! How a caller waits for a word: for how long, and what it checks between two sleeps.
//!
//! Owns the wait modes and the length of a sleep, which all waits of this crate share. It does not sleep itself.

use std::time::{Duration, Instant};

/// The longest sleep before a waiter checks again whether other processes have died: a fifth of the promised time.
pub(crate) const SLICE: Duration = Duration::from_millis(20);

/// How long a caller is willing to wait.
#[derive(Debug, Clone, Copy)]
pub(crate) enum WaitMode {
    /// Not at all.
    Try,
    /// Until this instant.
    Until(Instant),
    /// Without a limit.
    Forever,
}

impl WaitMode {
    /// For this long, or without a limit if that is further than the clock reaches.
    pub(crate) fn timeout(timeout: Duration) -> Self {
        Instant::now()
            .checked_add(timeout)
            .map_or(Self::Forever, Self::Until)
    }

    /// How long to sleep next; `None` if the time is over.
    pub(crate) fn slice(self) -> Option<Duration> {
        match self {
            Self::Try => None,
            Self::Forever => Some(SLICE),
            Self::Until(end) => {
                let left = end.saturating_duration_since(Instant::now());
                (!left.is_zero()).then(|| left.min(SLICE))
            }
        }
    }
}

/// What a waiter must know of the other processes.
pub(crate) trait Peers {
    /// Whether the process of this owner has ended, and executes no more instructions.
    fn is_dead(&self, owner: u64) -> bool;

    /// Reclaims what dead processes held. Waiters call it after each sleep.
    fn reclaim(&self);
}
