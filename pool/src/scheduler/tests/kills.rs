//! Workers that do not react, or use too much memory.

use super::*;

const TIMEOUT: Duration = Duration::from_secs(5);

#[test]
fn an_unresponsive_worker_is_killed_and_costs_only_the_job_that_was_started() {
    let mut pool = arrange(1).six_jobs();
    pool.worker(0).unresponsive(TIMEOUT);
    pool.expect(&["kill 0: unresponsive for 5s"]);
    pool.worker(0).died(2, 9);
    pool.expect(&["fail 1..2: died of 9", "start 0/2"]);
    assert_eq!((pool.scheduler.in_flight(), pool.scheduler.queued()), (0, 5));
    pool.incarnation(0, 2).ready();
    pool.expect(&["send 0 epoch 0 at 0: 2..6"]);
}

#[test]
fn a_worker_is_killed_once_and_only_in_its_own_incarnation() {
    let mut pool = arrange(2).jobs(2).ready();
    for _ in 0..2 {
        pool.worker(0).unresponsive(TIMEOUT);
        pool.worker(0).memory_exceeded(11, 10);
    }
    pool.expect(&["kill 0: unresponsive for 5s"]);
    pool.worker(0).died(0, 9);
    pool.seen.clear();
    pool.worker(0).unresponsive(TIMEOUT);
    pool.worker(0).memory_exceeded(11, 10);
    pool.incarnation(0, 2).unresponsive(TIMEOUT);
    pool.incarnation(0, 2).memory_exceeded(11, 10);
    pool.expect(&[]);
    pool.incarnation(0, 2).ready();
    pool.worker(0).unresponsive(TIMEOUT);
    assert!(
        !pool.seen.iter().any(|seen| seen.starts_with("kill")),
        "{:?}",
        pool.seen
    );
}

#[test]
fn a_worker_that_does_not_end_when_asked_to_is_killed() {
    let mut pool = arrange(1).ready();
    pool.handle(Event::Close);
    pool.expect(&["close 0"]);
    pool.worker(0).unresponsive(TIMEOUT);
    pool.expect(&["kill 0: unresponsive for 5s"]);
    pool.worker(0).died(0, 1);
    pool.expect(&["ended"]);
}

#[test]
fn memory_is_exceeded_and_what_was_not_started_is_taken_back_before_the_kill() {
    let mut pool = arrange(1).six_jobs();
    pool.worker(0).memory_exceeded(11, 10);
    pool.worker(0).memory_exceeded(12, 10);
    pool.expect(&["revoke 0"]);
    pool.worker(0).finished(1, 1);
    pool.expect(&["deliver 0 at 1: 1..2"]);
    pool.worker(0).revoked(3);
    pool.expect(&["kill 0: 11 of 10 bytes"]);
    assert_eq!((pool.scheduler.in_flight(), pool.scheduler.queued()), (1, 4));
    pool.worker(0).died(3, 9);
    pool.expect(&["fail 2..3: died of 9", "start 0/2"]);
}

#[test]
fn a_kill_for_memory_waits_for_a_revocation_that_is_under_way() {
    let mut pool = arrange(1).six_jobs();
    pool.worker(0).stalled();
    pool.worker(0).memory_exceeded(11, 10);
    pool.expect(&["revoke 0"]);
    pool.worker(0).revoked(2);
    pool.expect(&["kill 0: 11 of 10 bytes"]);
}

#[test]
fn a_worker_without_jobs_that_uses_too_much_memory_is_killed_at_once() {
    let mut pool = arrange(1).warm().ready();
    pool.worker(0).memory_exceeded(11, 10);
    pool.expect(&["kill 0: 11 of 10 bytes"]);
    pool.worker(0).died(1, 9);
    pool.expect(&["start 0/2"]);
}

#[test]
fn too_much_memory_kills_without_waiting_for_other_lanes() {
    let mut pool = arrange(1).config(|config| config.lanes = 3).starting();
    pool.submit(3);
    pool.worker(0).ready();
    pool.seen.clear();
    pool.worker(0).overdue(1, 3);
    pool.expect(&["fail 1..2: late"]);
    pool.worker(0).memory_exceeded(11, 10);
    pool.expect(&["revoke 0"]);
    pool.worker(0).revoked(3);
    pool.expect(&["kill 0: 11 of 10 bytes"]);
}

#[test]
fn results_that_were_published_before_the_kill_are_delivered() {
    let mut pool = arrange(1).six_jobs();
    pool.worker(0).unresponsive(TIMEOUT);
    pool.worker(0).finished(1, 2);
    pool.expect(&[
        "kill 0: unresponsive for 5s",
        "deliver 0 at 1: 1..2",
        "deliver 0 at 2: 2..3",
    ]);
    pool.worker(0).died(3, 9);
    pool.expect(&["start 0/2"]);
}

#[test]
fn workers_that_never_take_a_job_before_they_are_killed_count_as_failed_starts() {
    let mut pool = arrange(1).jobs(1).ready();
    for incarnation in 1..=3 {
        pool.incarnation(0, incarnation).unresponsive(TIMEOUT);
        pool.incarnation(0, incarnation).died(0, incarnation);
        pool.incarnation(0, incarnation + 1).ready();
    }
    pool.seen.clear();
    pool.incarnation(0, 4).memory_exceeded(11, 10);
    pool.incarnation(0, 4).revoked(0);
    pool.incarnation(0, 4).died(0, 4);
    pool.expect(&[
        "revoke 0",
        "kill 0: 11 of 10 bytes",
        "broken by 4",
        "fail 0..1: broken by 4",
        "drained",
        "ended",
    ]);
}
