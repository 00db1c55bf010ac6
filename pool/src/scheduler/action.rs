//! All that a scheduler asks for.
//!
//! The driver performs actions in their order. None of them may block, and none fails: whatever goes wrong comes back
//! as an event.

use std::time::Duration;

use super::event::{Incarnation, WorkerId};
use super::span::{Span, SpanContents};
use crate::policy::Halted;

/// One thing to be done.
#[derive(Debug)]
pub(crate) enum Action<J: SpanContents> {
    /// Start the slot's next life, after this delay, under this number. Answered by `Ready`, `StartFailed` or `Died`.
    Start {
        worker: WorkerId,
        incarnation: Incarnation,
        number: u32,
        after: Duration,
    },
    /// Put this frame into the worker's outbox. Its jobs have the positions from `first` on, under this epoch.
    ///
    /// To be performed under the lock under which `handle` ran, so that the frames of an outbox have the order of their
    /// positions. A `Flush` of the same worker follows it.
    Enqueue {
        worker: WorkerId,
        incarnation: Incarnation,
        epoch: u16,
        first: u64,
        count: u32,
        frame: J::Frame,
    },
    /// Send what is in the worker's outbox, after the lock was released: copying a large job takes time.
    Flush {
        worker: WorkerId,
        incarnation: Incarnation,
    },
    /// Hand the results at the positions from `first` on to those who wait for the span.
    Deliver {
        worker: WorkerId,
        first: u64,
        span: Span<J>,
    },
    /// Tell those who wait for the span that it has failed.
    Fail {
        span: Span<J>,
        reason: FailReason<J::Cause>,
    },
    /// Raise the worker's epoch. Answered by `Revoked`, unless the worker dies first.
    Revoke {
        worker: WorkerId,
        incarnation: Incarnation,
    },
    /// End the process by force. Answered by `Died`, or by `StartFailed` if it was still starting or its start was
    /// still being delayed.
    Kill {
        worker: WorkerId,
        incarnation: Incarnation,
        reason: KillReason,
    },
    /// Ask the worker to end; it has nothing in flight. Answered as `Kill` is; one that is still starting, or whose
    /// start is still being delayed, is given up.
    Close {
        worker: WorkerId,
        incarnation: Incarnation,
        recycled: bool,
    },
    /// A submitter was turned away, and the queue has since fallen to three quarters, or takes no more jobs at all.
    Room,
    /// Nothing is queued or in flight any more.
    Drained,
    /// The first worker of the pool is ready. Comes once.
    FirstReady,
    /// The pool gives up for this cause; every job that is not running fails. Comes once.
    Broken(J::Cause),
    /// The pool gives up because too many jobs have failed; every job that is not running fails. Comes once.
    Halted(Halted),
    /// The pool was closed, killed or broken, or has halted, and no worker is left. Comes once, and last.
    Ended,
}

/// Why a worker is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KillReason {
    /// A job there ran past its deadline.
    Deadline,
    /// A job that ran there was cancelled.
    Cancelled,
    /// The pool halts, and does so now.
    Halted,
    /// The pool was killed.
    Killed,
    /// It has not reacted for this long.
    Unresponsive(Duration),
    /// It used more memory than the limit, both in bytes.
    MemoryExceeded { used: u64, limit: u64 },
}

impl KillReason {
    /// Whether the worker is to blame, rather than a job or the pool's end.
    pub(super) fn is_workers_fault(self) -> bool {
        matches!(self, Self::Unresponsive(_) | Self::MemoryExceeded { .. })
    }
}

/// Why a job failed without an answer of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FailReason<C> {
    /// Its worker died while it was running there.
    WorkerDied(C),
    /// It ran past its deadline.
    Deadline,
    /// It was cancelled: before its start, or its worker is ended for it.
    Cancelled,
    /// Its worker died on each of its attempts.
    Quarantined(Vec<C>),
    /// The pool broke before it was started.
    Broken(C),
    /// The pool halted: before the job was started, or its worker is ended for it.
    Halted { by: Halted, started: bool },
    /// The pool was killed.
    Closed,
}
