//! The call in `main`: not made, made twice, made by another build, made beside a pool's.

use std::{
    ffi::OsStr,
    process::ExitCode,
    time::{Duration, Instant},
};

use pool::{
    BuildError, Job, Pool, Process,
    process::{JoinErrorKind, StartError},
};
use serde::{Deserialize, Serialize};
use worker::Context;

use crate::say;

/// A variable that keeps this program's `main` from calling `pool::main`, and says what it does instead.
pub(crate) const WITHOUT_ENTRY: &str = "POOL_TEST_WITHOUT_ENTRY";

fn identity(number: u64) -> u64 {
    number
}

/// Gives its exit code, unless the program comes to its entry after all.
pub(crate) fn misbehave(how: &OsStr) -> Option<ExitCode> {
    Some(match how.to_str() {
        Some("late") => {
            std::thread::sleep(Duration::from_millis(100));
            return None;
        }
        Some("exit") => ExitCode::from(3),
        Some("wait") => loop {
            std::thread::park();
        },
        Some("start") => {
            nothing_starts_outside_main();
            ExitCode::from(4)
        }
        Some("pool") => {
            let refused = Pool::<Square>::builder().workers(1).build().unwrap_err();
            assert!(matches!(refused, BuildError::InsideProcess(_)), "{refused}");
            ExitCode::from(5)
        }
        other => panic!("no misbehaviour {other:?}"),
    })
}

pub(crate) fn nothing_starts_outside_main() {
    let error = Process::new(identity, (1,)).start().unwrap_err();
    assert!(matches!(error, StartError::OutsideMain), "{error}");
    assert!(error.to_string().contains("pool::main"), "{error}");
}

pub(crate) fn a_main_without_entry_is_told() {
    for (how, code) in [("exit", 3), ("start", 4), ("pool", 5)] {
        let error = Process::new(identity, (1,))
            .env(WITHOUT_ENTRY, how)
            .start()
            .unwrap()
            .join()
            .unwrap_err();
        let JoinErrorKind::NotBegun(exit) = error.kind else {
            panic!("{how}: {error}")
        };
        assert_eq!(exit.code(), Some(code), "{how}");
        assert!(error.to_string().contains("pool::main"), "{error}");
    }
    let deadline = Duration::from_millis(200);
    let silent = || {
        Process::new(identity, (1,))
            .env(WITHOUT_ENTRY, "wait")
            .start_deadline(deadline)
    };
    let begun = Instant::now();
    let error = silent().start().unwrap().join().unwrap_err();
    assert!(
        matches!(error.kind, JoinErrorKind::Silent(after) if after == deadline),
        "{error}"
    );
    assert!(begun.elapsed() >= deadline);
    // Only the end of the main code joins this one, and is not held up endlessly.
    drop(silent().start().unwrap());
}

pub(crate) fn another_program_is_told(copy: &str) {
    let run = |program: &str| Process::new(identity, (1,)).program(program).start();
    let error = run("/nowhere/program").unwrap_err();
    assert!(matches!(error, StartError::Spawn { .. }), "{error}");
    assert!(
        error
            .to_string()
            .contains("/nowhere/program could not be started: No such file"),
        "{error}"
    );
    let error = run("/etc/passwd").unwrap_err();
    assert!(error.to_string().contains("Permission denied"), "{error}");
    let kind = |program: &str| run(program).unwrap().join().unwrap_err().kind;
    let ended = kind("/bin/true");
    assert!(
        matches!(ended, JoinErrorKind::NotBegun(exit) if exit.code() == Some(0)),
        "{ended}"
    );
    let other_build = kind(copy);
    assert!(
        matches!(other_build, JoinErrorKind::FunctionNotFound(_)),
        "{other_build}"
    );
    assert!(
        other_build.to_string().contains("another build") && other_build.to_string().contains("identity")
    );
    // The same file by its path is the same build.
    let own = std::env::current_exe().unwrap();
    assert_eq!(run(own.to_str().unwrap()).unwrap().join().unwrap(), 1);
}

pub(crate) fn a_replaced_program_still_has_processes() {
    let own = std::env::current_exe().unwrap();
    std::fs::remove_file(&own).unwrap();
    assert_eq!(
        Process::new(identity, (1,)).start().unwrap().join().unwrap(),
        1,
        "deleted"
    );
    std::fs::write(&own, "another build").unwrap();
    assert_eq!(
        Process::new(identity, (2,)).start().unwrap().join().unwrap(),
        2,
        "replaced"
    );
}

pub(crate) fn main_within_main_is_a_mistake() {
    let panic = std::panic::catch_unwind(|| pool::main(|| 1)).unwrap_err();
    let message = panic.downcast_ref::<&str>().unwrap();
    assert!(message.contains("while it runs"), "{message}");
    // In a child too, where the main code is the function.
    let error = Process::new(|| pool::main(|| 1_u8), ())
        .start()
        .unwrap()
        .join()
        .unwrap_err();
    assert!(error.to_string().contains("while it runs"), "{error}");
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Square(u64);

impl Job for Square {
    type Output = u64;
    const NAME: &'static str = "square";
}

#[expect(clippy::needless_pass_by_value, reason = "jobs arrive as values")]
pub(crate) fn square(job: Square, _context: &mut Context<'_, ()>) -> u64 {
    job.0 * job.0
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Cube(u64);

impl Job for Cube {
    type Output = u64;
    const NAME: &'static str = "cube";
}

/// Has a process of the worker's compute it.
#[expect(clippy::needless_pass_by_value, reason = "jobs arrive as values")]
pub(crate) fn cube(job: Cube, _context: &mut Context<'_, ()>) -> u64 {
    Process::new(|number: u64| number.pow(3), (job.0,))
        .start()
        .unwrap()
        .join()
        .unwrap()
}

fn squares_in_a_pool(to: u64) -> Vec<u64> {
    let pool = Pool::<Square>::builder().workers(1).build().unwrap();
    let squares = pool.map((0..to).map(Square)).map(Result::unwrap).collect();
    let worker = pool.stats().workers[0]
        .pid
        .expect("it has just worked")
        .to_string();
    assert_eq!(listed_as(&worker), listed_as("self"));
    squares
}

/// Under which name the system lists a process.
pub(crate) fn listed_as(process: &str) -> String {
    std::fs::read_to_string(format!("/proc/{process}/comm")).expect("the process lives")
}

pub(crate) fn a_pool_and_processes_in_one_main() {
    let expected: Vec<u64> = (0..10).map(|number| number * number).collect();
    assert_eq!(squares_in_a_pool(10), expected);
    assert_eq!(
        Process::new(squares_in_a_pool, (10,))
            .start()
            .unwrap()
            .join()
            .unwrap(),
        expected
    );
    let pool = Pool::<Cube>::builder().workers(2).build().unwrap();
    assert!(
        pool.map((0..10).map(Cube))
            .map(Result::unwrap)
            .eq((0..10).map(|number: u64| number.pow(3)))
    );
    say("all of them work");
}
