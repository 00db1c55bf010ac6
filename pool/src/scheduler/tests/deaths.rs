//! What a death costs.

use super::*;

#[test]
fn a_death_costs_the_job_that_was_running() {
    let mut pool = arrange(1).six_jobs();
    pool.worker(0).finished(1, 1);
    pool.worker(0).died(3, 77);
    pool.expect(&["deliver 0 at 1: 1..2", "fail 2..3: died of 77", "start 0/2"]);
    assert_eq!((pool.scheduler.in_flight(), pool.scheduler.queued()), (0, 4));
    pool.incarnation(0, 2).ready();
    pool.expect(&["send 0 epoch 0 at 0: 3..7"]);
}

#[test]
fn a_suspect_is_tried_again_alone_and_then_quarantined() {
    let mut pool = arrange(1).config(|config| config.attempts = 2).six_jobs();
    pool.worker(0).died(2, 77);
    pool.incarnation(0, 2).ready();
    pool.expect(&["start 0/2", "send 0 epoch 0 at 0: 1"]);
    pool.incarnation(0, 2).died(1, 78);
    pool.expect(&["fail 1..2: quarantined after [77, 78]", "start 0/3"]);
}

#[test]
fn more_claims_than_jobs_are_not_believed() {
    let mut pool = arrange(1).six_jobs();
    pool.worker(0).died(u64::MAX, 77);
    pool.expect(&["fail 1..2: died of 77", "fail 2..6: died of 77", "start 0/2"]);
    assert_eq!(pool.scheduler.queued(), 1);
}

#[test]
fn an_idle_death_counts_as_a_failure_only_without_a_finished_job() {
    let mut pool = arrange(1).ready();
    pool.worker(0).died(0, 1);
    pool.expect(&["start 0/2 later"]);
    pool.incarnation(0, 2).ready();
    pool.submit(1);
    pool.incarnation(0, 2).finished(0, 1);
    pool.seen.clear();
    pool.incarnation(0, 2).died(1, 1);
    pool.expect(&["start 0/3"]);
}
