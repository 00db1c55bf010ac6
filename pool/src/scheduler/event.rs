//! All that can happen to a scheduler.
//!
//! Events of one worker are told in the order in which they happened, except that wake-ups may come late. Before the
//! driver tells of a revocation, a missed deadline or a death it has told of every result that lies published.
//! Events of an earlier life are ignored, so the driver need not hold them back.

use std::time::Duration;

use super::span::{JobId, SpanContents};

/// A worker's slot, counted from 0.
pub(crate) type WorkerId = usize;

/// The number of a worker's life in its slot, counted up by the scheduler at each start; the first one is 1.
pub(crate) type Incarnation = u64;

/// What is to be expected of another start after one that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outlook {
    /// It will fail in the same way, such as for a missing program.
    Hopeless,
    /// Nobody knows. Too many of these are a crash loop.
    Open,
    /// The system is short of something, and it will succeed once it no longer is. No number of these is too many.
    Shortage,
}

/// One thing that happened.
#[derive(Debug)]
pub(crate) enum Event<J: SpanContents> {
    /// From a submitter, which has seen `is_open` and `has_room` under the same lock. The job gets the id that
    /// `next_job` has shown. Answered by one `Deliver` or `Fail`, unless the job is abandoned.
    Submit(J::Item),
    /// The worker has finished its handshake and can take jobs.
    Ready {
        worker: WorkerId,
        incarnation: Incarnation,
    },
    /// The results of these positions have been taken from the worker's region. Positions that are not in flight are
    /// skipped: they were resolved in another way, or the worker made them up. `failed` of them are failures, as far as
    /// failures matter to this pool.
    Finished {
        worker: WorkerId,
        incarnation: Incarnation,
        first: u64,
        count: u32,
        failed: u32,
    },
    /// A wake-up, sent at the end of each frame, also of one that was revoked. All figures count from the beginning
    /// of this life. A late one, overtaken by a newer, does no harm.
    Progress {
        worker: WorkerId,
        incarnation: Incarnation,
        received: u64,
        done: u64,
        busy: Duration,
    },
    /// A job there has been running for more than a few milliseconds. Answered by `Revoke` when others wait behind it.
    /// Told once or more often for each such job, best with a `Progress` before it: a worker with several lanes may be
    /// out of credit while frames that it has received long ago run on.
    Stalled {
        worker: WorkerId,
        incarnation: Incarnation,
    },
    /// The worker has claimed nothing for a while of what it was sent, and runs nothing: it is stopped, or starved. Answered
    /// by `Revoke`; it gets no more jobs before a wake-up tells of an advance.
    Silent {
        worker: WorkerId,
        incarnation: Incarnation,
    },
    /// The worker has not reacted for this long: it took none of the jobs that it was sent and ran none, or did not end
    /// after a `Close`. Answered by `Kill`.
    Unresponsive {
        worker: WorkerId,
        incarnation: Incarnation,
        timeout: Duration,
    },
    /// The worker uses more memory than it may, both in bytes. Answered by `Revoke` if it has jobs, and by `Kill` once
    /// that was answered.
    MemoryExceeded {
        worker: WorkerId,
        incarnation: Incarnation,
        used: u64,
        limit: u64,
    },
    /// The worker has grown past what it may keep. It is replaced as soon as a successor is ready.
    Grown {
        worker: WorkerId,
        incarnation: Incarnation,
    },
    /// The answer to `Revoke`: the epoch has been raised, and positions from `claimed` on will never start. Deaths and
    /// results may cross it.
    Revoked {
        worker: WorkerId,
        incarnation: Incarnation,
        claimed: u64,
    },
    /// The job at this position is past its deadline; the driver has raised the epoch. Answered by `Kill` as soon as
    /// no other lane has a job in work.
    Overdue {
        worker: WorkerId,
        incarnation: Incarnation,
        position: u64,
        claimed: u64,
    },
    /// From whoever waits for this job. Its result, or its deadline, may cross it.
    Cancel { job: JobId },
    /// The worker's process has ended, for whatever reason, having claimed the positions up to `claimed`. The last
    /// event of a life.
    Died {
        worker: WorkerId,
        incarnation: Incarnation,
        claimed: u64,
        cause: J::Cause,
    },
    /// The worker was never ready, or its start was given up after a `Close` or a `Kill`. The last event of a life.
    StartFailed {
        worker: WorkerId,
        incarnation: Incarnation,
        cause: J::Cause,
        outlook: Outlook,
    },
    /// Loads in the queue may have become abandoned.
    PurgeAbandoned,
    /// No more jobs come. Those that were accepted are still done; then come a `Close` for each worker and `Ended`.
    Close,
    /// All is to end now: each job fails, each worker is killed, then comes `Ended`.
    Kill,
}
