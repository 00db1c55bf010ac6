//! What a pool does if jobs fail.

use std::time::Duration;

use pool::{
    JobError, SubmitError,
    policy::{FailurePolicy, Halted},
};
use tests::{Answer, Puppet};

use crate::setup::{Folder, assert_works, puppets, run, scenario, submit, wait_for};

fn halted(error: &JobError) -> Option<(Halted, bool)> {
    match error {
        JobError::Halted { by, started } => Some((*by, *started)),
        _ => None,
    }
}

#[test]
fn a_halt_soon_lets_what_runs_end_and_starts_nothing_else() {
    scenario(|| {
        let folder = Folder::new();
        let halt = "soon,fail=1".parse().expect("a halt");
        let pool = puppets(2).halt(halt).build().expect("a pool");
        let (here, there) = (folder.path("here"), folder.path("there"));
        let running = submit(&pool, Puppet::Meet(here, there.clone()));
        wait_for("the job to run", || folder.exists("here").then_some(()));
        let failing = submit(&pool, Puppet::Fail);
        let never = Puppet::Mark(folder.path("never"), Box::new(Puppet::Number(1)));
        assert_eq!(failing.wait().expect("a failure is an output"), Answer::Failure);
        wait_for("the halt", || pool.closed_reason());
        let rejected = pool.submit(never).expect_err("the pool has halted");
        assert!(
            matches!(&rejected.error, SubmitError::Halted(by) if (by.failed, by.ended) == (1, 1)),
            "{rejected}"
        );
        assert!(
            rejected
                .to_string()
                .contains("1 of 1 job has failed (soon,fail=1)"),
            "{rejected}"
        );
        std::fs::write(there, "").expect("written");
        assert_eq!(running.wait().expect("it was let end"), Answer::Nothing);
        assert_eq!(folder.mark_count("never"), 0);
        pool.shutdown(Duration::from_mins(1));
        assert_eq!((pool.stats().failed, pool.stats().worker_died), (1, 0));
    });
}

#[test]
fn every_job_has_one_end_when_a_pool_halts_amid_a_backlog() {
    scenario(|| {
        for halt in ["soon,fail=3", "now,fail=3", "soon,fail=5%"] {
            let folder = Folder::new();
            let pool = puppets(2)
                .halt(halt.parse().expect("a halt"))
                .build()
                .expect("a pool");
            let jobs = (0..3000_u64).map(|number| {
                let then = if number % 200 == 199 {
                    Puppet::Fail
                } else {
                    Puppet::Number(number)
                };
                Puppet::Mark(folder.path(&number.to_string()), Box::new(then))
            });
            let handles: Vec<_> = jobs.map_while(|job| pool.submit(job).ok()).collect();
            let (mut failed, mut not_run) = (0, 0);
            for (number, handle) in handles.into_iter().enumerate() {
                let starts = folder.mark_count(&number.to_string());
                match handle.wait() {
                    Ok(Answer::Failure) => failed += 1,
                    Ok(answer) => assert_eq!(answer, Answer::Number(number as u64)),
                    Err(error) => {
                        let (_, started) = halted(&error).unwrap_or_else(|| panic!("{number}: {error}"));
                        assert!(
                            started || folder.mark_count(&number.to_string()) == 0,
                            "{number}: {error}"
                        );
                        not_run += 1;
                    }
                }
                assert!(starts <= 1, "job {number} started {starts} times");
            }
            assert!(failed >= 3, "{halt}: {failed} failed");
            assert_eq!((pool.stats().failed, pool.stats().halted), (failed, not_run));
        }
    });
}

#[test]
fn a_halt_now_ends_what_runs() {
    scenario(|| {
        let folder = Folder::new();
        let pool = puppets(2)
            .halt("now,fail=1".parse().expect("a halt"))
            .build()
            .expect("a pool");
        let (here, there) = (folder.path("here"), folder.path("there"));
        let running = submit(&pool, Puppet::Meet(here, there));
        wait_for("the job to run", || folder.exists("here").then_some(()));
        let panics = submit(&pool, Puppet::Panic("a failure".into()));
        let error = running.wait().expect_err("it is ended");
        let (by, started) = halted(&error).unwrap_or_else(|| panic!("{error}"));
        assert!(started && by.failed == 1, "{error}");
        assert!(error.to_string().contains("was ended while it ran"), "{error}");
        panics.wait().expect_err("it panics");
    });
}

#[test]
fn a_share_of_failures_is_tolerated_until_it_is_reached() {
    scenario(|| {
        let pool = puppets(1)
            .halt("soon,fail=50%".parse().expect("a halt"))
            .build()
            .expect("a pool");
        for number in 0..20 {
            run(&pool, Puppet::Number(number)).expect("an answer");
        }
        for _ in 0..19 {
            assert_eq!(run(&pool, Puppet::Fail).expect("an answer"), Answer::Failure);
        }
        assert_works(&pool);
        // 19 of 40 so far, then 20 of 41, 21 of 42.
        for _ in 0..2 {
            run(&pool, Puppet::Fail).expect("an answer");
        }
        wait_for("the halt", || pool.closed_reason());
    });
}

#[test]
fn without_a_policy_failures_are_tolerated_and_a_policy_is_one_value() {
    scenario(|| {
        let pool = puppets(1)
            .failure_policy(FailurePolicy::retry(2))
            .build()
            .expect("a pool");
        for _ in 0..20 {
            run(&pool, Puppet::Panic("again".into())).expect_err("it panics");
        }
        let error = run(&pool, Puppet::Abort).expect_err("it aborts");
        assert!(
            matches!(&error, JobError::Quarantined(causes) if causes.len() == 2),
            "{error}"
        );
        assert_works(&pool);
    });
}
