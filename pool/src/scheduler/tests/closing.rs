//! Closing and killing a pool.

use super::*;

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
        incarnation: 1,
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
        incarnation: 2,
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
        incarnation: 1,
        first: 1,
        count: 1,
        failed: 0,
    });
    pool.died(0, 1, 2, 1);
    pool.expect(&["ended"]);
}
