//! Workers that do not start, or not always.

use std::time::{Duration, Instant};

use pool::{
    BuildError, Builder, JobError, Pool, SubmitError,
    failure::{Cause, StartFailureKind},
};
use protocol::Eval;
use tests::Puppet;

use crate::setup::{Folder, PUPPET, assert_works, puppets, run, scenario};

fn failure(builder: Builder<Puppet>) -> (String, StartFailureKind) {
    match builder.build().expect_err("no worker can start") {
        BuildError::NoWorker(failure) => {
            let text = failure.to_string();
            let failure = std::sync::Arc::into_inner(failure).expect("no other reference");
            (text, failure.kind)
        }
        other => panic!("not a failed start: {other}"),
    }
}

/// F12.
#[test]
fn a_missing_program_is_named() {
    scenario(|| {
        let (text, kind) = failure(puppets(2).worker_program("/nowhere/worker"));
        assert!(matches!(kind, StartFailureKind::Spawn(_)), "{text}");
        assert!(
            text.contains("/nowhere/worker could not be started: No such file"),
            "{text}"
        );
        let (text, _) = failure(puppets(1).worker_program("/etc/passwd"));
        assert!(
            text.contains("/etc/passwd could not be started: Permission denied"),
            "{text}"
        );
    });
}

/// F13.
#[test]
fn a_program_that_exits_at_once_is_reported_with_its_last_output() {
    scenario(|| {
        let begun = Instant::now();
        let (text, kind) = failure(puppets(2).worker_argument("exit"));
        assert!(
            matches!(kind, StartFailureKind::Ended(exit) if exit.code() == Some(3)),
            "{text}"
        );
        assert!(text.contains("the puppet exits at once"), "{text}");
        assert!(
            begun.elapsed() < Duration::from_secs(5),
            "it took {:?}",
            begun.elapsed()
        );
    });
}

/// F14.
#[test]
fn a_silent_program_is_killed_at_the_deadline() {
    scenario(|| {
        let deadline = Duration::from_millis(200);
        let begun = Instant::now();
        let (text, kind) = failure(puppets(2).worker_argument("silent").start_deadline(deadline));
        assert!(
            matches!(kind, StartFailureKind::Silent(after) if after == deadline),
            "{text}"
        );
        assert!(begun.elapsed() >= deadline);
        let (text, kind) = failure(puppets(1).worker_argument("hang-up").start_deadline(deadline));
        assert!(matches!(kind, StartFailureKind::HungUp), "{text}");
    });
}

/// F15.
#[test]
fn another_program_another_version_and_another_job_are_distinguished() {
    scenario(|| {
        let (text, kind) = failure(puppets(1).worker_argument("babble"));
        assert!(matches!(kind, StartFailureKind::Handshake(_)), "{text}");
        assert!(text.contains("not the handshake of a pool"), "{text}");
        let (text, kind) = failure(puppets(1).worker_argument("old"));
        assert!(matches!(kind, StartFailureKind::Handshake(_)), "{text}");
        let ours = format!("{} on this one", protocol::PROTOCOL_VERSION);
        assert!(
            text.contains("version 77 on the other side") && text.contains(&ours),
            "{text}"
        );
        let other = Pool::<Eval>::builder()
            .workers(1)
            .worker_program(PUPPET)
            .build()
            .expect_err("another job");
        let text = other.to_string();
        assert!(text.contains("\"puppet\"") && text.contains("\"eval\""), "{text}");
        let (text, _) = failure(puppets(1).worker_program("/bin/true"));
        assert!(text.contains("exited with code 0 before it was ready"), "{text}");
    });
}

#[test]
fn an_initialiser_that_fails_or_panics_says_why() {
    scenario(|| {
        for (argument, words) in [("fail", "fails on purpose"), ("panic", "panics on purpose")] {
            let (text, kind) = failure(puppets(2).initialiser_argument(&argument));
            assert!(matches!(kind, StartFailureKind::Initialiser(_)), "{text}");
            assert!(text.contains(words), "{text}");
        }
    });
}

/// F16.
#[test]
fn workers_that_never_start_again_break_the_pool_with_the_cause() {
    scenario(|| {
        let folder = Folder::new();
        let builder = puppets(1)
            .worker_argument("once")
            .worker_argument(folder.path("once"));
        let pool = builder
            .restart_limit(3, Duration::from_mins(1))
            .build()
            .expect("it starts once");
        assert_works(&pool);
        let died = run(&pool, Puppet::Raise(9)).expect_err("it dies");
        assert!(matches!(died, JobError::WorkerDied(_)), "{died}");
        // It may be rejected, or accepted and then fail; either way it ends with the cause.
        let error = match pool.submit(Puppet::Number(1)) {
            Ok(handle) => handle.wait().expect_err("no worker is left"),
            Err(rejected) => JobError::NotSubmitted(rejected.error),
        };
        let (JobError::Broken(cause) | JobError::NotSubmitted(SubmitError::Broken(cause))) = error else {
            panic!("not broken: {error}")
        };
        assert!(
            matches!(cause, Cause::NotStarted(_)) && cause.to_string().contains("only once"),
            "{cause}"
        );
        assert!(matches!(pool.closed_reason(), Some(SubmitError::Broken(_))));
    });
}

#[test]
fn impossible_settings_are_named() {
    scenario(|| {
        for (builder, name) in [
            (puppets(0), "the number of workers is 0"),
            (puppets(1).threads(0), "the number of threads in a worker is 0"),
            (puppets(1).threads(1000), "must be from 1 to 64"),
            (puppets(1).queue(0), "the queue's bound in jobs is 0"),
            (puppets(1).attempts(0), "the number of attempts is 0"),
        ] {
            let error = builder.build().expect_err("it cannot be");
            assert!(
                matches!(&error, BuildError::Setting(text) if text.contains(name)),
                "{error}"
            );
        }
    });
}
