//! How many fruitless lives a pool accepts before it gives up: the restart intensity of Erlang's supervisors.
//!
//! It counts only failures without progress, for the whole pool. When a worker comes back is the roster's affair.

use std::collections::VecDeque;
use std::time::Duration;

use super::config::RestartLimit;

/// The failures of late.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: RestartLimit,
    failures: VecDeque<Duration>,
}

/// Whether the pool may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Bearable,
    Exhausted,
}

impl Budget {
    pub(crate) fn new(limit: RestartLimit) -> Self {
        Self {
            limit,
            failures: VecDeque::new(),
        }
    }

    /// A job has finished: whatever failed before is forgiven.
    pub(crate) fn progressed(&mut self) {
        self.failures.clear();
    }

    /// A life has ended without use.
    pub(crate) fn failed(&mut self, now: Duration) -> Verdict {
        let horizon = now.saturating_sub(self.limit.within);
        while self.failures.front().is_some_and(|&at| at < horizon) {
            self.failures.pop_front();
        }
        self.failures.push_back(now);
        if self.failures.len() > self.limit.failures {
            Verdict::Exhausted
        } else {
            Verdict::Bearable
        }
    }
}
