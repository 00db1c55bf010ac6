//! The events of a scheduler: everything that the driver reports to it.
//!
//! The events of one worker come in the order in which they happened, except that wake-ups may be late. Before the
//! driver reports a revocation, a missed deadline or a death, it has reported every published result. Events of an
//! earlier incarnation are ignored, so the driver does not have to hold them back.

use std::time::Duration;

use super::span::{JobId, SpanContents};

/// The index of a worker's slot.
pub(crate) type WorkerId = usize;

/// The number of a worker in its slot. The scheduler counts it up at each start, from 1.
pub(crate) type Incarnation = u64;

/// What to expect from another start after one that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outlook {
    /// It will fail in the same way, for example because the program is missing.
    Hopeless,
    /// Unknown. Too many of these are a crash loop.
    Open,
    /// The system lacks a resource, and a start will succeed once that is available. No number of these is too many.
    Shortage,
}

/// One thing that happened.
#[derive(Debug)]
pub(crate) enum Event<J: SpanContents> {
    /// From a submitter that has checked `is_open` and `has_room` under the same lock. The job gets the id that
    /// `next_job` has returned. Answered by one `Deliver` or `Fail`, unless the job is abandoned.
    Submit(J::Item),
    /// The worker has finished its handshake and can take jobs.
    Ready {
        worker: WorkerId,
        incarnation: Incarnation,
    },
    /// The results at these positions were taken from the worker's ring. Positions that are not in flight are
    /// skipped: they were resolved in another way, or the worker made them up. `failed` of them are failures, if this
    /// pool counts failures.
    Finished {
        worker: WorkerId,
        incarnation: Incarnation,
        first: u64,
        count: u32,
        failed: u32,
    },
    /// A wake-up, sent at the end of each frame, including revoked frames. All figures count from the start of this
    /// incarnation. It does no harm if a newer one overtakes it.
    Progress {
        worker: WorkerId,
        incarnation: Incarnation,
        received: u64,
        done: u64,
        busy: Duration,
    },
    /// A job has been running there for more than a few milliseconds. Answered by `Revoke` if others wait behind it.
    /// It may be repeated for a job, best after a `Progress`: a worker with several lanes may be out of credit while
    /// frames that it received long ago are still running.
    Stalled {
        worker: WorkerId,
        incarnation: Incarnation,
    },
    /// The worker has claimed nothing for a while of what it was sent, and runs nothing: it is stopped or starved.
    /// Answered by `Revoke`. The worker gets no more jobs until a wake-up shows progress.
    Silent {
        worker: WorkerId,
        incarnation: Incarnation,
    },
    /// The worker has not reacted for this long: it ran nothing although it was sent jobs, or did not end after a
    /// `Close`. Answered by `Kill`, once: it may be repeated.
    Unresponsive {
        worker: WorkerId,
        incarnation: Incarnation,
        timeout: Duration,
    },
    /// The worker uses more memory than its limit, both in bytes. Answered by `Kill`. If it has jobs, `Revoke` comes
    /// first, and `Kill` after the answer to it. It may be repeated.
    MemoryExceeded {
        worker: WorkerId,
        incarnation: Incarnation,
        used: u64,
        limit: u64,
    },
    /// The worker uses so much memory that it should be replaced once a successor is ready.
    Grown {
        worker: WorkerId,
        incarnation: Incarnation,
    },
    /// The answer to `Revoke`: the epoch was raised, and positions from `claimed` on will never start. Deaths and
    /// results may cross it.
    Revoked {
        worker: WorkerId,
        incarnation: Incarnation,
        claimed: u64,
    },
    /// The job at this position is past its deadline, and the driver has raised the epoch. Answered by `Kill` as soon
    /// as no other lane is running a job.
    Overdue {
        worker: WorkerId,
        incarnation: Incarnation,
        position: u64,
        claimed: u64,
    },
    /// From the caller that waits for this job. The job's result or its deadline may cross it.
    Cancel { job: JobId },
    /// The worker's process has ended for any reason, with the positions up to `claimed` claimed. The last event of
    /// an incarnation.
    Died {
        worker: WorkerId,
        incarnation: Incarnation,
        claimed: u64,
        cause: J::Cause,
    },
    /// The worker was never ready, or its start was given up after a `Close` or a `Kill`. The last event of an
    /// incarnation.
    StartFailed {
        worker: WorkerId,
        incarnation: Incarnation,
        cause: J::Cause,
        outlook: Outlook,
    },
    /// The callers of queued spans may have stopped waiting.
    PurgeAbandoned,
    /// No more jobs will be submitted. The accepted ones are finished; then comes a `Close` for each worker, and
    /// `Ended`.
    Close,
    /// As `Close`, but a job that is not at a worker, or comes back from one, is cancelled.
    Stop,
    /// The driver has failed and can no longer be relied on: each job fails with this cause, each worker is killed.
    Broken { cause: J::Cause },
    /// The pool is to end now: each job fails, each worker is killed, then comes `Ended`.
    Kill,
}
