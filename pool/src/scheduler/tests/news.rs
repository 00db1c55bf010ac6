//! What is believed of workers' reports, and what is shown of workers.

use super::*;

#[test]
fn events_of_an_earlier_incarnation_are_ignored() {
    let mut pool = arrange(1).ready();
    pool.worker(0).died(0, 1);
    pool.incarnation(0, 2).ready();
    pool.submit(1);
    pool.seen.clear();
    pool.worker(0).finished(0, 1);
    pool.worker(0).overdue(0, 1);
    pool.worker(0).died(1, 1);
    pool.expect(&[]);
    pool.incarnation(0, 2).finished(0, 1);
    pool.expect(&["deliver 0 at 0: 0..1", "drained"]);
}

#[test]
fn results_of_jobs_that_were_never_sent_are_skipped() {
    let mut pool = arrange(1).jobs(1).ready();
    pool.worker(0).finished(1, u32::MAX);
    pool.worker(0)
        .finished_with_failures(u64::MAX, u32::MAX, u32::MAX);
    pool.expect(&[]);
}

#[test]
fn the_time_of_a_job_and_the_workers_are_shown() {
    let mut pool = arrange(1).ready();
    assert_eq!(pool.scheduler.job_time(), None);
    pool.submit(1);
    pool.worker(0).done(0, 1, 1, FAST);
    assert_eq!(pool.scheduler.job_time(), Some(FAST));
    let workers: Vec<_> = pool
        .scheduler
        .workers()
        .map(|seen| (seen.worker, seen.incarnation, seen.in_flight))
        .collect();
    assert_eq!(workers, [(0, 1, 0)]);
}
