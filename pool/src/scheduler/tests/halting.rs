//! Halting.

use super::*;

/// A pool with this halting policy, three jobs in a frame at a worker, and two more in the queue.
fn about_to_halt(halt: &str) -> Pool {
    let mut pool = arrange(1)
        .config(|config| config.halt = Some(halt.parse().expect("a halt")))
        .warm()
        .jobs(6)
        .ready();
    pool.worker(0).finished(1, 1);
    pool.worker(0).progress(2, 2, FAST * 2);
    pool.seen.clear();
    pool
}

fn fails(pool: &mut Pool, first: u64) {
    pool.worker(0).finished_with_failures(first, 1, 1);
}

#[test]
fn a_halt_soon_lets_what_was_started_end_and_runs_nothing_else() {
    let mut pool = about_to_halt("soon,fail=1");
    fails(&mut pool, 2);
    assert!(!pool.scheduler.is_open());
    assert!(pool.seen.iter().any(|seen| seen == "halted") && pool.seen.iter().any(|seen| seen == "revoke 0"));
    pool.seen.clear();
    pool.worker(0).revoked(4);
    assert!(
        pool.seen
            .iter()
            .all(|seen| seen.ends_with("halted, started false")),
        "{:?}",
        pool.seen
    );
    pool.seen.clear();
    fails(&mut pool, 3);
    pool.expect(&["deliver 0 at 3: 3..4", "close 0", "drained"]);
    pool.worker(0).died(4, 1);
    pool.expect(&["ended"]);
}

#[test]
fn a_halt_now_ends_what_runs_with_its_worker() {
    let mut pool = about_to_halt("now,fail=1");
    fails(&mut pool, 2);
    pool.seen.clear();
    pool.worker(0).revoked(4);
    let started = pool
        .seen
        .iter()
        .filter(|seen| seen.ends_with("started true"))
        .count();
    assert_eq!(started, 1, "{:?}", pool.seen);
    assert!(pool.seen.iter().any(|seen| seen == "kill 0"), "{:?}", pool.seen);
    assert!(pool.scheduler.is_idle());
}

#[test]
fn a_death_counts_as_a_failure_and_a_cancelled_job_does_not() {
    let mut pool = arrange(2)
        .config(|config| config.halt = "soon,fail=1".parse().ok())
        .ready();
    pool.submit(3);
    pool.handle(Event::Cancel { job: 2 });
    assert!(pool.scheduler.is_open());
    pool.worker(0).died(1, 7);
    assert!(!pool.scheduler.is_open());
}
