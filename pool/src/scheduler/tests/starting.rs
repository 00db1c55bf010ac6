//! Starts that fail, and pools that break.

use super::*;

#[test]
fn until_one_worker_is_ready_none_is_tried_twice() {
    let mut pool = arrange(3).starting();
    pool.seen.clear();
    pool.worker(1).start_failed(5, Outlook::Hopeless);
    pool.worker(0).died(0, 6);
    pool.expect(&[]);
    pool.worker(2).ready();
    pool.expect(&["first ready", "start 0/2 later", "start 1/2 later"]);
}

#[test]
fn a_pool_of_which_no_worker_starts_breaks_with_the_first_cause() {
    let mut pool = arrange(2).starting();
    pool.submit(2);
    pool.seen.clear();
    pool.worker(1).start_failed(5, Outlook::Open);
    pool.expect(&[]);
    pool.worker(0).start_failed(6, Outlook::Open);
    pool.expect(&["broken by 5", "fail 0..2: broken by 5", "drained", "ended"]);
    assert!(!pool.scheduler.is_open() && pool.scheduler.has_ended());
}

#[test]
fn a_permanent_failure_breaks_the_pool_once_no_worker_is_left() {
    let mut pool = arrange(2).ready();
    pool.worker(0).died(0, 1);
    pool.worker(1).died(0, 2);
    pool.seen.clear();
    pool.now += Duration::from_millis(13);
    pool.incarnation(0, 2).start_failed(3, Outlook::Hopeless);
    pool.expect(&["start 0/3 later"]);
    pool.incarnation(1, 2).start_failed(4, Outlook::Hopeless);
    pool.expect(&["broken by 4", "close 0"]);
    pool.incarnation(0, 3).start_failed(0, Outlook::Open);
    pool.expect(&["ended"]);
}

#[test]
fn a_crash_loop_breaks_the_pool_and_running_jobs_may_finish() {
    let mut pool = arrange(2).ready();
    pool.submit(2);
    pool.worker(1).died(1, 1);
    pool.seen.clear();
    pool.submit(3);
    for incarnation in 2..=5 {
        pool.incarnation(1, incarnation)
            .start_failed(incarnation, Outlook::Open);
    }
    pool.expect(&[
        "start 1/3 later",
        "start 1/4 later",
        "start 1/5 later",
        "broken by 5",
        "fail 2..5: broken by 5",
    ]);
    pool.worker(0).finished(0, 1);
    pool.expect(&["deliver 0 at 0: 0..1", "close 0", "drained"]);
    pool.worker(0).died(1, 0);
    pool.expect(&["ended"]);
}

#[test]
fn a_shortage_never_breaks_the_pool() {
    let mut pool = arrange(1).ready();
    pool.worker(0).died(1, 1);
    pool.expect(&["start 0/2 later"]);
    for incarnation in 2..40 {
        pool.incarnation(0, incarnation)
            .start_failed(2, Outlook::Shortage);
        let next = format!("start 0/{} later", incarnation + 1);
        pool.expect(&[&next]);
    }
    pool.submit(1);
    pool.incarnation(0, 40).ready();
    pool.expect(&["send 0 epoch 0 at 0: 0"]);
}
