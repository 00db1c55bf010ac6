//! Slow jobs and silent workers: the jobs behind them go elsewhere.

use super::*;

#[test]
fn what_waits_behind_a_slow_job_goes_to_others() {
    let mut pool = arrange(1).six_jobs();
    pool.worker(0).stalled();
    pool.worker(0).stalled();
    pool.expect(&["revoke 0"]);
    pool.worker(0).revoked(2);
    pool.expect(&[]);
    assert_eq!((pool.scheduler.in_flight(), pool.scheduler.queued()), (1, 5));
    pool.submit(100);
    pool.worker(0).progress(3, 1, FAST);
    pool.expect(&[]);
    pool.worker(0).finished(1, 1);
    let seen = std::mem::take(&mut pool.seen);
    assert_eq!(seen[..2], ["deliver 0 at 1: 1..2", "send 0 epoch 1 at 2: 2..6"]);
    assert_eq!(seen[2..], ["send 0 epoch 1 at 6: 6..10"], "the hold is lifted");
}

#[test]
fn a_worker_with_nothing_behind_a_slow_job_is_left_alone() {
    let mut pool = arrange(1).warm().jobs(1).ready();
    pool.worker(0).stalled();
    pool.submit(100);
    pool.expect(&[]);
}

#[test]
fn a_silent_worker_loses_its_jobs_and_gets_no_others_before_it_moves() {
    let mut pool = arrange(2).ready();
    pool.submit(1);
    pool.expect(&["send 0 epoch 0 at 0: 0"]);
    pool.worker(0).silent();
    pool.expect(&["revoke 0"]);
    pool.worker(0).revoked(0);
    pool.expect(&["send 1 epoch 0 at 0: 0"]);
    pool.submit(1);
    pool.expect(&[]);
    pool.worker(0).progress(1, 0, Duration::ZERO);
    pool.expect(&["send 0 epoch 1 at 0: 1"]);
}
