//! Cancelling jobs, queued and running.

use std::time::Duration;

use pool::{JobError, JobHandle};
use tests::{Answer, Puppet};

use crate::setup::{Folder, assert_works, puppet_pool, scenario, submit, wait_for};

fn assert_cancelled(handle: JobHandle<Puppet>) {
    let error = handle.wait().expect_err("it was cancelled");
    assert!(matches!(error, JobError::Cancelled), "{error}");
}

/// F29.
#[test]
fn a_cancelled_queued_job_never_runs_and_a_running_one_is_ended() {
    scenario(|| {
        let folder = Folder::new();
        let pool = puppet_pool(1);
        let (here, there) = (folder.path("here"), folder.path("there"));
        let running = submit(&pool, Puppet::Meet(here, there));
        let queued: Vec<_> = (0..50)
            .map(|_| {
                submit(
                    &pool,
                    Puppet::Mark(folder.path("never"), Box::new(Puppet::Number(1))),
                )
            })
            .collect();
        let last = submit(&pool, Puppet::Number(9));
        wait_for("the job to run", || folder.exists("here").then_some(()));
        for handle in &queued {
            handle.cancel();
        }
        running.cancel();
        assert_eq!(last.wait().expect("unharmed"), Answer::Number(9));
        queued.into_iter().for_each(assert_cancelled);
        assert_cancelled(running);
        assert_eq!(folder.mark_count("never"), 0);
        assert_eq!(pool.stats().worker_died, 0);
    });
}

/// F30.
#[test]
fn the_head_and_a_middle_job_may_be_cancelled() {
    scenario(|| {
        let pool = puppet_pool(1);
        let handles: Vec<_> = (0..20)
            .map(|number| {
                submit(
                    &pool,
                    if number == 0 {
                        Puppet::Stubborn
                    } else {
                        Puppet::Number(number)
                    },
                )
            })
            .collect();
        handles[0].cancel();
        handles[10].cancel();
        for (number, handle) in handles.into_iter().enumerate() {
            match handle.wait() {
                // A job may have ended before it was cancelled, but not the one that never ends.
                Ok(answer) => assert!(number != 0 && answer == Answer::Number(number as u64)),
                Err(error) => assert!(
                    matches!(error, JobError::Cancelled) && [0, 10].contains(&number),
                    "{error}"
                ),
            }
        }
    });
}

/// F31.
#[test]
fn large_jobs_may_be_cancelled_before_a_shutdown() {
    scenario(|| {
        let pool = pool::Pool::builder()
            .workers(1)
            .worker_program(crate::setup::PUPPET)
            .queue_bytes(2 << 30)
            .build()
            .expect("a pool");
        let handles: Vec<_> = (0..10)
            .map(|_| submit(&pool, Puppet::Echo(vec![1; 100 << 20])))
            .collect();
        handles.iter().for_each(JobHandle::cancel);
        pool.shutdown(Duration::from_secs(20));
        for handle in handles {
            if let Err(error) = handle.wait() {
                assert!(matches!(error, JobError::Cancelled), "{error}");
            }
        }
    });
}

#[test]
fn a_cancel_that_comes_too_late_changes_nothing() {
    scenario(|| {
        let pool = puppet_pool(1);
        let handle = submit(&pool, Puppet::Number(3));
        pool.drain();
        handle.cancel();
        assert_eq!(handle.wait().expect("an answer"), Answer::Number(3));
        assert_works(&pool);
        assert_eq!(pool.stats().deaths, 0);
    });
}

/// Cancels race with starts and results: each job has one end, and no neighbour is harmed.
#[test]
fn cancels_at_random_moments_harm_no_neighbour() {
    scenario(|| {
        let pool = puppet_pool(2);
        let mut random = fastrand::Rng::with_seed(3);
        for _ in 0..20 {
            let handles: Vec<_> = (0..200)
                .map(|_| submit(&pool, Puppet::Spin(random.u64(0..200))))
                .collect();
            let cancelled: Vec<bool> = handles.iter().map(|_| random.u8(..) < 20).collect();
            for (handle, _) in handles
                .iter()
                .zip(&cancelled)
                .filter(|(_, cancelled)| **cancelled)
            {
                handle.cancel();
            }
            for (handle, cancelled) in handles.into_iter().zip(cancelled) {
                match handle.wait() {
                    Ok(answer) => assert_eq!(answer, Answer::Nothing),
                    Err(error) => assert!(cancelled && matches!(error, JobError::Cancelled), "{error}"),
                }
            }
        }
        assert_eq!(pool.stats().worker_died, 0);
    });
}

#[test]
fn a_stop_cancels_what_is_queued_and_lets_what_runs_end() {
    scenario(|| {
        let folder = Folder::new();
        let (here, there) = (folder.path("here"), folder.path("there"));
        let pool = puppet_pool(1);
        let runs = submit(&pool, Puppet::Meet(here, there.clone()));
        wait_for("the job to run", || folder.exists("here").then_some(()));
        let queued: Vec<_> = (0..100)
            .map(|number| submit(&pool, Puppet::Number(number)))
            .collect();
        pool.stop();
        for job in queued {
            let error = job.wait().expect_err("it was queued");
            assert!(matches!(error, JobError::Cancelled), "{error}");
        }
        let refused = pool
            .submit(Puppet::Number(0))
            .expect_err("the pool takes no more jobs");
        assert!(matches!(refused.error, pool::SubmitError::Closed), "{refused}");
        std::fs::write(&there, "").expect("a file");
        runs.wait().expect("it ran");
        assert!(pool.drain_timeout(Duration::from_secs(20)));
    });
}
