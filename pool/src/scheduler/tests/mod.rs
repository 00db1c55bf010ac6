//! Tests of one pool each, written as events and the actions that answer them.

mod arrangement;
mod cancelling;
mod closing;
mod deadlines;
mod deaths;
mod halting;
mod kills;
mod news;
mod recycling;
mod room;
mod sending;
mod stalls;
mod starting;

use std::rc::Rc;
use std::time::Duration;

use arrangement::arrange;

use super::test_jobs::{Owner, TestItem, TestJobs};
use super::{
    Action, Config, Event, FailReason, KillReason, Outlook, Recycling, RestartLimit, Scheduler, WorkerState,
};

const FAST: Duration = Duration::from_micros(10);
const SLOW: Duration = Duration::from_millis(20);

/// A scheduler at a time that the test moves, and jobs of one submitter.
struct Pool {
    scheduler: Scheduler<TestJobs>,
    owner: Rc<Owner>,
    now: Duration,
    seen: Vec<String>,
}

impl Pool {
    fn handle(&mut self, event: Event<TestJobs>) {
        let mut actions = Vec::new();
        self.scheduler.handle(event, self.now, &mut actions);
        self.see(&actions);
    }

    /// Notes the actions of one event.
    fn see(&mut self, actions: &[Action<TestJobs>]) {
        self.seen.extend(actions.iter().map(describe));
    }

    fn submit(&mut self, jobs: u64) {
        (0..jobs).for_each(|_| self.submit_sized(10, false));
    }

    fn submit_sized(&mut self, bytes: usize, is_large: bool) {
        let serial = self.scheduler.next_job();
        self.handle(Event::Submit(TestItem {
            serial,
            bytes,
            is_large,
            owner: Rc::clone(&self.owner),
        }));
    }

    /// An event of a worker's first incarnation.
    fn worker(&mut self, worker: usize) -> Incarnated<'_> {
        self.incarnation(worker, 1)
    }

    /// An event of this incarnation of a worker.
    fn incarnation(&mut self, worker: usize, incarnation: u64) -> Incarnated<'_> {
        Incarnated {
            pool: self,
            worker,
            incarnation,
        }
    }

    /// Compares the actions seen since the last time.
    #[track_caller]
    fn expect(&mut self, expected: &[&str]) {
        assert_eq!(std::mem::take(&mut self.seen), expected);
    }
}

/// One incarnation of a worker, to report events of.
struct Incarnated<'a> {
    pool: &'a mut Pool,
    worker: usize,
    incarnation: u64,
}

