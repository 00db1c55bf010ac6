//! What is believed of workers, and what is shown of them.

use super::*;

#[test]
fn news_of_an_earlier_life_is_ignored() {
    let mut pool = Pool::ready(1, |_| {});
    pool.died(0, 1, 0, 1);
    pool.handle(Event::Ready {
        worker: 0,
        incarnation: 2,
    });
    pool.submit(1);
    pool.seen.clear();
    pool.handle(Event::Finished {
        worker: 0,
        incarnation: 1,
        first: 0,
        count: 1,
        failed: 0,
    });
    pool.handle(Event::Overdue {
        worker: 0,
        incarnation: 1,
        position: 0,
        claimed: 1,
    });
    pool.died(0, 1, 1, 1);
    pool.expect(&[]);
    pool.handle(Event::Finished {
        worker: 0,
        incarnation: 2,
        first: 0,
        count: 1,
        failed: 0,
    });
    pool.expect(&["deliver 0 at 0: 0..1", "drained"]);
}

#[test]
fn results_of_jobs_that_were_never_sent_are_skipped() {
    let mut pool = Pool::ready(1, |_| {});
    pool.submit(1);
    pool.seen.clear();
    pool.handle(Event::Finished {
        worker: 0,
        incarnation: 1,
        first: 1,
        count: u32::MAX,
        failed: 0,
    });
    pool.handle(Event::Finished {
        worker: 0,
        incarnation: 1,
        first: u64::MAX,
        count: u32::MAX,
        failed: u32::MAX,
    });
    pool.expect(&[]);
}

#[test]
fn the_time_of_a_job_and_the_workers_are_shown() {
    let mut pool = Pool::ready(1, |_| {});
    assert_eq!(pool.scheduler.job_time(), None);
    pool.submit(1);
    pool.done(0, 0, 1, 1, FAST);
    assert_eq!(pool.scheduler.job_time(), Some(FAST));
    let workers: Vec<_> = pool
        .scheduler
        .workers()
        .map(|seen| (seen.worker, seen.incarnation, seen.in_flight))
        .collect();
    assert_eq!(workers, [(0, 1, 0)]);
}
