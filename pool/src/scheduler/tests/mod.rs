//! Stories of one pool, each told as events and what they bring.

mod cancelling;
mod closing;
mod deadlines;
mod deaths;
mod halting;
mod news;
mod recycling;
mod room;
mod sending;
mod stalls;
mod starting;

use std::rc::Rc;
use std::time::Duration;

use super::test_jobs::{Owner, TestItem, TestJobs};
use super::{Action, Config, Event, FailReason, Outlook, Recycling, RestartLimit, Scheduler, WorkerState};

/// A scheduler at a time that the story moves, and jobs of one submitter.
struct Pool {
    scheduler: Scheduler<TestJobs>,
    owner: Rc<Owner>,
    now: Duration,
    seen: Vec<String>,
}

impl Pool {
    fn new(workers: usize, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config {
            workers,
            lanes: 1,
            attempts: 1,
            queue_jobs: 1_000_000,
            queue_bytes: usize::MAX,
            restart_limit: RestartLimit {
                failures: 3,
                within: Duration::from_mins(1),
            },
            halt: None,
            recycling: Recycling::default(),
            seed: 0,
        };
        change(&mut config);
        let mut pool = Self {
            scheduler: Scheduler::new(config),
            owner: Rc::default(),
            now: Duration::ZERO,
            seen: Vec::new(),
        };
        let mut actions = Vec::new();
        pool.scheduler.start(pool.now, &mut actions);
        pool.seen.extend(actions.iter().map(tell));
        pool
    }

    /// A pool whose workers are all ready.
    fn ready(workers: usize, change: impl FnOnce(&mut Config)) -> Self {
        let mut pool = Self::new(workers, change);
        for worker in 0..workers {
            pool.handle(Event::Ready {
                worker,
                incarnation: 1,
            });
        }
        pool.seen.clear();
        pool
    }

    fn handle(&mut self, event: Event<TestJobs>) {
        let mut actions = Vec::new();
        self.scheduler.handle(event, self.now, &mut actions);
        self.seen.extend(actions.iter().map(tell));
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

    /// A frame is done: its results, then its wake-up, at this time for each job.
    fn done(&mut self, worker: usize, first: u64, count: u32, frames: u64, job: Duration) {
        self.handle(Event::Finished {
            worker,
            incarnation: 1,
            first,
            count,
            failed: 0,
        });
        let done = first + u64::from(count);
        let busy = job * u32::try_from(done).expect("few jobs");
        self.handle(Event::Progress {
            worker,
            incarnation: 1,
            received: frames,
            done,
            busy,
        });
    }

    fn died(&mut self, worker: usize, incarnation: u64, claimed: u64, cause: u64) {
        self.handle(Event::Died {
            worker,
            incarnation,
            claimed,
            cause,
        });
    }

    /// Compares what was seen since the last time.
    #[track_caller]
    fn expect(&mut self, expected: &[&str]) {
        assert_eq!(std::mem::take(&mut self.seen), expected);
    }
}

fn tell(action: &Action<TestJobs>) -> String {
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
        Action::Send {
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
        Action::Kill { worker, .. } => format!("kill {worker}"),
        Action::Close { worker, .. } => format!("close {worker}"),
        Action::Broken(cause) => format!("broken by {cause}"),
        Action::Room => "room".to_owned(),
        Action::Drained => "drained".to_owned(),
        Action::FirstReady => "first ready".to_owned(),
        Action::Ended => "ended".to_owned(),
    }
}

const FAST: Duration = Duration::from_micros(10);
const SLOW: Duration = Duration::from_millis(20);

/// Brings six jobs into flight at the one worker, at the positions 1..7, in two frames.
fn with_six_in_flight(change: impl FnOnce(&mut Config)) -> Pool {
    let mut pool = Pool::ready(1, change);
    pool.submit(7);
    pool.done(0, 0, 1, 1, FAST);
    assert_eq!((pool.scheduler.in_flight(), pool.scheduler.queued()), (5, 1));
    pool.seen.clear();
    pool
}
