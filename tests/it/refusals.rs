//! What the system refuses: a kill, because the program has given up its privileges since it built its pool.

use std::{
    io::Read,
    process::{Command, Stdio},
};

use crate::setup::{PUPPET, host_program, scenario};

/// Runs the program `host`, which prints how its jobs ended. `None` without the privileges that it needs.
fn host(what: &str) -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let mut host = Command::new(host_program());
    host.args([PUPPET, what])
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut host = host.spawn().expect("it runs");
    let mut text = String::new();
    let mut output = host.stdout.take().expect("a pipe");
    output.read_to_string(&mut text).expect("text");
    assert!(host.wait().expect("it ends").success(), "{text}");
    Some(text)
}

#[test]
fn a_worker_that_may_not_be_killed_ends_itself() {
    scenario(|| {
        let Some(text) = host("unprivileged") else { return };
        assert!(text.contains("late: DeadlineExceeded"), "{text}");
        assert!(text.contains("worker ended: true"), "{text}");
        assert!(text.contains("closed"), "{text}");
    });
}

#[test]
fn a_stopped_worker_that_may_not_be_killed_is_given_up() {
    scenario(|| {
        let Some(text) = host("unprivileged-stopped") else {
            return;
        };
        assert!(text.contains("late: DeadlineExceeded"), "{text}");
        assert!(
            text.contains("could not be killed (Operation not permitted"),
            "{text}"
        );
        assert!(text.contains("closed"), "{text}");
    });
}
