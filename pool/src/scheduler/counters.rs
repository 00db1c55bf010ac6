//! The counters of a scheduler.

use super::action::FailReason;

/// Totals for statistics. Each accepted job has exactly one outcome, or is queued, or is in flight.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    /// Jobs accepted.
    pub(crate) submitted: u64,
    /// Jobs whose results were delivered.
    pub(crate) finished: u64,
    /// Jobs whose worker died.
    pub(crate) worker_died: u64,
    /// Jobs among the finished that count as failures.
    pub(crate) faults: u64,
    /// Jobs past their deadline.
    pub(crate) deadline: u64,
    /// Jobs cancelled.
    pub(crate) cancelled: u64,
    /// Jobs given up after several deaths.
    pub(crate) quarantined: u64,
    /// Jobs failed because the pool broke.
    pub(crate) broken: u64,
    /// Jobs failed because the pool halted.
    pub(crate) halted: u64,
    /// Jobs failed because the pool was killed.
    pub(crate) closed: u64,
    /// Jobs dropped because their callers no longer waited.
    pub(crate) abandoned: u64,
    /// Workers that were ready and have ended, for any reason.
    pub(crate) deaths: u64,
    /// Starts that failed.
    pub(crate) start_failures: u64,
    /// Healthy workers that were replaced.
    pub(crate) recycled: u64,
    /// Starts of workers in place of others.
    pub(crate) restarts: u64,
    /// Revocations that took back at least one job.
    pub(crate) revocations: u64,
    /// Jobs that were taken back from workers before they started.
    pub(crate) requeued: u64,
    /// Frames sent.
    pub(crate) frames: u64,
}

impl Counters {
    /// Counts failed jobs by their reason.
    pub(crate) fn failed<C>(&mut self, jobs: u32, reason: &FailReason<C>) {
        let counter = match reason {
            FailReason::WorkerDied(_) => &mut self.worker_died,
            FailReason::Deadline => &mut self.deadline,
            FailReason::Cancelled => &mut self.cancelled,
            FailReason::Quarantined(_) => &mut self.quarantined,
            FailReason::Broken(_) => &mut self.broken,
            FailReason::Halted { .. } => &mut self.halted,
            FailReason::Closed => &mut self.closed,
        };
        *counter += u64::from(jobs);
    }

    /// The number of jobs that failed by their own or their worker's fault, and of those that ended without the
    /// pool's doing.
    pub(crate) fn failures(&self) -> (u64, u64) {
        let without_answer = self.worker_died + self.deadline + self.quarantined;
        (self.faults + without_answer, self.finished + without_answer)
    }

    /// The number of resolved jobs.
    #[cfg(test)]
    pub(crate) fn resolved(&self) -> u64 {
        self.finished
            + self.worker_died
            + self.deadline
            + self.cancelled
            + self.quarantined
            + self.broken
            + self.halted
            + self.closed
            + self.abandoned
    }
}
