//! Deadlines.

use super::*;

#[test]
fn a_late_job_fails_and_its_worker_is_replaced() {
    let mut pool = with_six_in_flight(|_| {});
    pool.handle(Event::Overdue {
        worker: 0,
        incarnation: 1,
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
        incarnation: 1,
        first: 1,
        count: 1,
        failed: 0,
    });
    pool.handle(Event::Overdue {
        worker: 0,
        incarnation: 1,
        position: 1,
        claimed: 2,
    });
    pool.expect(&["deliver 0 at 1: 1..2", "kill 0"]);
}

#[test]
fn other_lanes_finish_before_the_worker_of_a_late_job_is_killed() {
    let mut pool = Pool::new(1, |config| config.lanes = 3);
    pool.submit(6);
    pool.handle(Event::Ready {
        worker: 0,
        incarnation: 1,
    });
    pool.seen.clear();
    pool.handle(Event::Overdue {
        worker: 0,
        incarnation: 1,
        position: 1,
        claimed: 3,
    });
    pool.expect(&["fail 1..2: late"]);
    pool.handle(Event::Finished {
        worker: 0,
        incarnation: 1,
        first: 0,
        count: 1,
        failed: 0,
    });
    pool.expect(&["deliver 0 at 0: 0..1"]);
    pool.handle(Event::Finished {
        worker: 0,
        incarnation: 1,
        first: 2,
        count: 1,
        failed: 0,
    });
    pool.expect(&["deliver 0 at 2: 2..3", "kill 0"]);
}
