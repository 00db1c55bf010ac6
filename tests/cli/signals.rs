//! Ctrl-C, Ctrl-Z, and signals that are ignored at the start.

use std::{
    os::unix::process::CommandExt,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use rustix::process::Signal;

use crate::command::{
    ENDLESS, NO_FUEL_LIMIT, PROGRAM, Running, eval, is_alive, is_stopped, wait_until, wait_until_busy,
};

/// A command of one worker that computes, in a process group of its own as a shell starts it, and the worker.
///
/// A group whose parent is in the same session and another group can be stopped as a terminal does it.
fn computing(arguments: &[&str]) -> (Running, u32) {
    let arguments = [&NO_FUEL_LIMIT[..], &["-j", "1"], arguments].concat();
    let mut running = Running::start(eval(arguments).process_group(0));
    running.write(&format!("{ENDLESS}\n1+1\n"));
    running.end_input();
    wait_until("there is a worker", || !running.workers().is_empty());
    let worker = running.workers()[0];
    wait_until_busy(worker);
    (running, worker)
}

/// Stops the command as Ctrl-Z does, and waits until it and its worker are.
fn stop(running: &Running, worker: u32) {
    running.signal(Signal::TSTP);
    for pid in [worker, running.pid()] {
        wait_until("the process is stopped", || is_stopped(pid));
    }
}

#[test]
fn ctrl_z_stops_the_workers_too_and_the_time_counts_for_no_deadline() {
    const TIMEOUT: Duration = Duration::from_secs(2);
    const STOPPED: Duration = Duration::from_secs(3);
    let begun = Instant::now();
    let (running, worker) = computing(&["--timeout", "2s"]);
    // Twice, since the first must not spoil the second.
    for _ in 0..2 {
        stop(&running, worker);
        let end = Instant::now() + STOPPED / 2;
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            thread::park_timeout(left);
        }
        assert!(is_stopped(worker) && is_stopped(running.pid()));
        running.signal(Signal::CONT);
        wait_until("the worker goes on", || !is_stopped(worker));
    }
    let ended = running.end();
    ended.expect(
        1,
        "DeadlineExceeded: the job ran longer than its deadline of 2s\n2\n",
    );
    assert!(begun.elapsed() >= TIMEOUT + STOPPED, "{:?}", begun.elapsed());
}

#[test]
fn a_kill_of_the_stopped_command_leaves_no_worker() {
    let (running, worker) = computing(&[]);
    stop(&running, worker);
    running.signal(Signal::KILL);
    running.end().expect_death(Signal::KILL, "");
    wait_until("the worker is gone", || !is_alive(worker));
}

#[test]
fn ctrl_z_does_nothing_where_no_shell_could_continue_the_command() {
    // The leader of a session of its own.
    let mut running = Running::start(Command::new("setsid").args([PROGRAM, "eval", "-j", "1"]));
    running.write("1+1\n");
    assert_eq!(running.read_line(), "2\n");
    let worker = running.workers()[0];
    running.signal(Signal::TSTP);
    running.write("2+2\n");
    assert_eq!(running.read_line(), "4\n");
    wait_until("the worker runs", || !is_stopped(worker));
    running.end_input();
    running.end().expect(0, "");
}

#[test]
fn signals_that_are_ignored_at_the_start_stay_ignored() {
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", "trap '' INT TERM TSTP; exec \"$0\" eval -j 1", PROGRAM])
        .process_group(0);
    let mut running = Running::start(&mut command);
    running.write("1+1\n");
    assert_eq!(running.read_line(), "2\n");
    for signal in [Signal::INT, Signal::TERM, Signal::TSTP, Signal::INT] {
        running.signal(signal);
    }
    running.write("2+2\n");
    assert_eq!(running.read_line(), "4\n");
    running.end_input();
    let ended = running.end();
    ended.expect(0, "");
    assert_eq!(ended.stderr, "");
}

#[test]
fn the_first_ctrl_c_drops_what_is_only_queued() {
    // About 20 ms each, and a minute for all.
    const SLOW: &str = "sum(i for i in range(300000))";
    let slow = "44999850000\n";
    for arguments in [&["-j", "1"][..], &["-j", "2"], &["-j", "2", "-u"]] {
        let mut running = Running::start(&mut eval([&NO_FUEL_LIMIT[..], arguments].concat()));
        running.write(&format!("{SLOW}\n").repeat(3000));
        assert_eq!(running.read_line(), slow);
        running.signal(Signal::INT);
        let ended = running.end();
        assert_eq!(ended.signal, Some(Signal::INT.as_raw()), "{ended:?}");
        let lines = ended.stdout.split_inclusive('\n');
        assert!(
            lines
                .clone()
                .all(|line| line == slow || line.starts_with("Interrupted: "))
        );
        assert!(lines.count() < 500, "{ended:?}");
        ended.expect_stderr("more expressions were read and not evaluated");
    }
}

#[test]
fn a_loop_of_the_shell_ends_with_the_command() {
    let line = "while :; do \"$0\" eval -j 1; echo \"again after $?\"; done";
    let mut command = Command::new("/bin/bash");
    command.args(["-c", line, PROGRAM]).process_group(0);
    let mut running = Running::start(&mut command);
    running.write("1+1\n");
    assert_eq!(running.read_line(), "2\n");
    let group = rustix::process::Pid::from_raw(running.pid().cast_signed()).unwrap();
    rustix::process::kill_process_group(group, Signal::INT).unwrap();
    running.end().expect_death(Signal::INT, "");
}
