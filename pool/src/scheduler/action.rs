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
    /// Send these jobs, which have the positions from `first` on, under this epoch.
    Send {
        worker: WorkerId,
        incarnation: Incarnation,
        epoch: u16,
        first: u64,
        count: u32,
        frame: J::Frame,
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
