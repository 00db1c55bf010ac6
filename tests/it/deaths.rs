//! Workers that are killed, crash or exit. Each death costs one job and reports its cause.

use std::{sync::Arc, time::Duration};

use pool::{
    JobError,
    failure::{Death, Exit},
};
use rustix::process::Signal;
use tests::{Answer, Puppet};

use crate::setup::{
    Folder, a_pid, assert_works, puppet_pool, puppets, run, scenario, signal, submit, wait_for,
};

pub(crate) fn death(error: JobError) -> Arc<Death> {
    match error {
        JobError::WorkerDied(death) => death,
        other => panic!("not a death: {other}"),
    }
}

/// F1.
#[test]
fn a_killed_busy_worker_costs_its_job_alone() {
    scenario(|| {
        let folder = Folder::new();
        let pool = puppet_pool(2);
        let before: Vec<_> = (0..500)
            .map(|number| submit(&pool, Puppet::Number(number)))
            .collect();
        let (here, there) = (folder.path("here"), folder.path("there"));
        let victim = submit(
            &pool,
            Puppet::Mark(folder.path("pid"), Box::new(Puppet::Meet(here, there))),
        );
        let after: Vec<_> = (0..500)
            .map(|number| submit(&pool, Puppet::Number(number)))
            .collect();
        wait_for("the job to run", || folder.exists("here").then_some(()));
        let busy = wait_for("one busy worker", || {
            let mut busy = pool
                .stats()
                .workers
                .into_iter()
                .filter(|worker| worker.in_flight > 0);
            busy.next()
                .filter(|_| busy.next().is_none())
                .and_then(|worker| worker.pid)
        });
        signal(busy, Signal::KILL);
        let death = death(victim.wait().expect_err("its worker was killed"));
        assert_eq!((death.pid, death.exit.signal()), (busy, Some(9)));
        assert!(
            death.to_string().contains("was killed by signal 9 (SIGKILL)"),
            "{death}"
        );
        for (number, handle) in before
            .into_iter()
            .enumerate()
            .chain(after.into_iter().enumerate())
        {
            assert_eq!(handle.wait().expect("a neighbour"), Answer::Number(number as u64));
        }
        assert_works(&pool);
        assert_eq!(pool.stats().worker_died, 1);
    });
}

/// F2, F3.
#[test]
fn idle_workers_may_be_killed_and_no_job_notices() {
    scenario(|| {
        let pool = puppet_pool(2);
        for _ in 0..5 {
            signal(a_pid(&pool), Signal::KILL);
            assert_works(&pool);
        }
        let pids = pool
            .stats()
            .workers
            .into_iter()
            .filter_map(|worker| worker.pid)
            .filter(|pid| crate::setup::is_alive(*pid))
            .collect::<Vec<_>>();
        for pid in pids {
            signal(pid, Signal::KILL);
        }
        assert_works(&pool);
        assert_eq!(pool.stats().worker_died, 0);
    });
}

/// F4.
#[test]
fn each_way_to_die_is_distinguished() {
    scenario(|| {
        let pool = puppet_pool(1);
        let cases = [
            (Puppet::Segfault, Err(11)),
            (Puppet::Abort, Err(6)),
            (Puppet::Overflow, Err(6)),
            (Puppet::Exit(0), Ok(0)),
            (Puppet::Exit(42), Ok(42)),
            (Puppet::Raise(15), Err(15)),
            (Puppet::Raise(9), Err(9)),
        ];
        for (job, expected) in cases {
            let death = death(run(&pool, job.clone()).expect_err("it dies"));
            let exit = match expected {
                Ok(code) => death.exit == Exit::Code(code),
                Err(number) => death.exit.signal() == Some(number),
            };
            assert!(exit, "{job:?} ended as {death}");
            if job == Puppet::Overflow {
                assert!(death.output.contains("overflowed its stack"), "{death}");
            }
        }
        assert_works(&pool);
    });
}

#[test]
fn a_death_reports_the_last_output_of_the_worker() {
    scenario(|| {
        let pool = puppet_pool(1);
        run(&pool, Puppet::Print("a job's own words\n".into())).expect("printed");
        let death = death(run(&pool, Puppet::Abort).expect_err("it aborts"));
        assert!(death.output.contains("a job's own words"), "{death}");
    });
}

