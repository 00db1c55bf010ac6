//! Processes that run functions: the scenarios of the program `processes`, each in a separate process.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use crate::setup::{Folder, is_alive, scenario, wait_for};

const PROGRAM: &str = env!("CARGO_BIN_EXE_processes");

/// Longer than any scenario takes, and shorter than the watchdog's timeout, so that a hang leaves nothing behind.
const TIMEOUT: Duration = Duration::from_secs(90);

/// Runs a program to its end, and returns what it and its children wrote.
fn output_of(mut program: Command, success: bool) -> String {
    use rustix::process::{Pid, Signal, kill_process};
    program
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let child = program.spawn().expect("it runs");
    let pid = Pid::from_child(&child);
    let (sender, ended) = std::sync::mpsc::channel::<()>();
    let guard = std::thread::spawn(move || {
        if ended.recv_timeout(TIMEOUT) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            // Its children end with it, so the read below ends too and shows how far it got.
            kill_process(pid, Signal::KILL).expect("it is there");
        }
    });
    let output = child.wait_with_output().expect("it ends");
    drop(sender);
    guard.join().expect("no panic");
    let Output {
        status,
        stdout,
        stderr,
    } = output;
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&stdout),
        String::from_utf8_lossy(&stderr)
    );
    assert_eq!(status.success(), success, "{status}: {text}");
    text
}

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).env_remove("RUST_BACKTRACE");
    command
}

/// Runs one of the program's scenarios, which must succeed.
pub(crate) fn run_scenario(name: &'static str) {
    scenario(move || {
        output_of(program(&[name]), true);
    });
}

#[test]
fn every_kind_and_size_comes_back() {
    run_scenario("values");
}

#[test]
fn an_object_runs_in_its_process() {
    run_scenario("objects");
}

#[test]
fn values_that_cannot_be_sent_are_reported() {
    run_scenario("faulty-values");
}

#[test]
fn a_panic_is_printed_by_the_process_and_returned_by_join() {
    scenario(|| {
        let text = output_of(program(&["panics"]), true);
        assert!(text.contains("boom"), "{text}");
    });
}

#[test]
fn every_exit_code_is_reported() {
    run_scenario("codes");
}

#[test]
fn every_signal_is_reported() {
    run_scenario("signals");
}

#[test]
fn crashes_are_reported() {
    run_scenario("crashes");
}

#[test]
fn terminate_is_asynchronous() {
    run_scenario("terminate");
}

#[test]
fn waiting_has_a_limit() {
    run_scenario("waiting");
}

#[test]
fn names_and_environment() {
    run_scenario("names");
}

#[test]
fn dropped_handles_leak_nothing() {
    run_scenario("dropped");
}

#[test]
fn a_thousand_processes_leave_nothing() {
    run_scenario("thousand");
}

#[test]
fn many_threads_start_processes() {
    run_scenario("threads");
}

#[test]
fn three_deep() {
    run_scenario("nested");
}

#[test]
fn locks_from_the_top_hold_three_deep() {
    run_scenario("nested-locks");
}

#[test]
fn many_handles_go_in_one_argument_list() {
    run_scenario("many-handles");
}

#[test]
fn a_pipe_reports_the_death_of_its_peer() {
    run_scenario("pipe-death");
}

#[test]
fn handles_come_back_from_a_process_that_has_ended() {
    run_scenario("returned-handles");
}

#[test]
fn a_main_without_entry_is_reported_and_multiplies_nothing() {
    run_scenario("no-entry");
}

#[test]
fn nothing_starts_outside_main() {
    run_scenario("outside-main");
}

#[test]
fn main_within_main_is_a_mistake() {
    run_scenario("nested-main");
}

#[test]
fn a_pool_and_processes_share_one_main() {
    run_scenario("pool-inside");
}

#[test]
fn other_children_of_the_host_are_left_alone() {
    run_scenario("other-children");
}

