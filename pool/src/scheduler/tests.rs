//! Stories of one pool, each told as events and what they bring.

use std::rc::Rc;
use std::time::Duration;

use super::test_load::{Owner, TestItem, TestLoad};
use super::{Action, Config, Event, Failure, Outlook, Recycling, RestartLimit, Scheduler, WorkerState};

/// A scheduler at a time that the story moves, and jobs of one submitter.
struct Pool {
    scheduler: Scheduler<TestLoad>,
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
            pool.handle(Event::Ready { worker, life: 1 });
        }
        pool.seen.clear();
        pool
    }

    fn handle(&mut self, event: Event<TestLoad>) {
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
            life: 1,
            first,
            count,
            failed: 0,
        });
        let done = first + u64::from(count);
        let busy = job * u32::try_from(done).expect("few jobs");
        self.handle(Event::Progress {
            worker,
            life: 1,
            received: frames,
            done,
            busy,
        });
    }

    fn died(&mut self, worker: usize, life: u64, claimed: u64, cause: u64) {
        self.handle(Event::Died {
            worker,
            life,
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

fn tell(action: &Action<TestLoad>) -> String {
    match action {
        Action::Start {
            worker, life, after, ..
        } if after.is_zero() => format!("start {worker}/{life}"),
        Action::Start { worker, life, .. } => format!("start {worker}/{life} later"),
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
                Failure::WorkerDied(cause) => format!("died of {cause}"),
                Failure::Quarantined(causes) => format!("quarantined after {causes:?}"),
                Failure::Broken(cause) => format!("broken by {cause}"),
                Failure::Deadline => "late".to_owned(),
                Failure::Cancelled => "cancelled".to_owned(),
                Failure::Halted { started, .. } => format!("halted, started {started}"),
                Failure::Closed => "closed".to_owned(),
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

#[test]
fn a_lone_job_is_sent_at_once() {
    let mut pool = Pool::new(1, |_| {});
    pool.submit(1);
    pool.expect(&["start 0/1"]);
    pool.handle(Event::Ready { worker: 0, life: 1 });
    pool.expect(&["first ready", "send 0 epoch 0 at 0: 0"]);
    pool.done(0, 0, 1, 1, FAST);
    pool.expect(&["deliver 0 at 0: 0..1", "drained"]);
}

#[test]
fn frames_grow_and_a_second_one_follows_while_there_is_plenty() {
    let mut pool = Pool::ready(1, |_| {});
    pool.submit(64);
    pool.expect(&["send 0 epoch 0 at 0: 0"]);
    pool.done(0, 0, 1, 1, FAST);
    // The first job's result frees the worker before the wake-up has told how long it took.
    pool.expect(&[
        "deliver 0 at 0: 0..1",
        "send 0 epoch 0 at 1: 1",
        "send 0 epoch 0 at 2: 2..6",
    ]);
    pool.done(0, 1, 5, 3, FAST);
    pool.expect(&[
        "deliver 0 at 1: 1..2",
        "deliver 0 at 2: 2..6",
        "send 0 epoch 0 at 6: 6..26",
        "send 0 epoch 0 at 26: 26..45",
    ]);
}

#[test]
fn a_worker_that_is_busy_gets_nothing_while_little_is_queued() {
    let mut pool = Pool::ready(1, |_| {});
    pool.submit(1);
    pool.done(0, 0, 1, 1, FAST);
    pool.submit(1);
    pool.seen.clear();
    pool.submit(3);
    pool.expect(&[]);
    pool.submit(1);
    pool.expect(&["send 0 epoch 0 at 2: 2..6"]);
}

#[test]
fn slow_jobs_are_not_sent_behind_each_other() {
    let mut pool = Pool::ready(2, |_| {});
    pool.submit(5);
    pool.expect(&["send 0 epoch 0 at 0: 0", "send 1 epoch 0 at 0: 1"]);
    pool.done(0, 0, 1, 1, SLOW);
    pool.expect(&["deliver 0 at 0: 0..1", "send 0 epoch 0 at 1: 2"]);
    pool.done(1, 0, 1, 1, SLOW);
    pool.expect(&["deliver 1 at 0: 1..2", "send 1 epoch 0 at 1: 3"]);
}

#[test]
fn the_lanes_of_all_workers_are_filled_evenly() {
    let mut pool = Pool::new(2, |config| config.lanes = 3);
    pool.submit(7);
    pool.handle(Event::Ready { worker: 0, life: 1 });
    pool.handle(Event::Ready { worker: 1, life: 1 });
    pool.seen.drain(..2);
    pool.expect(&[
        "first ready",
        "send 0 epoch 0 at 0: 0..3",
        "send 1 epoch 0 at 0: 3",
        "send 1 epoch 0 at 1: 4",
    ]);
}

#[test]
fn a_free_lane_is_filled_beside_a_slow_job() {
    let mut pool = Pool::ready(1, |config| config.lanes = 2);
    pool.submit(1);
    pool.handle(Event::Stalled { worker: 0, life: 1 });
    pool.submit(2);
    pool.expect(&["send 0 epoch 0 at 0: 0", "send 0 epoch 0 at 1: 1"]);
}

#[test]
fn a_free_lane_does_not_make_frames_small_while_there_are_plenty_of_fast_jobs() {
    let mut pool = Pool::ready(1, |config| config.lanes = 2);
    pool.submit(1);
    pool.done(0, 0, 1, 1, FAST);
    pool.submit(102);
    pool.handle(Event::Finished {
        worker: 0,
        life: 1,
        first: 1,
        count: 1,
        failed: 0,
    });
    pool.seen.clear();
    pool.handle(Event::Progress {
        worker: 0,
        life: 1,
        received: 3,
        done: 2,
        busy: FAST * 2,
    });
    pool.expect(&["send 0 epoch 0 at 3: 3..7"]);
}

#[test]
fn a_frame_is_bounded_in_bytes_and_a_larger_job_travels_in_its_own() {
    let mut pool = Pool::new(1, |config| config.lanes = 9);
    for bytes in [30_000, 18_000, 2_000, 60_000, 10] {
        pool.submit_sized(bytes, false);
    }
    pool.handle(Event::Ready { worker: 0, life: 1 });
    pool.expect(&[
        "start 0/1",
        "first ready",
        "send 0 epoch 0 at 0: 0..2",
        "send 0 epoch 0 at 2: 2",
    ]);
    pool.handle(Event::Progress {
        worker: 0,
        life: 1,
        received: 2,
        done: 0,
        busy: FAST,
    });
    pool.expect(&["send 0 epoch 0 at 3: 3", "send 0 epoch 0 at 4: 4"]);
}

#[test]
fn a_large_payload_waits_for_an_idle_worker_and_travels_alone() {
    let mut pool = Pool::ready(1, |config| config.lanes = 3);
    pool.submit(1);
    pool.submit_sized(10, true);
    pool.submit(1);
    pool.expect(&["send 0 epoch 0 at 0: 0"]);
    pool.done(0, 0, 1, 1, FAST);
    pool.expect(&["deliver 0 at 0: 0..1", "send 0 epoch 0 at 1: 1"]);
    pool.done(0, 1, 1, 2, FAST);
    pool.expect(&["deliver 0 at 1: 1..2", "send 0 epoch 0 at 2: 2"]);
}

/// Brings six jobs into flight at the one worker, at the positions 1..7, in two frames.
fn with_six_in_flight(change: impl FnOnce(&mut Config)) -> Pool {
    let mut pool = Pool::ready(1, change);
    pool.submit(7);
    pool.done(0, 0, 1, 1, FAST);
    assert_eq!((pool.scheduler.in_flight(), pool.scheduler.queued()), (5, 1));
    pool.seen.clear();
    pool
}

#[test]
fn a_death_costs_the_job_that_was_running() {
    let mut pool = with_six_in_flight(|_| {});
    pool.handle(Event::Finished {
        worker: 0,
        life: 1,
        first: 1,
        count: 1,
        failed: 0,
    });
    pool.died(0, 1, 3, 77);
    pool.expect(&["deliver 0 at 1: 1..2", "fail 2..3: died of 77", "start 0/2"]);
    assert_eq!((pool.scheduler.in_flight(), pool.scheduler.queued()), (0, 4));
    pool.handle(Event::Ready { worker: 0, life: 2 });
    pool.expect(&["send 0 epoch 0 at 0: 3..7"]);
}

#[test]
fn a_suspect_is_tried_again_alone_and_then_quarantined() {
    let mut pool = with_six_in_flight(|config| config.attempts = 2);
    pool.died(0, 1, 2, 77);
    pool.handle(Event::Ready { worker: 0, life: 2 });
    pool.expect(&["start 0/2", "send 0 epoch 0 at 0: 1"]);
    pool.died(0, 2, 1, 78);
    pool.expect(&["fail 1..2: quarantined after [77, 78]", "start 0/3"]);
}

#[test]
fn more_claims_than_jobs_are_not_believed() {
    let mut pool = with_six_in_flight(|_| {});
    pool.died(0, 1, u64::MAX, 77);
    pool.expect(&["fail 1..2: died of 77", "fail 2..6: died of 77", "start 0/2"]);
    assert_eq!(pool.scheduler.queued(), 1);
}

#[test]
fn an_idle_death_counts_as_a_failure_only_in_a_life_without_a_job() {
    let mut pool = Pool::ready(1, |_| {});
    pool.died(0, 1, 0, 1);
    pool.expect(&["start 0/2 later"]);
    pool.handle(Event::Ready { worker: 0, life: 2 });
    pool.submit(1);
    pool.handle(Event::Finished {
        worker: 0,
        life: 2,
        first: 0,
        count: 1,
        failed: 0,
    });
    pool.seen.clear();
    pool.died(0, 2, 1, 1);
    pool.expect(&["start 0/3"]);
}

#[test]
fn what_waits_behind_a_slow_job_goes_to_others() {
    let mut pool = with_six_in_flight(|_| {});
    pool.handle(Event::Stalled { worker: 0, life: 1 });
    pool.handle(Event::Stalled { worker: 0, life: 1 });
    pool.expect(&["revoke 0"]);
    pool.handle(Event::Revoked {
        worker: 0,
        life: 1,
        claimed: 2,
    });
    pool.expect(&[]);
    assert_eq!((pool.scheduler.in_flight(), pool.scheduler.queued()), (1, 5));
    pool.submit(100);
    pool.handle(Event::Progress {
        worker: 0,
        life: 1,
        received: 3,
        done: 1,
        busy: FAST,
    });
    pool.expect(&[]);
    pool.handle(Event::Finished {
        worker: 0,
        life: 1,
        first: 1,
        count: 1,
        failed: 0,
    });
    let seen = std::mem::take(&mut pool.seen);
    assert_eq!(seen[..2], ["deliver 0 at 1: 1..2", "send 0 epoch 1 at 2: 2..6"]);
    assert_eq!(seen[2..], ["send 0 epoch 1 at 6: 6..10"], "the hold is lifted");
}

#[test]
fn a_worker_with_nothing_behind_a_slow_job_is_left_alone() {
    let mut pool = Pool::ready(1, |_| {});
    pool.submit(1);
    pool.done(0, 0, 1, 1, FAST);
    pool.submit(1);
    pool.seen.clear();
    pool.handle(Event::Stalled { worker: 0, life: 1 });
    pool.submit(100);
    pool.expect(&[]);
}

#[test]
fn a_late_job_fails_and_its_worker_is_replaced() {
    let mut pool = with_six_in_flight(|_| {});
    pool.handle(Event::Overdue {
        worker: 0,
        life: 1,
        position: 1,
        claimed: 2,
    });
    pool.expect(&["fail 1..2: late", "kill 0"]);
    pool.died(0, 1, 2, 9);
    pool.expect(&["start 0/2"]);
    assert_eq!(pool.scheduler.queued(), 5);
}

#[test]
fn a_job_that_finishes_as_its_deadline_passes_is_delivered() {
    let mut pool = with_six_in_flight(|_| {});
    pool.handle(Event::Finished {
        worker: 0,
        life: 1,
        first: 1,
        count: 1,
        failed: 0,
    });
    pool.handle(Event::Overdue {
        worker: 0,
        life: 1,
        position: 1,
        claimed: 2,
    });
    pool.expect(&["deliver 0 at 1: 1..2", "kill 0"]);
}

#[test]
fn other_lanes_finish_before_the_worker_of_a_late_job_is_killed() {
    let mut pool = Pool::new(1, |config| config.lanes = 3);
    pool.submit(6);
    pool.handle(Event::Ready { worker: 0, life: 1 });
    pool.seen.clear();
    pool.handle(Event::Overdue {
        worker: 0,
        life: 1,
        position: 1,
        claimed: 3,
    });
    pool.expect(&["fail 1..2: late"]);
    pool.handle(Event::Finished {
        worker: 0,
        life: 1,
        first: 0,
        count: 1,
        failed: 0,
    });
    pool.expect(&["deliver 0 at 0: 0..1"]);
    pool.handle(Event::Finished {
        worker: 0,
        life: 1,
        first: 2,
        count: 1,
        failed: 0,
    });
    pool.expect(&["deliver 0 at 2: 2..3", "kill 0"]);
}

#[test]
fn a_queued_job_is_cancelled_at_once() {
    let mut pool = with_six_in_flight(|_| {});
    pool.handle(Event::Cancel { job: 6 });
    pool.expect(&["fail 6..7: cancelled"]);
    pool.handle(Event::Cancel { job: 6 });
    pool.handle(Event::Cancel { job: 0 });
    pool.handle(Event::Cancel { job: 99 });
    pool.expect(&[]);
}

#[test]
fn a_job_that_was_sent_and_not_started_is_cancelled_alone() {
    let mut pool = with_six_in_flight(|_| {});
    pool.handle(Event::Cancel { job: 3 });
    pool.handle(Event::Cancel { job: 5 });
    pool.expect(&["revoke 0"]);
    pool.handle(Event::Revoked {
        worker: 0,
        life: 1,
        claimed: 2,
    });
    pool.expect(&["fail 5..6: cancelled", "fail 3..4: cancelled"]);
    assert_eq!((pool.scheduler.in_flight(), pool.scheduler.queued()), (1, 3));
}

#[test]
fn a_running_job_is_cancelled_with_its_worker() {
    let mut pool = with_six_in_flight(|_| {});
    pool.handle(Event::Cancel { job: 1 });
    pool.handle(Event::Revoked {
        worker: 0,
        life: 1,
        claimed: 2,
    });
    pool.expect(&["revoke 0", "fail 1..2: cancelled", "kill 0"]);
}

#[test]
fn a_job_that_finishes_before_it_can_be_cancelled_is_delivered() {
    let mut pool = with_six_in_flight(|_| {});
    pool.handle(Event::Cancel { job: 1 });
    pool.handle(Event::Finished {
        worker: 0,
        life: 1,
        first: 1,
        count: 1,
        failed: 0,
    });
    pool.handle(Event::Revoked {
        worker: 0,
        life: 1,
        claimed: 2,
    });
    let seen = std::mem::take(&mut pool.seen);
    assert_eq!(seen[..2], ["revoke 0", "deliver 0 at 1: 1..2"]);
    assert!(
        !seen.contains(&"kill 0".to_owned()),
        "nothing is left to be cancelled: {seen:?}"
    );
}

#[test]
fn until_one_worker_is_ready_none_is_tried_twice() {
    let mut pool = Pool::new(3, |_| {});
    pool.seen.clear();
    pool.handle(Event::StartFailed {
        worker: 1,
        life: 1,
        cause: 5,
        outlook: Outlook::Hopeless,
    });
    pool.died(0, 1, 0, 6);
    pool.expect(&[]);
    pool.handle(Event::Ready { worker: 2, life: 1 });
    pool.expect(&["first ready", "start 0/2 later", "start 1/2 later"]);
}

#[test]
fn a_pool_of_which_no_worker_starts_breaks_with_the_first_cause() {
    let mut pool = Pool::new(2, |_| {});
    pool.submit(2);
    pool.seen.clear();
    pool.handle(Event::StartFailed {
        worker: 1,
        life: 1,
        cause: 5,
        outlook: Outlook::Open,
    });
    pool.expect(&[]);
    pool.handle(Event::StartFailed {
        worker: 0,
        life: 1,
        cause: 6,
        outlook: Outlook::Open,
    });
    pool.expect(&["broken by 5", "fail 0..2: broken by 5", "drained", "ended"]);
    assert!(!pool.scheduler.is_open() && pool.scheduler.has_ended());
}

#[test]
fn a_permanent_failure_breaks_the_pool_once_no_worker_is_left() {
    let mut pool = Pool::ready(2, |_| {});
    pool.died(0, 1, 0, 1);
    pool.died(1, 1, 0, 2);
    pool.seen.clear();
    pool.now += Duration::from_millis(13);
    pool.handle(Event::StartFailed {
        worker: 0,
        life: 2,
        cause: 3,
        outlook: Outlook::Hopeless,
    });
    pool.expect(&["start 0/3 later"]);
    pool.handle(Event::StartFailed {
        worker: 1,
        life: 2,
        cause: 4,
        outlook: Outlook::Hopeless,
    });
    pool.expect(&["broken by 4", "close 0"]);
    pool.handle(Event::StartFailed {
        worker: 0,
        life: 3,
        cause: 0,
        outlook: Outlook::Open,
    });
    pool.expect(&["ended"]);
}

#[test]
fn a_crash_loop_breaks_the_pool_and_running_jobs_may_finish() {
    let mut pool = Pool::ready(2, |_| {});
    pool.submit(2);
    pool.died(1, 1, 1, 1);
    pool.seen.clear();
    pool.submit(3);
    for life in 2..=5 {
        pool.handle(Event::StartFailed {
            worker: 1,
            life,
            cause: life,
            outlook: Outlook::Open,
        });
    }
    pool.expect(&[
        "start 1/3 later",
        "start 1/4 later",
        "start 1/5 later",
        "broken by 5",
        "fail 2..5: broken by 5",
    ]);
    pool.handle(Event::Finished {
        worker: 0,
        life: 1,
        first: 0,
        count: 1,
        failed: 0,
    });
    pool.expect(&["deliver 0 at 0: 0..1", "close 0", "drained"]);
    pool.died(0, 1, 1, 0);
    pool.expect(&["ended"]);
}

#[test]
fn a_closed_pool_does_its_jobs_and_replaces_workers_for_them() {
    let mut pool = Pool::ready(2, |_| {});
    pool.submit(3);
    pool.seen.clear();
    pool.handle(Event::Close);
    assert!(!pool.scheduler.is_open());
    pool.died(1, 1, 0, 1);
    pool.expect(&["start 1/2 later"]);
    pool.handle(Event::Finished {
        worker: 0,
        life: 1,
        first: 0,
        count: 1,
        failed: 0,
    });
    pool.expect(&["deliver 0 at 0: 0..1", "send 0 epoch 0 at 1: 1"]);
    pool.done(0, 1, 1, 2, FAST);
    pool.expect(&["deliver 0 at 1: 1..2", "send 0 epoch 0 at 2: 2"]);
    pool.died(0, 1, 3, 2);
    pool.expect(&["fail 2..3: died of 2", "close 1", "drained"]);
    pool.handle(Event::StartFailed {
        worker: 1,
        life: 2,
        cause: 3,
        outlook: Outlook::Open,
    });
    pool.expect(&["ended"]);
    assert_eq!(
        pool.scheduler.counters().deaths,
        2,
        "a start that is given up is no death"
    );
    pool.handle(Event::Close);
    pool.handle(Event::Kill);
    pool.expect(&[]);
}

#[test]
fn a_killed_pool_fails_all_jobs_and_ends() {
    let mut pool = with_six_in_flight(|_| {});
    pool.handle(Event::Kill);
    pool.expect(&[
        "fail 1..2: closed",
        "fail 2..6: closed",
        "kill 0",
        "fail 6..7: closed",
        "drained",
    ]);
    pool.handle(Event::Finished {
        worker: 0,
        life: 1,
        first: 1,
        count: 1,
        failed: 0,
    });
    pool.died(0, 1, 2, 1);
    pool.expect(&["ended"]);
}

#[test]
fn submitters_that_were_turned_away_are_told_of_room_once() {
    let mut pool = Pool::ready(1, |config| config.queue_jobs = 4);
    pool.submit(5);
    pool.done(0, 0, 1, 1, SLOW);
    assert!(pool.scheduler.has_room(1, 10), "three of four places are taken");
    pool.submit(1);
    pool.seen.clear();
    assert!(!pool.scheduler.has_room(1, 10), "the queue is full");
    pool.done(0, 1, 1, 2, SLOW);
    pool.expect(&["deliver 0 at 1: 1..2", "send 0 epoch 0 at 2: 2", "room"]);
    pool.done(0, 2, 1, 3, SLOW);
    pool.expect(&["deliver 0 at 2: 2..3", "send 0 epoch 0 at 3: 3"]);
}

#[test]
fn a_large_job_that_was_turned_away_is_told_of_room_for_it() {
    let mut pool = Pool::ready(1, |config| config.queue_bytes = 100);
    pool.submit(7);
    assert!(!pool.scheduler.has_room(1, 60), "60 bytes are queued");
    pool.seen.clear();
    pool.done(0, 0, 1, 1, SLOW);
    assert!(
        !std::mem::take(&mut pool.seen).contains(&"room".to_owned()),
        "50 bytes are queued"
    );
    pool.done(0, 1, 1, 2, SLOW);
    pool.expect(&["deliver 0 at 1: 1..2", "send 0 epoch 0 at 2: 2", "room"]);
}

#[test]
fn submitters_that_wait_are_told_when_the_pool_closes() {
    let mut pool = Pool::ready(1, |config| config.queue_jobs = 1);
    pool.submit(2);
    assert!(!pool.scheduler.has_room(1, 10));
    pool.seen.clear();
    pool.handle(Event::Close);
    pool.expect(&["room"]);
}

#[test]
fn a_job_larger_than_the_bound_enters_an_empty_queue() {
    let mut pool = Pool::new(1, |config| config.queue_bytes = 100);
    assert!(pool.scheduler.has_room(1, 1_000));
    pool.submit(1);
    assert!(pool.scheduler.has_room(1, 90) && !pool.scheduler.has_room(1, 91));
    pool.seen.clear();
    pool.handle(Event::Ready { worker: 0, life: 1 });
    pool.expect(&["first ready", "send 0 epoch 0 at 0: 0", "room"]);
}

#[test]
fn jobs_that_nobody_waits_for_are_dropped_from_the_queue() {
    let mut pool = Pool::ready(1, |_| {});
    pool.submit(3);
    pool.owner.has_left.set(true);
    pool.handle(Event::PurgeAbandoned);
    assert_eq!(
        (pool.scheduler.queued(), pool.scheduler.counters().abandoned),
        (0, 2)
    );
    pool.seen.clear();
    pool.done(0, 0, 1, 1, FAST);
    pool.expect(&["deliver 0 at 0: 0..1", "drained"]);
}

#[test]
fn news_of_an_earlier_life_is_ignored() {
    let mut pool = Pool::ready(1, |_| {});
    pool.died(0, 1, 0, 1);
    pool.handle(Event::Ready { worker: 0, life: 2 });
    pool.submit(1);
    pool.seen.clear();
    pool.handle(Event::Finished {
        worker: 0,
        life: 1,
        first: 0,
        count: 1,
        failed: 0,
    });
    pool.handle(Event::Overdue {
        worker: 0,
        life: 1,
        position: 0,
        claimed: 1,
    });
    pool.died(0, 1, 1, 1);
    pool.expect(&[]);
    pool.handle(Event::Finished {
        worker: 0,
        life: 2,
        first: 0,
        count: 1,
        failed: 0,
    });
    pool.expect(&["deliver 0 at 0: 0..1", "drained"]);
}

#[test]
fn results_of_jobs_that_were_never_sent_are_skipped() {
    let mut pool = Pool::ready(1, |_| {});
    pool.submit(1);
    pool.seen.clear();
    pool.handle(Event::Finished {
        worker: 0,
        life: 1,
        first: 1,
        count: u32::MAX,
        failed: 0,
    });
    pool.handle(Event::Finished {
        worker: 0,
        life: 1,
        first: u64::MAX,
        count: u32::MAX,
        failed: u32::MAX,
    });
    pool.expect(&[]);
}

#[test]
fn the_time_of_a_job_and_the_workers_are_shown() {
    let mut pool = Pool::ready(1, |_| {});
    assert_eq!(pool.scheduler.job_time(), None);
    pool.submit(1);
    pool.done(0, 0, 1, 1, FAST);
    assert_eq!(pool.scheduler.job_time(), Some(FAST));
    let workers: Vec<_> = pool
        .scheduler
        .workers()
        .map(|seen| (seen.worker, seen.life, seen.in_flight))
        .collect();
    assert_eq!(workers, [(0, 1, 0)]);
}

/// A pool that halts as this says, in which a frame of three jobs is at a worker and two more are queued.
fn about_to_halt(halt: &str) -> Pool {
    let mut pool = Pool::ready(1, |config| config.halt = Some(halt.parse().expect("a halt")));
    pool.submit(1);
    pool.done(0, 0, 1, 1, FAST);
    pool.submit(6);
    pool.handle(Event::Finished {
        worker: 0,
        life: 1,
        first: 1,
        count: 1,
        failed: 0,
    });
    pool.handle(Event::Progress {
        worker: 0,
        life: 1,
        received: 2,
        done: 2,
        busy: FAST * 2,
    });
    pool.seen.clear();
    pool
}

fn fails(pool: &mut Pool, first: u64) {
    pool.handle(Event::Finished {
        worker: 0,
        life: 1,
        first,
        count: 1,
        failed: 1,
    });
}

#[test]
fn a_halt_soon_lets_what_was_started_end_and_runs_nothing_else() {
    let mut pool = about_to_halt("soon,fail=1");
    fails(&mut pool, 2);
    assert!(!pool.scheduler.is_open());
    assert!(pool.seen.iter().any(|seen| seen == "halted") && pool.seen.iter().any(|seen| seen == "revoke 0"));
    pool.seen.clear();
    pool.handle(Event::Revoked {
        worker: 0,
        life: 1,
        claimed: 4,
    });
    assert!(
        pool.seen
            .iter()
            .all(|seen| seen.ends_with("halted, started false")),
        "{:?}",
        pool.seen
    );
    pool.seen.clear();
    fails(&mut pool, 3);
    pool.expect(&["deliver 0 at 3: 3..4", "close 0", "drained"]);
    pool.died(0, 1, 4, 1);
    pool.expect(&["ended"]);
}

#[test]
fn a_halt_now_ends_what_runs_with_its_worker() {
    let mut pool = about_to_halt("now,fail=1");
    fails(&mut pool, 2);
    pool.seen.clear();
    pool.handle(Event::Revoked {
        worker: 0,
        life: 1,
        claimed: 4,
    });
    let started = pool
        .seen
        .iter()
        .filter(|seen| seen.ends_with("started true"))
        .count();
    assert_eq!(started, 1, "{:?}", pool.seen);
    assert!(pool.seen.iter().any(|seen| seen == "kill 0"), "{:?}", pool.seen);
    assert!(pool.scheduler.is_idle());
}

#[test]
fn a_death_counts_as_a_failure_and_a_cancelled_job_does_not() {
    let mut pool = Pool::ready(2, |config| config.halt = "soon,fail=1".parse().ok());
    pool.submit(3);
    pool.handle(Event::Cancel { job: 2 });
    assert!(pool.scheduler.is_open());
    pool.died(0, 1, 1, 7);
    assert!(!pool.scheduler.is_open());
}

#[test]
fn a_worker_that_is_due_is_replaced_before_it_ends() {
    let mut pool = Pool::ready(1, |config| {
        config.recycling = Recycling {
            after_jobs: std::num::NonZero::new(2),
            spares: 1,
        };
    });
    pool.submit(2);
    pool.expect(&["send 0 epoch 0 at 0: 0"]);
    pool.done(0, 0, 1, 1, SLOW);
    pool.expect(&["deliver 0 at 0: 0..1", "send 0 epoch 0 at 1: 1"]);
    pool.submit(2);
    pool.done(0, 1, 1, 2, SLOW);
    pool.expect(&["deliver 0 at 1: 1..2", "start 1/1", "send 0 epoch 0 at 2: 2"]);
    pool.handle(Event::Ready { worker: 1, life: 1 });
    pool.expect(&["revoke 0", "send 1 epoch 0 at 0: 3"]);
    pool.handle(Event::Revoked {
        worker: 0,
        life: 1,
        claimed: 3,
    });
    pool.expect(&[]);
    pool.done(0, 2, 1, 3, SLOW);
    pool.expect(&["deliver 0 at 2: 2..3", "close 0"]);
    pool.died(0, 1, 3, 1);
    pool.expect(&[]);
    assert_eq!(pool.scheduler.counters().recycled, 1);
    let numbers: Vec<_> = pool
        .scheduler
        .workers()
        .map(|seen| (seen.number, seen.generation, seen.state))
        .collect();
    assert_eq!(numbers, [(0, 1, WorkerState::Vacant), (0, 2, WorkerState::Ready)]);
}

#[test]
fn a_successor_that_does_not_start_harms_nobody() {
    let mut pool = Pool::ready(1, |config| config.recycling.spares = 1);
    pool.handle(Event::Grown { worker: 0, life: 1 });
    pool.expect(&["start 1/1"]);
    for life in 1..20 {
        pool.handle(Event::StartFailed {
            worker: 1,
            life,
            cause: 1,
            outlook: Outlook::Hopeless,
        });
        let next = format!("start 1/{} later", life + 1);
        pool.expect(&[&next]);
    }
    pool.submit(1);
    pool.expect(&["send 0 epoch 0 at 0: 0"]);
}

#[test]
fn a_worker_that_dies_while_its_successor_starts_is_replaced_by_that_one() {
    let mut pool = Pool::ready(1, |config| config.recycling.spares = 1);
    pool.handle(Event::Grown { worker: 0, life: 1 });
    pool.submit(1);
    pool.seen.clear();
    pool.died(0, 1, 1, 5);
    pool.expect(&["fail 0..1: died of 5", "drained"]);
    pool.submit(1);
    pool.handle(Event::Ready { worker: 1, life: 1 });
    pool.expect(&["send 1 epoch 0 at 0: 1"]);
}

#[test]
fn a_silent_worker_loses_its_jobs_and_gets_no_others_before_it_moves() {
    let mut pool = Pool::ready(2, |_| {});
    pool.submit(1);
    pool.expect(&["send 0 epoch 0 at 0: 0"]);
    pool.handle(Event::Silent { worker: 0, life: 1 });
    pool.expect(&["revoke 0"]);
    pool.handle(Event::Revoked {
        worker: 0,
        life: 1,
        claimed: 0,
    });
    pool.expect(&["send 1 epoch 0 at 0: 0"]);
    pool.submit(1);
    pool.expect(&[]);
    pool.handle(Event::Progress {
        worker: 0,
        life: 1,
        received: 1,
        done: 0,
        busy: Duration::ZERO,
    });
    pool.expect(&["send 0 epoch 1 at 0: 1"]);
}

#[test]
fn a_shortage_never_breaks_the_pool() {
    let mut pool = Pool::ready(1, |_| {});
    pool.died(0, 1, 1, 1);
    pool.expect(&["start 0/2 later"]);
    for life in 2..40 {
        pool.handle(Event::StartFailed {
            worker: 0,
            life,
            cause: 2,
            outlook: Outlook::Shortage,
        });
        let next = format!("start 0/{} later", life + 1);
        pool.expect(&[&next]);
    }
    pool.submit(1);
    pool.handle(Event::Ready { worker: 0, life: 40 });
    pool.expect(&["send 0 epoch 0 at 0: 0"]);
}