/// F5.
#[test]
fn jobs_that_all_kill_their_workers_all_end() {
    scenario(|| {
        for workers in [1, 2, 5, 13] {
            let pool = puppet_pool(workers);
            let deaths = pool.map((0..30).map(|_| Puppet::Raise(9)));
            let deaths: Vec<_> = deaths.map(|end| death(end.expect_err("it dies"))).collect();
            assert_eq!(deaths.len(), 30);
            assert_works(&pool);
        }
    });
}

/// F6.
#[test]
fn a_result_written_before_the_death_is_delivered() {
    scenario(|| {
        let pool = puppet_pool(1);
        for round in 0..20 {
            // In one batch: the numbers are published, then the worker dies in the next job.
            let numbers: Vec<_> = (0..100)
                .map(|number| submit(&pool, Puppet::Number(number)))
                .collect();
            let dies = submit(&pool, Puppet::Raise(9));
            for (number, handle) in numbers.into_iter().enumerate() {
                assert_eq!(
                    handle.wait().expect("an answer"),
                    Answer::Number(number as u64),
                    "round {round}"
                );
            }
            death(dies.wait().expect_err("it dies"));
        }
        assert_eq!(pool.stats().worker_died, 20);
    });
}

/// The central promise: in any batch, a death costs the running job, and every other job starts once.
#[test]
fn a_death_amid_a_batch_costs_one_job_and_starts_none_twice() {
    scenario(|| {
        let folder = Folder::new();
        let pool = puppet_pool(2);
        let mut random = fastrand::Rng::with_seed(11);
        let jobs: Vec<(usize, Puppet)> = (0..3000)
            .map(|number| {
                let then = if random.u8(..) < 4 {
                    Puppet::Raise(9)
                } else {
                    Puppet::Number(number as u64)
                };
                (
                    number,
                    Puppet::Mark(folder.path(&number.to_string()), Box::new(then)),
                )
            })
            .collect();
        let deadly = |job: &Puppet| matches!(job, Puppet::Mark(_, then) if **then == Puppet::Raise(9));
        let answers = pool.map(jobs.iter().map(|(_, job)| job.clone()));
        for ((number, job), answer) in jobs.iter().zip(answers) {
            match answer {
                Ok(answer) => assert_eq!(answer, Answer::Number(*number as u64)),
                Err(error) => {
                    assert!(deadly(job), "job {number}: {error}");
                    death(error);
                }
            }
            assert_eq!(
                folder.mark_count(&number.to_string()),
                1,
                "starts of job {number}"
            );
        }
        let expected = jobs.iter().filter(|(_, job)| deadly(job)).count() as u64;
        assert_eq!(
            (pool.stats().worker_died, pool.stats().deaths),
            (expected, expected)
        );
    });
}

/// F10.
#[test]
fn a_poison_job_is_quarantined_after_its_attempts() {
    scenario(|| {
        let folder = Folder::new();
        let pool = puppets(2).attempts(3).build().expect("a pool");
        let poison = Puppet::Mark(folder.path("poison"), Box::new(Puppet::Segfault));
        let before: Vec<_> = (0..100)
            .map(|number| submit(&pool, Puppet::Number(number)))
            .collect();
        let poison = submit(&pool, poison);
        let after: Vec<_> = (0..100)
            .map(|number| submit(&pool, Puppet::Number(number)))
            .collect();
        match poison.wait().expect_err("it is poison") {
            JobError::Quarantined(causes) => assert_eq!(causes.len(), 3),
            other => panic!("not quarantined: {other}"),
        }
        assert_eq!(folder.mark_count("poison"), 3);
        for handle in before.into_iter().chain(after) {
            handle.wait().expect("a neighbour");
        }
        assert_works(&pool);
    });
}

/// F8, as the job starts: a large job whose worker dies holding it.
#[test]
fn a_worker_that_dies_with_a_large_job_blocks_no_other_job() {
    scenario(|| {
        let folder = Folder::new();
        let pool = puppet_pool(1);
        let (here, there) = (folder.path("here"), folder.path("there"));
        let first = submit(&pool, Puppet::Meet(here, there));
        let large = submit(&pool, Puppet::Echo(vec![5; 100 << 20]));
        wait_for("the first job to run", || folder.exists("here").then_some(()));
        signal(a_pid(&pool), Signal::KILL);
        death(first.wait().expect_err("its worker was killed"));
        assert_eq!(large.wait().expect("echoed"), Answer::Bytes(vec![5; 100 << 20]));
    });
}

