//! Counters of a pool, and facts about its workers.
//!
//! [`Pool::stats`](crate::Pool::stats) returns [`Stats`]: what became of all jobs, and the state of each worker. A hook
//! set with [`Builder::on_worker_start`](crate::Builder::on_worker_start) receives a [`WorkerStart`].
//!
//! ```no_run
//! use pool::{Job, Pool, stats::WorkerState};
//!
//! fn ready_workers<J: Job>(pool: &Pool<J>) -> usize {
//!     let workers = pool.stats().workers;
//!     workers.iter().filter(|worker| worker.state == WorkerState::Ready).count()
//! }
//! ```

use std::time::Duration;

pub use crate::hooks::WorkerStart;
use crate::{
    driver::Core,
    scheduler::{Scheduler, WorkerState as State},
};

/// Counters of a pool at one moment. They count jobs since the pool was built, unless they say otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Jobs accepted.
    pub submitted: u64,
    /// Jobs that ran to their end, with an output or a fault of their own.
    pub finished: u64,
    /// Finished jobs that are failures. Counted only by a pool with a [`Halt`](crate::policy::Halt).
    pub failed: u64,
    /// Jobs that ended with their worker's death.
    pub worker_died: u64,
    /// Jobs that ran past the job deadline.
    pub deadline_exceeded: u64,
    /// Jobs cancelled.
    pub cancelled: u64,
    /// Jobs not started again after the deaths of several workers.
    pub quarantined: u64,
    /// Jobs not run, or ended, because the pool halted.
    pub halted: u64,
    /// Jobs that ended because the pool was closed or broke, or whose stream was dropped.
    pub dropped: u64,
    /// Jobs waiting in the queue now.
    pub queued: usize,
    /// Jobs sent to workers and not ended now.
    pub in_flight: usize,
    /// Deaths of workers, for any reason.
    pub deaths: u64,
    /// Workers that failed to start.
    pub start_failures: u64,
    /// Workers started in the place of others.
    pub restarts: u64,
    /// Healthy workers replaced by a successor.
    pub recycled: u64,
    /// Jobs taken back from a worker before they started there.
    pub requeued: u64,
    /// Frames sent to workers; each carries one or more jobs.
    pub frames: u64,
    /// The time of a job in a worker, averaged over recent jobs; `None` before the first measurement.
    pub job_time: Option<Duration>,
    /// The workers. A healthy worker that is being replaced and its successor both appear, under the same number.
    pub workers: Vec<WorkerStats>,
}

/// One worker at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkerStats {
    /// The worker's number in the pool, from 0.
    pub worker: u32,
    /// The process id, while the worker takes jobs.
    pub pid: Option<u32>,
    /// What the worker does.
    pub state: WorkerState,
    /// How many jobs the worker holds.
    pub in_flight: usize,
    /// The incarnation: 1 for the first process under this number, one more for each restart.
    pub incarnation: u64,
}

/// The state of a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WorkerState {
    /// The worker is starting, or waits for its next start.
    Starting,
    /// The worker takes jobs.
    Ready,
    /// The worker is ending.
    Ending,
    /// The worker has ended and is not replaced.
    Gone,
}

impl Stats {
    pub(crate) fn of(core: &Core) -> Self {
        if core.is_copy() {
            return Self::default();
        }
        let (mut stats, slots) = core.inspect(Self::of_scheduler);
        for (worker, slot) in stats.workers.iter_mut().zip(slots) {
            worker.pid = core.pid(slot);
        }
        stats
    }

    /// All but the process ids, and the worker slots that know these.
    fn of_scheduler<J: crate::scheduler::SpanContents>(scheduler: &Scheduler<J>) -> (Self, Vec<usize>) {
        let counters = *scheduler.counters();
        let occupied = || scheduler.workers().filter(|worker| worker.state != State::Vacant);
        let workers = occupied().map(|worker| WorkerStats {
            worker: worker.number,
            pid: None,
            state: state_of(worker.state),
            in_flight: worker.in_flight,
            incarnation: worker.generation,
        });
        let stats = Self {
            submitted: counters.submitted,
            finished: counters.finished,
            failed: counters.faults,
            worker_died: counters.worker_died,
            deadline_exceeded: counters.deadline,
            cancelled: counters.cancelled,
            quarantined: counters.quarantined,
            halted: counters.halted,
            dropped: counters.broken + counters.closed + counters.abandoned,
            queued: scheduler.queued(),
            in_flight: scheduler.in_flight(),
            deaths: counters.deaths,
            start_failures: counters.start_failures,
            restarts: counters.restarts,
            recycled: counters.recycled,
            requeued: counters.requeued,
            frames: counters.frames,
            job_time: scheduler.job_time(),
            workers: workers.collect(),
        };
        (stats, occupied().map(|worker| worker.worker).collect())
    }
}

fn state_of(state: State) -> WorkerState {
    match state {
        State::Starting | State::Failed => WorkerState::Starting,
        State::Ready => WorkerState::Ready,
        State::Retiring | State::KillPending | State::Killed | State::Closing => WorkerState::Ending,
        State::Vacant | State::Gone => WorkerState::Gone,
    }
}
