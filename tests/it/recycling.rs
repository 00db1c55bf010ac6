//! Replacing healthy workers: only their process ids show it.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use pool::JobError;
use tests::{Answer, Puppet};

use crate::setup::{assert_works, puppets, run, scenario, submit, wait_for};

/// F40, with a backlog.
#[test]
fn workers_are_replaced_amid_a_backlog_and_no_job_notices() {
    scenario(|| {
        let pool = puppets(2).recycle_after(100).build().expect("a pool");
        let mut jobs_of: HashMap<u64, u64> = HashMap::new();
        let mut jobs = 0;
        while pool.stats().recycled < 6 {
            for answer in pool.map((0..1000).map(|_| Puppet::Pid)) {
                let Ok(Answer::Number(pid)) = answer else {
                    panic!("{answer:?}")
                };
                *jobs_of.entry(pid).or_default() += 1;
                jobs += 1;
            }
        }
        assert!(jobs_of.len() >= 5, "{jobs_of:?}");
        let stats = pool.stats();
        assert_eq!(
            (stats.finished, stats.worker_died, stats.start_failures),
            (jobs, 0, 0)
        );
        assert!(stats.workers.iter().all(|worker| worker.worker < 2), "{stats:?}");
    });
}

/// F40, in a shutdown and in a drop.
#[test]
fn recycling_and_the_end_of_a_pool_do_not_hinder_each_other() {
    scenario(|| {
        for round in 0..10 {
            let pool = puppets(2).recycle_after(1).build().expect("a pool");
            let handles: Vec<_> = (0..200)
                .map(|number| submit(&pool, Puppet::Number(number)))
                .collect();
            if round % 2 == 0 {
                pool.shutdown(Duration::from_mins(1));
                assert!(pool.stats().workers.iter().all(|worker| worker.pid.is_none()));
            } else {
                drop(pool);
            }
            for (number, handle) in handles.into_iter().enumerate() {
                match handle.wait() {
                    Ok(answer) => assert_eq!(answer, Answer::Number(number as u64)),
                    Err(error) => assert!(
                        round % 2 == 1 && matches!(error, JobError::Closed),
                        "round {round}: {error}"
                    ),
                }
            }
        }
    });
}

/// The successor is ready before the old worker leaves, so nothing waits for its slow start.
#[test]
fn jobs_do_not_wait_for_a_replacement_to_start() {
    scenario(|| {
        let pool = puppets(1)
            .recycle_after(10)
            .initialiser_argument(&"slow")
            .build()
            .expect("a pool");
        let (mut longest, mut last) = (Duration::ZERO, Instant::now());
        let begun = Instant::now();
        while pool.stats().recycled < 2 {
            run(&pool, Puppet::Spin(1000)).expect("an answer");
            longest = longest.max(last.elapsed());
            last = Instant::now();
            assert!(begun.elapsed() < Duration::from_mins(1), "no worker is replaced");
        }
        assert!(
            longest < Duration::from_millis(800),
            "a job of a millisecond took {longest:?}"
        );
    });
}

#[test]
fn a_worker_that_has_grown_is_replaced_between_two_jobs() {
    scenario(|| {
        let pool = puppets(1).recycle_memory(64 << 20).build().expect("a pool");
        let Ok(Answer::Number(first)) = run(&pool, Puppet::Hoard(100 << 20)) else {
            panic!("it has room")
        };
        wait_for("the replacement", || (pool.stats().recycled == 1).then_some(()));
        let Ok(Answer::Number(second)) = run(&pool, Puppet::Hoard(1)) else {
            panic!("it works")
        };
        assert_ne!(first, second);
        assert_works(&pool);
        assert_eq!(pool.stats().worker_died, 0);
    });
}

#[test]
fn recycling_that_cannot_be_is_named() {
    scenario(|| {
        for (builder, words) in [
            (puppets(1).recycle_after(0), "is replaced is 0"),
            (
                puppets(1).memory_max(100),
                "the memory limit of a worker in bytes is 100",
            ),
            (
                puppets(1).memory_max(64 << 20).recycle_memory(128 << 20),
                "with which a worker is replaced is 134217728",
            ),
        ] {
            let error = builder.build().expect_err("it cannot be").to_string();
            assert!(error.contains(words), "{error}");
        }
    });
}
