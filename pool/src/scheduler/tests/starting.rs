//! Starts that fail, and pools that break.

use super::*;

#[test]
fn until_one_worker_is_ready_none_is_tried_twice() {
    let mut pool = Pool::new(3, |_| {});
    pool.seen.clear();
    pool.handle(Event::StartFailed {
        worker: 1,
        incarnation: 1,
        cause: 5,
        outlook: Outlook::Hopeless,
    });
    pool.died(0, 1, 0, 6);
    pool.expect(&[]);
    pool.handle(Event::Ready {
        worker: 2,
        incarnation: 1,
    });
    pool.expect(&["first ready", "start 0/2 later", "start 1/2 later"]);
}

#[test]
fn a_pool_of_which_no_worker_starts_breaks_with_the_first_cause() {
    let mut pool = Pool::new(2, |_| {});
    pool.submit(2);
    pool.seen.clear();
    pool.handle(Event::StartFailed {
        worker: 1,
        incarnation: 1,
        cause: 5,
        outlook: Outlook::Open,
    });
    pool.expect(&[]);
    pool.handle(Event::StartFailed {
        worker: 0,
        incarnation: 1,
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
        incarnation: 2,
        cause: 3,
        outlook: Outlook::Hopeless,
    });
    pool.expect(&["start 0/3 later"]);
    pool.handle(Event::StartFailed {
        worker: 1,
        incarnation: 2,
        cause: 4,
        outlook: Outlook::Hopeless,
    });
    pool.expect(&["broken by 4", "close 0"]);
    pool.handle(Event::StartFailed {
        worker: 0,
        incarnation: 3,
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
    for incarnation in 2..=5 {
        pool.handle(Event::StartFailed {
            worker: 1,
            incarnation,
            cause: incarnation,
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
        incarnation: 1,
        first: 0,
        count: 1,
        failed: 0,
    });
    pool.expect(&["deliver 0 at 0: 0..1", "close 0", "drained"]);
    pool.died(0, 1, 1, 0);
    pool.expect(&["ended"]);
}

#[test]
fn a_shortage_never_breaks_the_pool() {
    let mut pool = Pool::ready(1, |_| {});
    pool.died(0, 1, 1, 1);
    pool.expect(&["start 0/2 later"]);
    for incarnation in 2..40 {
        pool.handle(Event::StartFailed {
            worker: 0,
            incarnation,
            cause: 2,
            outlook: Outlook::Shortage,
        });
        let next = format!("start 0/{} later", incarnation + 1);
        pool.expect(&[&next]);
    }
    pool.submit(1);
    pool.handle(Event::Ready {
        worker: 0,
        incarnation: 40,
    });
    pool.expect(&["send 0 epoch 0 at 0: 0"]);
}
