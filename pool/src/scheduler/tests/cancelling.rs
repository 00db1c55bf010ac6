//! Cancelling.

use super::*;

#[test]
fn a_queued_job_is_cancelled_at_once() {
    let mut pool = arrange(1).six_jobs();
    pool.handle(Event::Cancel { job: 6 });
    pool.expect(&["fail 6..7: cancelled"]);
    pool.handle(Event::Cancel { job: 6 });
    pool.handle(Event::Cancel { job: 0 });
    pool.handle(Event::Cancel { job: 99 });
    pool.expect(&[]);
}

#[test]
fn a_job_that_was_sent_and_not_started_is_cancelled_alone() {
    let mut pool = arrange(1).six_jobs();
    pool.handle(Event::Cancel { job: 3 });
    pool.handle(Event::Cancel { job: 5 });
    pool.expect(&["revoke 0"]);
    pool.worker(0).revoked(2);
    pool.expect(&["fail 5..6: cancelled", "fail 3..4: cancelled"]);
    assert_eq!((pool.scheduler.in_flight(), pool.scheduler.queued()), (1, 3));
}

#[test]
fn a_running_job_is_cancelled_with_its_worker() {
    let mut pool = arrange(1).six_jobs();
    pool.handle(Event::Cancel { job: 1 });
    pool.worker(0).revoked(2);
    pool.expect(&["revoke 0", "fail 1..2: cancelled", "kill 0"]);
}

#[test]
fn a_job_that_finishes_before_it_can_be_cancelled_is_delivered() {
    let mut pool = arrange(1).six_jobs();
    pool.handle(Event::Cancel { job: 1 });
    pool.worker(0).finished(1, 1);
    pool.worker(0).revoked(2);
    let seen = std::mem::take(&mut pool.seen);
    assert_eq!(seen[..2], ["revoke 0", "deliver 0 at 1: 1..2"]);
    assert!(
        !seen.contains(&"kill 0".to_owned()),
        "nothing is left to be cancelled: {seen:?}"
    );
}
