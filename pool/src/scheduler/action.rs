//! The actions of a scheduler: everything that it asks the driver to do.
//!
//! The driver performs actions in order. None of them may block, and none fails: whatever goes wrong comes back as an
//! event.

use std::time::Duration;

use super::event::{Incarnation, WorkerId};
use super::span::{Span, SpanContents};
use crate::policy::Halted;

/// One thing to do.
#[derive(Debug)]
pub(crate) enum Action<J: SpanContents> {
    /// Start the slot's next incarnation after this delay, under this number. Answered by `Ready`, `StartFailed` or
    /// `Died`.
    Start {
        worker: WorkerId,
        incarnation: Incarnation,
        number: u32,
        after: Duration,
    },
    /// Put this frame into the worker's outbox. Its jobs have the positions from `first` on, and it is sent under
    /// this epoch.
    ///
    /// The driver performs this under the same lock as `handle`, so that the frames in an outbox are in the order of
    /// their positions, and puts a `Flush` in its place.
    Enqueue {
        worker: WorkerId,
        incarnation: Incarnation,
        epoch: u16,
        first: u64,
        count: u32,
        frame: J::Frame,
    },
    /// Send the frames in the worker's outbox: the second half of `Enqueue`, which the scheduler itself never asks for.
    /// The driver performs this after it has released the lock, because copying a large job takes time.
    Flush {
        worker: WorkerId,
        incarnation: Incarnation,
    },
    /// Deliver the results at the positions from `first` on to the callers that wait for the span.
    Deliver {
        worker: WorkerId,
        first: u64,
        span: Span<J>,
    },
    /// Report to the callers that wait for the span that it has failed.
    Fail {
        span: Span<J>,
        reason: FailReason<J::Cause>,
    },
    /// Raise the worker's epoch. Answered by `Revoked`, unless the worker dies first.
    Revoke {
        worker: WorkerId,
        incarnation: Incarnation,
    },
    /// Kill the process. Answered by `Died`, or by `StartFailed` if it was still starting or its start was still
    /// delayed.
    Kill {
        worker: WorkerId,
        incarnation: Incarnation,
        reason: KillReason,
    },
    /// Ask the worker to end. It has nothing in flight. Answered in the same way as `Kill`. A worker that is still
    /// starting, or whose start is still delayed, is given up.
    Close {
        worker: WorkerId,
        incarnation: Incarnation,
        recycled: bool,
    },
    /// A submitter was turned away, and since then the queue has fallen to three quarters or accepts no more jobs.
    Room,
    /// No job is queued or in flight any more.
    Drained,
    /// The first worker of the pool is ready. Comes once.
    FirstReady,
    /// The pool gives up for this cause. Every job that is not running fails. Comes once.
    Broken(J::Cause),
    /// The pool gives up because too many jobs have failed. Every job that is not running fails. Comes once.
    Halted(Halted),
    /// The pool was closed, killed or broken, or has halted, and no worker is left. Comes once, as the last action.
    Ended,
}

/// Why a worker is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KillReason {
    /// One of its jobs ran past its deadline.
    Deadline,
    /// One of its running jobs was cancelled.
    Cancelled,
    /// The pool halts, and its policy says now.
    Halted,
    /// The pool was killed.
    Killed,
    /// It has not reacted for this long.
    Unresponsive(Duration),
    /// It used more memory than the limit, both in bytes.
    MemoryExceeded { used: u64, limit: u64 },
}

impl KillReason {
    /// Whether the worker itself is at fault, rather than one of its jobs or the end of the pool.
    pub(super) fn is_workers_fault(self) -> bool {
        matches!(self, Self::Unresponsive(_) | Self::MemoryExceeded { .. })
    }
}

/// Why a job failed without a result of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FailReason<C> {
    /// Its worker died while the job was running.
    WorkerDied(C),
    /// It ran past its deadline.
    Deadline,
    /// It was cancelled, before its start or by ending its worker.
    Cancelled,
    /// Its worker died on each of its attempts.
    Quarantined(Vec<C>),
    /// The pool broke before it was started.
    Broken(C),
    /// The pool halted, before the job's start or by ending its worker.
    Halted { by: Halted, started: bool },
    /// The pool was killed.
    Closed,
}
