//! A suspended pool: its workers stand still, and the time counts for no deadline.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use tests::{Answer, Puppet};

use crate::setup::{Folder, a_pid, assert_works, is_alive, puppets, run, scenario, signal, submit, wait_for};

const DEADLINE: Duration = Duration::from_secs(1);

/// Whether a process is stopped by a signal.
fn is_stopped(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let (_, rest) = stat.rsplit_once(')').unwrap_or_default();
    rest.trim_start().starts_with('T')
}

/// Lets time pass, for tests that wait for time itself.
fn pass(time: Duration) {
    let end = Instant::now() + time;
    while let Some(left) = end.checked_duration_since(Instant::now()) {
        std::thread::park_timeout(left);
    }
}

#[test]
fn a_suspended_job_misses_no_deadline_and_then_does() {
    scenario(|| {
        let folder = Folder::new();
        let (here, there) = (folder.path("here"), folder.path("there"));
        let pool = puppets(1).job_deadline(DEADLINE).build().expect("a pool");
        let job = submit(&pool, Puppet::Meet(here, there.clone()));
        wait_for("the job to run", || folder.exists("here").then_some(()));
        let pid = a_pid(&pool);
        for _ in 0..2 {
            pool.suspend();
            pool.suspend();
            wait_for("the worker to stand still", || is_stopped(pid).then_some(()));
            pass(DEADLINE * 3 / 2);
            pool.resume();
            pool.resume();
            wait_for("the worker to go on", || (!is_stopped(pid)).then_some(()));
        }
        std::fs::write(&there, "").expect("a file");
        job.wait().expect("it was in time");
        assert!(run(&pool, Puppet::Stubborn).is_err(), "deadlines count again");
    });
}

#[test]
fn a_worker_that_starts_meanwhile_waits_too_and_is_not_given_up() {
    scenario(|| {
        let pool = puppets(1).start_deadline(DEADLINE).build().expect("a pool");
        let pid = a_pid(&pool);
        pool.suspend();
        signal(pid, Signal::KILL);
        wait_for("the worker to end", || (!is_alive(pid)).then_some(()));
        wait_for("its successor to start", || {
            (pool.stats().restarts == 1).then_some(())
        });
        pass(DEADLINE * 3 / 2);
        assert_eq!(pool.stats().start_failures, 0);
        pool.resume();
        assert_works(&pool);
        assert_eq!(pool.stats().start_failures, 0);
    });
}

#[test]
fn a_suspended_pool_can_be_dropped() {
    scenario(|| {
        let pool = puppets(2).build().expect("a pool");
        let pid = a_pid(&pool);
        pool.suspend();
        drop(pool);
        wait_for("the worker to end", || (!is_alive(pid)).then_some(()));
    });
}

/// The worker takes no job while it is suspended, and none is taken from it as unresponsive.
#[test]
fn jobs_of_a_suspended_pool_wait() {
    scenario(|| {
        let pool = puppets(1).start_deadline(DEADLINE).build().expect("a pool");
        assert_works(&pool);
        pool.suspend();
        let job = submit(&pool, Puppet::Number(7));
        pass(DEADLINE * 3 / 2);
        assert!(!job.is_finished(), "the worker stands still");
        pool.resume();
        assert_eq!(job.wait().expect("an answer"), Answer::Number(7));
        assert_eq!(pool.stats().deaths, 0);
    });
}
