//! A pool's figures at one moment.

use std::time::Duration;

pub use crate::hooks::WorkerStart;
use crate::{
    driver::Core,
    scheduler::{Scheduler, WorkerState as State},
};

/// A pool's figures at one moment. Counts are of jobs, since the pool was built, unless they say otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Accepted.
    pub submitted: u64,
    /// Run to their end, with an output or with a fault of their own.
    pub finished: u64,
    /// Among the finished, those that are failures. Counted only by a pool that may halt for them.
    pub failed: u64,
    /// Ended with their worker's death.
    pub worker_died: u64,
    /// Ended for running past the job deadline.
    pub deadline_exceeded: u64,
    /// Cancelled.
    pub cancelled: u64,
    /// Given up after several workers' deaths.
    pub quarantined: u64,
    /// Not run, or ended, because the pool halted.
    pub halted: u64,
    /// Ended because the pool was closed or broke, or dropped because nobody waited for them.
    pub dropped: u64,
    /// Waiting in the queue now.
    pub queued: usize,
    /// Handed to workers and not ended now.
    pub in_flight: usize,
    /// Deaths of workers, whatever the reason.
    pub deaths: u64,
    /// Workers that failed to start.
    pub start_failures: u64,
    /// Workers started in the place of others.
    pub restarts: u64,
    /// Workers replaced although they were well.
    pub recycled: u64,
    /// Jobs taken back from a worker before they started there.
    pub requeued: u64,
    /// Frames sent to workers; each carries one job or many.
    pub frames: u64,
    /// The measured time of a job in a worker, averaged over the recent ones, once there is one.
    pub job_time: Option<Duration>,
    /// The workers. While one is being replaced although it is well, both it and its successor are here, under one number.
    pub workers: Vec<WorkerStats>,
}

/// One worker at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkerStats {
    /// Its number in the pool, from 0.
    pub worker: u32,
    /// Its process id, while it takes jobs.
    pub pid: Option<u32>,
    /// What it does.
    pub state: WorkerState,
    /// How many jobs it holds.
    pub in_flight: usize,
    /// Which worker it is in this place: 1 for the first, one more for each restart.
    pub life: u64,
}

/// What a worker does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WorkerState {
    /// It is being started, or waits to be started again.
    Starting,
    /// It takes jobs.
    Ready,
    /// It is being ended.
    Ending,
    /// It has ended and is not replaced.
    Gone,
}

impl Stats {
    pub(crate) fn of(core: &Core) -> Self {
        let (mut stats, seats) = core.inspect(Self::of_scheduler);
        for (worker, seat) in stats.workers.iter_mut().zip(seats) {
            worker.pid = core.pid(seat);
        }
        stats
    }

    /// All but the process ids, and where those are to be found.
    fn of_scheduler<L: crate::scheduler::Load>(scheduler: &Scheduler<L>) -> (Self, Vec<usize>) {
        let counters = *scheduler.counters();
        let occupied = || scheduler.workers().filter(|worker| worker.state != State::Vacant);
        let workers = occupied().map(|worker| WorkerStats {
            worker: worker.number,
            pid: None,
            state: state_of(worker.state),
            in_flight: worker.in_flight,
            life: worker.generation,
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
        State::Retiring | State::Condemned | State::Killed | State::Closing => WorkerState::Ending,
        State::Vacant | State::Gone => WorkerState::Gone,
    }
}