impl Incarnated<'_> {
    fn ready(self) {
        self.pool.handle(Event::Ready {
            worker: self.worker,
            incarnation: self.incarnation,
        });
    }

    fn finished(self, first: u64, count: u32) {
        self.pool.handle(Event::Finished {
            worker: self.worker,
            incarnation: self.incarnation,
            first,
            count,
            failed: 0,
        });
    }

    fn finished_with_failures(self, first: u64, count: u32, failed: u32) {
        self.pool.handle(Event::Finished {
            worker: self.worker,
            incarnation: self.incarnation,
            first,
            count,
            failed,
        });
    }

    fn progress(self, received: u64, done: u64, busy: Duration) {
        self.pool.handle(Event::Progress {
            worker: self.worker,
            incarnation: self.incarnation,
            received,
            done,
            busy,
        });
    }

    /// Finishes a frame: its results, then its wake-up. Each job takes this time.
    fn done(self, first: u64, count: u32, frames: u64, job: Duration) {
        let Self {
            pool,
            worker,
            incarnation,
        } = self;
        pool.incarnation(worker, incarnation).finished(first, count);
        let done = first + u64::from(count);
        let busy = job * u32::try_from(done).expect("few jobs");
        pool.incarnation(worker, incarnation).progress(frames, done, busy);
    }

    fn stalled(self) {
        self.pool.handle(Event::Stalled {
            worker: self.worker,
            incarnation: self.incarnation,
        });
    }

    fn silent(self) {
        self.pool.handle(Event::Silent {
            worker: self.worker,
            incarnation: self.incarnation,
        });
    }

    fn grown(self) {
        self.pool.handle(Event::Grown {
            worker: self.worker,
            incarnation: self.incarnation,
        });
    }

    fn unresponsive(self, timeout: Duration) {
        self.pool.handle(Event::Unresponsive {
            worker: self.worker,
            incarnation: self.incarnation,
            timeout,
        });
    }

    fn memory_exceeded(self, used: u64, limit: u64) {
        self.pool.handle(Event::MemoryExceeded {
            worker: self.worker,
            incarnation: self.incarnation,
            used,
            limit,
        });
    }

    fn revoked(self, claimed: u64) {
        self.pool.handle(Event::Revoked {
            worker: self.worker,
            incarnation: self.incarnation,
            claimed,
        });
    }

    fn overdue(self, position: u64, claimed: u64) {
        self.pool.handle(Event::Overdue {
            worker: self.worker,
            incarnation: self.incarnation,
            position,
            claimed,
        });
    }

    fn died(self, claimed: u64, cause: u64) {
        self.pool.handle(Event::Died {
            worker: self.worker,
            incarnation: self.incarnation,
            claimed,
            cause,
        });
    }

    fn start_failed(self, cause: u64, outlook: Outlook) {
        self.pool.handle(Event::StartFailed {
            worker: self.worker,
            incarnation: self.incarnation,
            cause,
            outlook,
        });
    }
}

/// An action in a few words.
fn describe(action: &Action<TestJobs>) -> String {
    match action {
        Action::Start {
            worker,
            incarnation,
            after,
            ..
        } if after.is_zero() => format!("start {worker}/{incarnation}"),
        Action::Start {
            worker, incarnation, ..
        } => format!("start {worker}/{incarnation} later"),
        Action::Enqueue {
            worker,
            epoch,
            first,
            count,
            frame,
            ..
        } => match frame[..] {
            [job] => format!("send {worker} epoch {epoch} at {first}: {job}"),
            _ => format!(
                "send {worker} epoch {epoch} at {first}: {}..{}",
                frame[0],
                frame[0] + u64::from(*count)
            ),
        },
        Action::Flush { worker, .. } => format!("flush {worker}"),
        Action::Deliver { worker, first, span } => {
            format!("deliver {worker} at {first}: {}..{}", span.first, span.end())
        }
        Action::Fail { span, reason } => {
            let reason = match reason {
                FailReason::WorkerDied(cause) => format!("died of {cause}"),
                FailReason::Quarantined(causes) => format!("quarantined after {causes:?}"),
                FailReason::Broken(cause) => format!("broken by {cause}"),
                FailReason::Deadline => "late".to_owned(),
                FailReason::Cancelled => "cancelled".to_owned(),
                FailReason::Halted { started, .. } => format!("halted, started {started}"),
                FailReason::Closed => "closed".to_owned(),
            };
            format!("fail {}..{}: {reason}", span.first, span.end())
        }
        Action::Revoke { worker, .. } => format!("revoke {worker}"),
        Action::Halted(_) => "halted".into(),
        Action::Kill { worker, reason, .. } => match reason {
            KillReason::Unresponsive(timeout) => format!("kill {worker}: unresponsive for {timeout:?}"),
            KillReason::MemoryExceeded { used, limit } => format!("kill {worker}: {used} of {limit} bytes"),
            _ => format!("kill {worker}"),
        },
        Action::Close { worker, .. } => format!("close {worker}"),
        Action::Broken(cause) => format!("broken by {cause}"),
        Action::Room => "room".to_owned(),
        Action::Drained => "drained".to_owned(),
        Action::FirstReady => "first ready".to_owned(),
        Action::Ended => "ended".to_owned(),
    }
}