/// F48.
#[test]
fn a_grandchild_that_holds_descriptors_hides_no_death() {
    scenario(|| {
        let pool = puppet_pool(1);
        let Answer::Number(grandchild) = run(&pool, Puppet::Grandchild).expect("a grandchild") else {
            panic!("no process id")
        };
        death(run(&pool, Puppet::Raise(9)).expect_err("it dies"));
        assert_works(&pool);
        wait_for("the grandchild to be gone", || {
            (!crate::setup::is_alive(grandchild as u32)).then_some(())
        });
    });
}

/// F7.
#[test]
fn a_death_amid_a_large_result_gives_no_part_of_it() {
    scenario(|| {
        for percent in [1, 10, 40, 70, 95] {
            // On a busy machine the result may be complete before it is seen to grow, but not every time.
            let died = (0..30).any(|_| dies_amid_its_result(percent));
            assert!(died, "no worker died with {percent} % of its result there");
        }
    });
}

/// Kills a worker once this much of its job's large result is in the memory that it shares with its parent; returns
/// whether it died before the result was complete.
fn dies_amid_its_result(percent: u64) -> bool {
    const BYTES: usize = 100 << 20;
    let pool = puppet_pool(1);
    let pid = a_pid(&pool);
    let job = submit(&pool, Puppet::Flood(BYTES));
    let enough = shared_bytes(pid).expect("it waits for jobs") + BYTES as u64 * percent / 100;
    let seen = wait_for("the result to grow", || {
        let grown = shared_bytes(pid).is_some_and(|bytes| bytes >= enough);
        (grown || pool.stats().finished > 0).then_some(grown)
    });
    signal(pid, Signal::KILL);
    let whole = Answer::Bytes(vec![7; BYTES]);
    let has_died = match job.wait() {
        Ok(answer) => {
            assert!(answer == whole, "a part of a result");
            false
        }
        Err(error) => {
            let death = death(error);
            assert_eq!((death.pid, death.exit.signal()), (pid, Some(9)));
            assert!(seen, "it was killed without a reason");
            true
        }
    };
    assert_eq!(pool.stats().worker_died, u64::from(has_died));
    // The next incarnation has its own payload area, with nothing left from this one.
    let next = run(&pool, Puppet::Flood(BYTES / 10)).expect("a result");
    assert!(
        next == Answer::Bytes(vec![7; BYTES / 10]),
        "the next result is whole"
    );
    has_died
}

/// How much shared memory a process has touched; `None` if it has ended.
fn shared_bytes(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssShmem:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1024)
}

/// F8: more jobs than any socket holds, for a worker that reads none of them and is then killed.
#[test]
fn a_worker_that_dies_without_reading_blocks_no_submitter() {
    scenario(|| {
        let pool = puppet_pool(1);
        let pid = a_pid(&pool);
        signal(pid, Signal::STOP);
        let handles: Vec<_> = (0..300_usize)
            .map(|number| submit(&pool, Puppet::Echo(vec![number as u8; 20_000])))
            .collect();
        signal(pid, Signal::KILL);
        for (number, handle) in handles.into_iter().enumerate() {
            assert_eq!(
                handle.wait().expect("echoed"),
                Answer::Bytes(vec![number as u8; 20_000])
            );
        }
        assert_eq!(pool.stats().worker_died, 0);
    });
}

/// F9.
#[test]
fn a_death_in_a_shutdown_delays_nothing() {
    scenario(|| {
        let folder = Folder::new();
        let pool = puppet_pool(2);
        let (here, there) = (folder.path("here"), folder.path("there"));
        let held = submit(&pool, Puppet::Meet(here, there));
        wait_for("the job to run", || folder.exists("here").then_some(()));
        std::thread::scope(|scope| {
            let ending = scope.spawn(|| pool.shutdown(Duration::from_mins(10)));
            wait_for("the shutdown", || pool.closed_reason());
            let busy = wait_for("the busy worker", || {
                let workers = pool.stats().workers;
                workers.iter().find(|worker| worker.in_flight > 0)?.pid
            });
            signal(busy, Signal::KILL);
            ending.join().expect("it ends");
        });
        death(held.wait().expect_err("its worker was killed"));
        assert!(pool.stats().workers.iter().all(|worker| worker.pid.is_none()));
    });
}
