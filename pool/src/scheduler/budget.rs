//! The number of failed starts that a pool accepts before it gives up: the restart intensity of Erlang's supervisors.
//!
//! It counts only failures without progress, for the whole pool. When a worker comes back is decided in the roster.

use std::collections::VecDeque;
use std::time::Duration;

use super::config::RestartLimit;

/// The recent failures.
#[derive(Debug)]
pub(crate) struct RestartBudget {
    limit: RestartLimit,
    failures: VecDeque<Duration>,
}

/// Whether the pool may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Bearable,
    Exhausted,
}

impl RestartBudget {
    pub(crate) fn new(limit: RestartLimit) -> Self {
        Self {
            limit,
            failures: VecDeque::new(),
        }
    }

    /// Notes that a job has finished: earlier failures no longer count.
    pub(crate) fn progressed(&mut self) {
        self.failures.clear();
    }

    /// Counts a failed start, or the death of a worker that did no job.
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

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn budget(failures: usize) -> RestartBudget {
        RestartBudget::new(RestartLimit {
            failures,
            within: SECOND,
        })
    }

    #[test]
    fn one_failure_more_than_the_limit_is_too_many() {
        let mut budget = budget(2);
        let verdicts = [1, 2, 3].map(|at| budget.failed(Duration::from_millis(at)));
        assert_eq!(
            verdicts,
            [Verdict::Bearable, Verdict::Bearable, Verdict::Exhausted]
        );
    }

    #[test]
    fn a_limit_of_none_accepts_none() {
        assert_eq!(budget(0).failed(SECOND), Verdict::Exhausted);
    }

    #[test]
    fn old_failures_are_forgotten() {
        let mut budget = budget(1);
        assert_eq!(budget.failed(SECOND), Verdict::Bearable);
        assert_eq!(
            budget.failed(SECOND * 2 + Duration::from_nanos(1)),
            Verdict::Bearable
        );
        assert_eq!(
            budget.failed(SECOND * 3),
            Verdict::Exhausted,
            "a failure counts for the whole time"
        );
    }

    #[test]
    fn a_finished_job_forgives_all() {
        let mut budget = budget(1);
        budget.failed(SECOND);
        budget.progressed();
        assert_eq!(budget.failed(SECOND), Verdict::Bearable);
    }
}
