//! How the command ends: closed pipes, closed descriptors, Ctrl-C.

use std::{
    io::Write,
    process::{ChildStdin, Command},
    thread,
};

use rustix::process::Signal;

use crate::command::{
    ENDLESS, Ended, NO_FUEL_LIMIT, PROGRAM, Running, eval, is_alive, wait_until, wait_until_busy,
};

/// Writes expressions as long as the command runs.
fn write_forever(mut stdin: ChildStdin) {
    let block = "1+1\n".repeat(10_000);
    thread::spawn(move || while stdin.write_all(block.as_bytes()).is_ok() {});
}

#[test]
fn a_reader_that_leaves_ends_the_command_quietly() {
    let mut running = Running::start(&mut eval(["-j", "2"]));
    write_forever(running.take_stdin());
    assert_eq!(running.read_line(), "2\n");
    running.close_output();
    let ended = running.end();
    ended.expect(0, "");
    assert_eq!(ended.stderr, "");
}

#[test]
fn the_first_ctrl_c_ends_the_input_and_not_the_jobs() {
    let mut running = Running::start(&mut eval(["-j", "2"]));
    running.write("1+1\n");
    assert_eq!(running.read_line(), "2\n");
    // The command waits for input that never comes.
    running.signal(Signal::INT);
    let ended = running.end();
    ended.expect_death(Signal::INT, "");
    ended.expect_stderr("stopping");
}

#[test]
fn a_ctrl_c_under_load_leaves_whole_lines() {
    let mut running = Running::start(&mut eval(["-j", "2"]));
    write_forever(running.take_stdin());
    assert_eq!(running.read_line(), "2\n");
    running.signal(Signal::INT);
    let ended = running.end();
    assert_eq!(ended.signal, Some(Signal::INT.as_raw()), "{}", ended.stderr);
    let is_right = |line: &&str| *line == "2\n" || line.starts_with("Interrupted: ") && line.ends_with('\n');
    let odd = ended.stdout.split_inclusive('\n').find(|line| !is_right(line));
    assert_eq!(odd, None);
}

/// A command that runs a job without an end, and the job's worker.
fn running_endless() -> (Running, u32) {
    let mut running = Running::start(&mut eval([&NO_FUEL_LIMIT[..], &["-j", "1"]].concat()));
    running.write(&format!("{ENDLESS}\n"));
    wait_until("there is a worker", || !running.workers().is_empty());
    let worker = running.workers()[0];
    wait_until_busy(worker);
    (running, worker)
}

#[test]
fn the_second_ctrl_c_kills() {
    let (mut running, worker) = running_endless();
    running.signal(Signal::INT);
    assert!(running.read_error_line().contains("stopping"));
    running.signal(Signal::INT);
    running.end().expect_death(Signal::INT, "");
    wait_until("the worker is gone", || !is_alive(worker));
}

#[test]
fn sigterm_kills() {
    let (running, worker) = running_endless();
    running.signal(Signal::TERM);
    running.end().expect_death(Signal::TERM, "");
    wait_until("the worker is gone", || !is_alive(worker));
}

#[test]
fn ctrl_c_works_while_the_output_is_not_read() {
    let mut running = Running::start(&mut eval(["-j", "2"]));
    write_forever(running.take_stdin());
    // The first line is there, and soon the pipe is full.
    assert_eq!(running.read_line(), "2\n");
    running.signal(Signal::INT);
    assert!(running.read_error_line().contains("stopping"));
    running.signal(Signal::INT);
    assert_eq!(running.end().signal, Some(Signal::INT.as_raw()));
}

/// Runs a line of the shell in which `$0` is the program.
fn shell(line: &str) -> Ended {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", line, PROGRAM]);
    let mut running = Running::start(&mut command);
    running.end_input();
    running.end()
}

#[test]
fn closed_descriptors_are_no_reason_to_fail() {
    shell("exec \"$0\" eval 1+1 <&-").expect(0, "2\n");
    shell("exec \"$0\" eval 1+1 1/0 2>&-").expect(1, "2\nZeroDivisionError: division by zero\n");
}

#[test]
fn a_closed_input_or_output_that_is_needed_is_reported() {
    let no_input = shell("exec \"$0\" eval 1+1 -a - <&-");
    no_input.expect(1, "2\n");
    no_input.expect_stderr("cannot read <stdin>: Bad file descriptor");
    for line in ["eval 1+1", "eval 1/0", "eval", "--version", "eval --help"] {
        let no_output = shell(&format!("exec \"$0\" {line} >&-"));
        no_output.expect(3, "");
        no_output.expect_stderr("pool: cannot write the results: standard output is closed");
    }
    shell("exec \"$0\" eval --no-such-flag >&-").expect(2, "");
    shell("exec \"$0\" eval 1+1 <&- >&- 2>&-").expect(3, "");
}

#[test]
fn a_null_device_is_not_a_closed_output() {
    shell("exec \"$0\" eval 1+1 1<>/dev/null").expect(0, "");
    shell("exec \"$0\" eval 1+1 >/dev/null").expect(0, "");
}

#[test]
fn an_output_that_cannot_be_written_is_reported() {
    let ended = shell("exec \"$0\" eval 1+1 >/dev/full");
    ended.expect(3, "");
    ended.expect_stderr("cannot write the results: No space left on device");
}

#[test]
fn a_shells_pipeline_ends() {
    shell("yes 1+1 | \"$0\" eval -j 2 | head -n 3").expect(0, "2\n2\n2\n");
}

#[test]
fn a_terminal_shows_the_bar() {
    if !std::path::Path::new("/usr/bin/script").exists() {
        println!("SKIPPED: there is no `script` here to make a terminal");
        return;
    }
    let ended = shell("seq 1000 | script -qec \"'$0' eval -a - --bar 1+1 2>&1 >/dev/null\" /dev/null");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended.stdout.contains("jobs") && ended.stdout.contains("/s"),
        "{ended:?}"
    );
}
