//! The ends of a pool: drain, shutdown, kill and drop. Nothing is left behind.

use std::time::{Duration, Instant};

use pool::{JobError, SubmitError};
use tests::{Answer, Puppet};

use crate::setup::{
    a_pid, alone, assert_works, holdings, is_alive, puppet_pool, run, scenario, submit, wait_for,
};

#[test]
fn drain_waits_for_all_and_the_pool_goes_on() {
    scenario(|| {
        let pool = puppet_pool(2);
        pool.drain();
        let handles: Vec<_> = (0..50).map(|_| submit(&pool, Puppet::Spin(1000))).collect();
        pool.drain();
        assert!(handles.iter().all(pool::JobHandle::is_finished));
        assert_works(&pool);
        submit(&pool, Puppet::Stubborn);
        assert!(!pool.drain_timeout(Duration::from_millis(20)));
    });
}

/// F43.
#[test]
fn a_shutdown_lets_jobs_end_and_may_be_repeated() {
    scenario(|| {
        let pool = puppet_pool(2);
        let pid = a_pid(&pool);
        let handles: Vec<_> = (0..20)
            .map(|number| submit(&pool, Puppet::Number(number)))
            .collect();
        let last = submit(&pool, Puppet::Sleep(50));
        pool.shutdown(Duration::from_mins(10));
        pool.shutdown(Duration::from_mins(10));
        pool.kill();
        for (number, handle) in handles.into_iter().enumerate() {
            assert_eq!(handle.wait().expect("an answer"), Answer::Number(number as u64));
        }
        last.wait().expect("it was let end");
        let rejected = pool.submit(Puppet::Number(1)).expect_err("closed");
        assert!(matches!(rejected.error, SubmitError::Closed));
        assert!(!is_alive(pid));
        let mut outputs = pool.map((0..5).map(Puppet::Number));
        let first = outputs.next().expect("the refusal").expect_err("closed");
        assert!(matches!(first, JobError::NotSubmitted(SubmitError::Closed)));
        assert!(outputs.next().is_none());
    });
}

#[test]
fn a_shutdown_takes_no_longer_than_its_grace_and_a_second() {
    scenario(|| {
        let pool = puppet_pool(2);
        let handles: Vec<_> = (0..4).map(|_| submit(&pool, Puppet::Stubborn)).collect();
        let begun = Instant::now();
        pool.shutdown(Duration::from_millis(100));
        assert!(
            begun.elapsed() < Duration::from_millis(1100),
            "it took {:?}",
            begun.elapsed()
        );
        for handle in handles {
            let error = handle.wait().expect_err("it never ends");
            assert!(matches!(error, JobError::Closed), "{error}");
        }
    });
}

#[test]
fn a_dropped_pool_ends_its_jobs_and_its_workers() {
    scenario(|| {
        let pool = puppet_pool(2);
        let pid = a_pid(&pool);
        let running = submit(&pool, Puppet::Stubborn);
        let queued: Vec<_> = (0..50).map(|_| submit(&pool, Puppet::Sleep(1000))).collect();
        drop(pool);
        assert!(!is_alive(pid));
        for handle in std::iter::once(running).chain(queued) {
            let error = handle.wait().expect_err("the pool was dropped");
            assert!(matches!(error, JobError::Closed), "{error}");
        }
    });
}

#[test]
fn a_submitter_waiting_for_room_learns_of_the_end() {
    scenario(|| {
        let pool = crate::setup::puppets(1).queue(1).build().expect("a pool");
        std::thread::scope(|scope| {
            let pool = &pool;
            let submitting = scope.spawn(move || {
                let mut accepted = Vec::new();
                loop {
                    match pool.submit(Puppet::Stubborn) {
                        Ok(handle) => accepted.push(handle),
                        Err(rejected) => return rejected.error,
                    }
                }
            });
            wait_for("the queue to fill", || (pool.stats().queued == 1).then_some(()));
            pool.kill();
            assert!(matches!(submitting.join().expect("it ends"), SubmitError::Closed));
        });
    });
}

#[test]
fn a_pool_that_is_dropped_in_a_panic_is_ended_too() {
    scenario(|| {
        let (sender, receiver) = std::sync::mpsc::channel();
        let panicking = std::thread::spawn(move || {
            let pool = puppet_pool(1);
            sender.send(a_pid(&pool)).expect("somebody listens");
            let _running = submit(&pool, Puppet::Stubborn);
            panic!("with a pool in hand, on purpose");
        });
        let pid = receiver.recv().expect("a process id");
        panicking.join().expect_err("it panics");
        assert!(!is_alive(pid));
    });
}

/// F45, in a separate process, since other tests hold resources too.
#[test]
fn pools_built_and_dropped_leave_nothing_behind() {
    if !alone("lifecycle::pools_built_and_dropped_leave_nothing_behind") {
        return;
    }
    scenario(|| {
        let round = |number: u64| {
            let pool = puppet_pool(2);
            match number % 4 {
                0 => {}
                1 => assert_works(&pool),
                2 => drop(submit(&pool, Puppet::Stubborn)),
                _ => drop(run(&pool, Puppet::Raise(9))),
            }
        };
        (0..8).for_each(round);
        let before = holdings();
        (0..1000).for_each(round);
        assert_eq!(holdings(), before);
    });
}

/// F43: the ends of a pool that never had a job.
#[test]
fn a_pool_without_a_job_may_be_ended_in_every_way() {
    scenario(|| {
        for end in [0, 1, 2, 3] {
            let pool = puppet_pool(2);
            let pid = a_pid(&pool);
            match end {
                0 => pool.shutdown(Duration::from_mins(10)),
                1 => pool.shutdown(Duration::ZERO),
                2 => pool.close(),
                _ => pool.kill(),
            }
            assert!(!is_alive(pid), "way {end}");
            pool.kill();
            pool.drain();
            let rejected = pool.submit(Puppet::Number(1)).expect_err("closed");
            assert!(matches!(rejected.error, SubmitError::Closed));
        }
    });
}

/// F44: a job that has its own pool.
#[test]
fn a_job_may_use_another_pool() {
    scenario(|| {
        let pool = puppet_pool(1);
        for _ in 0..3 {
            assert_eq!(run(&pool, Puppet::Nested).expect("an answer"), Answer::Number(8));
        }
    });
}