#[test]
fn a_full_descriptor_table_is_an_error() {
    run_scenario("descriptors");
}

#[test]
fn a_system_without_pidfd_is_reported() {
    run_scenario("no-pidfd");
}

#[test]
fn a_system_without_memfd_is_reported() {
    run_scenario("no-memfd");
}

/// F52.
#[test]
fn an_ignored_sigchld_costs_only_the_exit_status() {
    run_scenario("ignored-sigchld");
}

#[test]
fn another_program_and_another_build_are_reported() {
    scenario(|| {
        let folder = Folder::new();
        let copy = folder.path("copy");
        std::fs::copy(PROGRAM, &copy).expect("copied");
        output_of(program(&["other-program", &copy]), true);
    });
}

/// F51.
#[test]
fn a_program_replaced_while_it_runs_still_has_processes() {
    scenario(|| {
        let folder = Folder::new();
        let copy = folder.path("copy");
        std::fs::copy(PROGRAM, &copy).expect("copied");
        let mut replaced = Command::new(&copy);
        replaced.arg("replaced");
        output_of(replaced, true);
    });
}

#[test]
fn a_child_started_by_hand_says_what_it_is() {
    scenario(|| {
        let text = output_of(program(&["--pool-process=me"]), false);
        assert!(text.contains("started by `Process::start` alone"), "{text}");
    });
}

/// The lines that the program printed about a daemon and another process, after its end.
fn daemons(name: &str, success: bool) -> String {
    let text = output_of(program(&[name]), success);
    let pid = |who: &str| -> u32 {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(who))
            .expect("a line");
        line.trim().parse().expect("a process id")
    };
    assert!(!is_alive(pid("daemon ")) && !is_alive(pid("son ")), "{text}");
    let place = |line: &str| {
        text.lines()
            .position(|other| other == line)
            .unwrap_or_else(|| panic!("{line}: {text}"))
    };
    let order = ["the main code ends", "the daemon has gone", "son2 has done"].map(place);
    assert!(order.is_sorted(), "{text}");
    text
}

#[test]
fn daemons_end_with_the_main_code_and_others_are_waited_for() {
    scenario(|| {
        let text = daemons("daemons", true);
        assert!(text.contains("the program ends"), "{text}");
        daemons("daemons-panic", false);
    });
    run_scenario("stubborn-daemon");
}

/// Starts a parent in a phase, kills it once it has named this many processes, and waits until all of them have ended.
fn kill_a_parent(phase: &str, count: usize) -> Duration {
    let mut parent = program(&["orphans", phase])
        .stdout(Stdio::piped())
        .spawn()
        .expect("a parent");
    let mut output = BufReader::new(parent.stdout.take().expect("its output"));
    let mut text = String::new();
    for _ in 0..count {
        output.read_line(&mut text).expect("a line");
    }
    parent.kill().expect("killed");
    let killed = Instant::now();
    parent.wait().expect("reaped");
    // It ends once every process that can write to it has ended: it is their standard output.
    output.read_to_string(&mut text).expect("the rest");
    let children: Vec<u32> = text
        .lines()
        .map(|line| line.parse().expect("a process id"))
        .collect();
    assert!(children.len() >= count, "{text}");
    wait_for("the children to go", || {
        children.iter().all(|pid| !is_alive(*pid)).then_some(())
    });
    killed.elapsed()
}

/// F41.
#[test]
fn no_process_outlives_its_parent_in_whatever_phase_it_is_killed() {
    scenario(|| {
        let phases = [
            ("running", 3),
            ("nested", 4),
            ("daemons", 3),
            ("not-begun", 1),
            ("starting", 40),
            ("ending", 1),
            ("exec", 1),
        ];
        for (phase, count) in phases {
            let lived = kill_a_parent(phase, count);
            assert!(
                lived < Duration::from_secs(1),
                "{phase}: they lived on for {lived:?}"
            );
        }
    });
}
