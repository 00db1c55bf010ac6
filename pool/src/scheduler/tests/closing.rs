//! Closing and killing a pool.

use super::*;

#[test]
fn a_closed_pool_does_its_jobs_and_replaces_workers_for_them() {
    let mut pool = arrange(2).jobs(3).ready();
    pool.handle(Event::Close);
    assert!(!pool.scheduler.is_open());
    pool.worker(1).died(0, 1);
    pool.expect(&["start 1/2 later"]);
    pool.worker(0).finished(0, 1);
    pool.expect(&["deliver 0 at 0: 0..1", "send 0 epoch 0 at 1: 1"]);
    pool.worker(0).done(1, 1, 2, FAST);
    pool.expect(&["deliver 0 at 1: 1..2", "send 0 epoch 0 at 2: 2"]);
    pool.worker(0).died(3, 2);
    pool.expect(&["fail 2..3: died of 2", "close 1", "drained"]);
    pool.incarnation(1, 2).start_failed(3, Outlook::Open);
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
    let mut pool = arrange(1).six_jobs();
    pool.handle(Event::Kill);
    pool.expect(&[
        "fail 1..2: closed",
        "fail 2..6: closed",
        "kill 0",
        "fail 6..7: closed",
        "drained",
    ]);
    pool.worker(0).finished(1, 1);
    pool.worker(0).died(2, 1);
    pool.expect(&["ended"]);
}

#[test]
fn a_stop_cancels_what_is_queued_and_what_comes_back_and_lets_the_rest_end() {
    let mut pool = arrange(1).warm().jobs(6).ready();
    pool.seen.clear();
    let queued = pool.scheduler.queued();
    assert!(queued > 0, "all jobs are at the worker");
    pool.handle(Event::Stop);
    assert!(!pool.scheduler.is_open() && pool.scheduler.queued() == 0);
    let cancelled = |pool: &Pool| pool.seen.iter().filter(|seen| seen.contains("cancelled")).count();
    assert!(cancelled(&pool) > 0, "{:?}", pool.seen);
    pool.seen.clear();
    pool.worker(0).stalled();
    pool.worker(0).revoked(2);
    assert!(cancelled(&pool) > 0, "{:?}", pool.seen);
    assert_eq!(pool.scheduler.queued(), 0);
    pool.seen.clear();
    pool.worker(0).finished(1, 1);
    assert!(pool.seen.iter().any(|seen| seen == "close 0"), "{:?}", pool.seen);
}
