//! Difficult systems and hosts: signals, ignored children, missing descriptors, changed directories.

use std::{
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use pool::{JobError, Pool, failure::Exit};
use rustix::process::{Resource, Rlimit, Signal};
use tests::{Answer, Puppet, signals};

use crate::setup::{
    Folder, PUPPET, a_pid, alone, assert_works, host_program, puppet_pool, puppets, run, scenario, signal,
    submit, wait_for,
};

/// F17.
#[test]
fn a_shortage_of_descriptors_delays_restarts_and_loses_nothing() {
    if !alone("system::a_shortage_of_descriptors_delays_restarts_and_loses_nothing") {
        return;
    }
    scenario(|| {
        let pool = puppets(1)
            .restart_limit(3, Duration::from_mins(10))
            .build()
            .expect("a pool");
        assert_works(&pool);
        let before = rustix::process::getrlimit(Resource::Nofile);
        let none_left = Rlimit {
            current: Some(3),
            maximum: before.maximum,
        };
        rustix::process::setrlimit(Resource::Nofile, none_left).expect("limited");
        let lost = submit(&pool, Puppet::Raise(9));
        let waits = submit(&pool, Puppet::Number(3));
        let error = lost.wait().expect_err("it dies");
        assert!(matches!(error, JobError::WorkerDied(_)), "{error}");
        wait_for("more failures than the restart limit", || {
            (pool.stats().start_failures > 5).then_some(())
        });
        rustix::process::setrlimit(Resource::Nofile, before).expect("lifted");
        assert_eq!(waits.wait().expect("an answer"), Answer::Number(3));
        assert_works(&pool);
    });
}

/// F47.
#[test]
fn a_storm_of_signals_in_the_host_loses_no_job() {
    if !alone("system::a_storm_of_signals_in_the_host_loses_no_job") {
        return;
    }
    scenario(|| {
        for number in [libc::SIGUSR1, libc::SIGCHLD] {
            signals::interrupt_on(number);
        }
        let pool = puppet_pool(2);
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    signals::raise(libc::SIGUSR1);
                    signals::raise(libc::SIGCHLD);
                    thread::yield_now();
                }
            });
            for round in 0..5 {
                for (number, answer) in pool.map((0..3000).map(Puppet::Number)).enumerate() {
                    assert_eq!(
                        answer.expect("an answer"),
                        Answer::Number(number as u64),
                        "round {round}"
                    );
                }
                let large = vec![round; 2 << 20];
                assert_eq!(
                    run(&pool, Puppet::Echo(large.clone())).expect("echoed"),
                    Answer::Bytes(large)
                );
                run(&pool, Puppet::Raise(9)).expect_err("it dies");
            }
            is_over.store(true, Ordering::Relaxed);
        });
        assert_eq!(pool.stats().worker_died, 5);
    });
}

/// F52, a host that ignores SIGCHLD.
#[test]
fn a_host_that_ignores_its_children_has_a_pool_that_works() {
    if !alone("system::a_host_that_ignores_its_children_has_a_pool_that_works") {
        return;
    }
    scenario(|| {
        signals::ignore_children();
        let pool = puppet_pool(2);
        for _ in 0..5 {
            assert_works(&pool);
            let error = run(&pool, Puppet::Exit(4)).expect_err("it exits");
            let JobError::WorkerDied(death) = &error else {
                panic!("{error}")
            };
            // The system has discarded the exit status, and the error says so.
            assert!(matches!(death.exit, Exit::Unknown | Exit::Code(4)), "{death}");
        }
        let pid = a_pid(&pool);
        drop(pool);
        assert!(!crate::setup::is_alive(pid));
    });
}

/// F52, a host that reaps every child.
#[test]
fn a_host_that_reaps_all_children_has_a_pool_that_works() {
    if !alone("system::a_host_that_reaps_all_children_has_a_pool_that_works") {
        return;
    }
    scenario(|| {
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    signals::reap_any();
                    thread::yield_now();
                }
            });
            let pool = puppet_pool(2);
            for _ in 0..5 {
                assert_works(&pool);
                let error = run(&pool, Puppet::Exit(4)).expect_err("it exits");
                assert!(matches!(error, JobError::WorkerDied(_)), "{error}");
            }
            assert_works(&pool);
            drop(pool);
            is_over.store(true, Ordering::Relaxed);
        });
    });
}

