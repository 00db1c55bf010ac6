//! Deadlines.

use super::*;

#[test]
fn a_late_job_fails_and_its_worker_is_replaced() {
    let mut pool = arrange(1).six_jobs();
    pool.worker(0).overdue(1, 2);
    pool.expect(&["fail 1..2: late", "kill 0"]);
    pool.worker(0).died(2, 9);
    pool.expect(&["start 0/2"]);
    assert_eq!(pool.scheduler.queued(), 5);
}

#[test]
fn a_job_that_finishes_as_its_deadline_passes_is_delivered() {
    let mut pool = arrange(1).six_jobs();
    pool.worker(0).finished(1, 1);
    pool.worker(0).overdue(1, 2);
    pool.expect(&["deliver 0 at 1: 1..2", "kill 0"]);
}

#[test]
fn other_lanes_finish_before_the_worker_of_a_late_job_is_killed() {
    let mut pool = arrange(1).config(|config| config.lanes = 3).starting();
    pool.submit(6);
    pool.worker(0).ready();
    pool.seen.clear();
    pool.worker(0).overdue(1, 3);
    pool.expect(&["fail 1..2: late"]);
    pool.worker(0).finished(0, 1);
    pool.expect(&["deliver 0 at 0: 0..1"]);
    pool.worker(0).finished(2, 1);
    pool.expect(&["deliver 0 at 2: 2..3", "kill 0"]);
}
