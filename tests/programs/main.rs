//! The example programs do what they say.
//!
//! They are the examples of the package `examples`, which cargo builds with its tests.

mod comparisons;
mod load_test;
mod pools;
mod processes;
mod shared;

use std::{
    path::PathBuf,
    process::{Command, Output, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

/// How long an example may take before it counts as hanging.
const TIMEOUT: Duration = Duration::from_mins(1);

/// The path of an example, beside this test.
fn path(example: &str) -> PathBuf {
    let test = std::env::current_exe().expect("this program");
    let profile = test.ancestors().nth(2).expect("the profile's folder");
    profile.join("examples").join(example)
}

/// Runs an example to its end and returns what it wrote.
fn run(example: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(path(example));
    command.args(arguments).env_remove("RUST_BACKTRACE");
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{example}: {error}; `cargo test -p examples` builds it"));
    let pid = rustix::process::Pid::from_child(&child);
    let (sender, ended) = mpsc::channel::<()>();
    let guard = thread::spawn(move || {
        let hangs = ended.recv_timeout(TIMEOUT) == Err(mpsc::RecvTimeoutError::Timeout);
        if hangs {
            // Its children end with it, so its output ends too.
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("it is there");
        }
        hangs
    });
    let output = child.wait_with_output().expect("it ends");
    drop(sender);
    assert!(!guard.join().expect("no panic"), "{example} hangs: {output:?}");
    output
}

/// Runs an example that succeeds and returns its lines.
fn lines(example: &str, arguments: &[&str]) -> Vec<String> {
    let output = run(example, arguments);
    assert!(output.status.success(), "{example} {arguments:?}: {output:?}");
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines().map(str::to_owned).collect()
}

/// An example that no test runs may be wrong.
#[test]
fn every_example_is_run() {
    let sources = [
        include_str!("comparisons.rs"),
        include_str!("load_test.rs"),
        include_str!("pools.rs"),
        include_str!("processes.rs"),
        include_str!("shared.rs"),
    ]
    .concat();
    let examples = include_str!("../../examples/Cargo.toml")
        .split("[[example]]")
        .skip(1);
    let names = examples.map(|example| {
        let line = example.lines().find_map(|line| line.strip_prefix("name = "));
        line.expect("a name")
    });
    let missing: Vec<&str> = names
        .filter(|name| !sources.contains(&format!("({name}, ")))
        .collect();
    assert!(missing.is_empty(), "no test runs {missing:?}");
}