/// F52: the host's other children are its own.
#[test]
fn no_other_child_of_the_host_is_reaped() {
    scenario(|| {
        let mut child = Command::new("sh")
            .args(["-c", "exit 7"])
            .spawn()
            .expect("a child");
        let pool = puppet_pool(2);
        for _ in 0..5 {
            run(&pool, Puppet::Raise(9)).expect_err("it dies");
            assert_works(&pool);
        }
        drop(pool);
        assert_eq!(child.wait().expect("it is still there").code(), Some(7));
    });
}

/// What a host prints that builds a pool on a restricted system.
fn host_says(prepare: &str, environment: &[(&str, &str)]) -> String {
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("{prepare}; exec \"$0\" \"$@\"")])
        .arg(host_program())
        .args([PUPPET, "build"])
        .envs(environment.iter().copied());
    let output = command.output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!stderr.contains("panicked"), "{said}{stderr}");
    said
}

/// F49.
#[test]
fn a_lack_of_descriptors_or_of_a_temporary_folder_is_an_error() {
    scenario(|| {
        for few in [4, 8, 12, 16] {
            let said = host_says(&format!("ulimit -n {few}"), &[]);
            assert!(
                said.contains("Too many open files") || said.contains("cannot") || said.starts_with("works"),
                "{few} descriptors: {said}"
            );
            assert!(
                few > 4 || !said.starts_with("works"),
                "no pool fits {few} descriptors"
            );
        }
        let long = format!("/tmp/{}", "x".repeat(120));
        for folder in ["/proc", "/nowhere/at/all", &long] {
            let said = host_says("true", &[("TMPDIR", folder)]);
            assert!(
                said.contains("temporary folder") && said.contains("set TMPDIR"),
                "{folder}: {said}"
            );
        }
        assert!(host_says("true", &[]).starts_with("works"));
    });
}

/// F51, another directory.
#[test]
fn a_change_of_directory_does_not_lose_the_worker_program() {
    if !alone("system::a_change_of_directory_does_not_lose_the_worker_program") {
        return;
    }
    scenario(|| {
        let folder = Folder::new();
        std::fs::copy(PUPPET, folder.path("worker")).expect("copied");
        std::env::set_current_dir(folder.path("")).expect("there");
        let pool = Pool::<Puppet>::builder()
            .workers(1)
            .worker_program("./worker")
            .build()
            .expect("a pool");
        std::env::set_current_dir("/").expect("there");
        run(&pool, Puppet::Raise(9)).expect_err("it dies");
        assert_works(&pool);
    });
}

/// F51, an upgraded program: later workers run the new file.
#[test]
fn an_upgraded_program_is_what_later_workers_run() {
    scenario(|| {
        let folder = Folder::new();
        let (worker, next) = (folder.path("worker"), folder.path("next"));
        std::fs::copy(PUPPET, &worker).expect("copied");
        let pool = Pool::<Puppet>::builder()
            .workers(1)
            .worker_program(&worker)
            .build()
            .expect("a pool");
        std::fs::copy(PUPPET, &next).expect("copied");
        std::fs::rename(&next, &worker).expect("replaced");
        signal(a_pid(&pool), Signal::KILL);
        assert_works(&pool);
        // An upgrade that is no longer a worker: the pool breaks and reports the cause.
        std::fs::copy("/bin/true", &next).expect("copied");
        std::fs::rename(&next, &worker).expect("replaced");
        run(&pool, Puppet::Raise(9)).expect_err("it dies");
        let reason = wait_for("the end", || pool.closed_reason());
        assert!(
            reason
                .to_string()
                .contains("exited with code 0 before it was ready"),
            "{reason}"
        );
    });
}
