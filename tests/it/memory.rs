//! Memory limits: a job that exceeds one ends with that cause, and no other job is affected.

use std::sync::Arc;

use pool::{
    JobError,
    failure::{Death, EndReason},
};
use tests::{Answer, Puppet};

use crate::setup::{assert_works, puppets, run, scenario, submit};

const LIMIT: u64 = 128 << 20;

fn death(error: JobError) -> Arc<Death> {
    match error {
        JobError::WorkerDied(death) => death,
        other => panic!("not a death: {other}"),
    }
}

/// F11.
#[test]
fn a_job_that_goes_past_the_memory_limit_ends_with_that_cause() {
    scenario(|| {
        let pool = puppets(2).memory_max(LIMIT).build().expect("a pool");
        let greedy = submit(&pool, Puppet::Swell(2 << 30));
        let others: Vec<_> = (0..500)
            .map(|number| submit(&pool, Puppet::Number(number)))
            .collect();
        let death = death(greedy.wait().expect_err("it uses too much"));
        let Some(EndReason::Memory { used, limit }) = death.reason else {
            panic!("not for its memory: {death}")
        };
        assert_eq!(limit, LIMIT);
        assert!(used > LIMIT && used < 2 * LIMIT, "{death}");
        assert!(death.to_string().contains("the limit being 128 MiB"), "{death}");
        for (number, handle) in others.into_iter().enumerate() {
            assert_eq!(handle.wait().expect("a neighbour"), Answer::Number(number as u64));
        }
        assert_works(&pool);
        assert_eq!(pool.stats().worker_died, 1);
    });
}

/// F11, refused by the system: too much at once for the watch to notice first.
#[test]
fn a_sudden_allocation_is_refused_and_reported() {
    // Only the end of a full backtrace is kept, but the cause is known anyway.
    for backtrace in ["0", "1", "full"] {
        scenario(move || {
            let pool = puppets(1)
                .memory_max(LIMIT)
                .env("RUST_BACKTRACE", backtrace)
                .build()
                .expect("a pool");
            let death = death(run(&pool, Puppet::Seize(8 << 30)).expect_err("it asks for too much"));
            assert_eq!(
                death.reason,
                Some(EndReason::AllocationRefused { limit: LIMIT }),
                "{death}"
            );
            let reports = death
                .output
                .matches("memory allocation of 8589934592 bytes failed");
            assert_eq!(reports.count(), 1, "{death}");
            assert_works(&pool);
        });
    }
}

#[test]
fn what_is_under_the_limit_passes() {
    scenario(|| {
        let pool = puppets(1).memory_max(LIMIT).build().expect("a pool");
        for _ in 0..3 {
            assert_eq!(
                run(&pool, Puppet::Swell(64 << 20)).expect("it fits"),
                Answer::Number(64)
            );
        }
        // Shared memory does not count.
        let bytes = vec![1; 20 << 20];
        assert_eq!(
            run(&pool, Puppet::Echo(bytes.clone())).expect("it fits"),
            Answer::Bytes(bytes)
        );
        assert_eq!(pool.stats().deaths, 0);
    });
}
