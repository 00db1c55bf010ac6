//! The command on a terminal.

use std::{
    fs::File,
    io::{ErrorKind, Read},
    os::unix::fs::OpenOptionsExt,
    process::Stdio,
};

use rustix::{
    process::Signal,
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
};

use crate::command::{ENDLESS, NO_FUEL_LIMIT, Running, eval};

/// A terminal: the end that a person sees, and the end of programs.
fn terminal() -> (File, File) {
    let seen = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).expect("a terminal");
    grantpt(&seen).expect("it is ours");
    unlockpt(&seen).expect("it is ours");
    let name = ptsname(&seen, Vec::new()).expect("it has a name");
    let used = File::options()
        .read(true)
        .write(true)
        .custom_flags(rustix::fs::OFlags::NOCTTY.bits().cast_signed())
        .open(name.to_str().expect("a name in ASCII"))
        .expect("its other end");
    (File::from(seen), used)
}

/// Where standard output goes; standard error is a terminal.
#[derive(Clone, Copy, PartialEq)]
enum Output {
    Terminal,
    Pipe,
}

/// Starts the command on a terminal, with its standard input from a pipe.
fn start(arguments: &[&str], output: Output) -> (Running, File) {
    let (seen, used) = terminal();
    let mut command = eval(arguments);
    command
        .stdin(Stdio::piped())
        .stderr(used.try_clone().expect("a descriptor"));
    match output {
        Output::Terminal => command.stdout(used),
        Output::Pipe => command.stdout(Stdio::piped()),
    };
    (Running::spawn(&mut command), seen)
}

/// Reads what a person sees, until the last program has closed the terminal or the text contains `part`.
fn see(seen: &mut File, part: Option<&str>) -> String {
    let (mut text, mut block) = (String::new(), [0; 4096]);
    while part.is_none_or(|part| !text.contains(part)) {
        match seen.read(&mut block) {
            Ok(length) => text.push_str(&String::from_utf8_lossy(&block[..length])),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // The kernel's word for the end of a terminal.
            Err(_) => break,
        }
    }
    text
}

#[test]
fn each_failure_is_reported_once_on_one_terminal() {
    for (failures, notices) in [(1, 0), (15, 1)] {
        let arguments = [vec!["1"], vec!["1/0"; failures], vec!["2"]].concat();
        let (running, mut seen) = start(&arguments, Output::Terminal);
        let text = see(&mut seen, None);
        assert_eq!(running.end().code, Some(1));
        assert_eq!(text.matches("ZeroDivisionError").count(), failures, "{text}");
        assert_eq!(text.matches("jobs failed").count(), notices, "{text}");
        assert!(
            text.contains("<argument 2>:1:1") && text.ends_with("2\r\n") == (notices == 0),
            "{text}"
        );
    }
}

#[test]
fn a_failure_is_a_line_of_an_output_that_is_elsewhere() {
    let (running, mut seen) = start(&["1/0"], Output::Pipe);
    let text = see(&mut seen, None);
    running.end().expect(1, "ZeroDivisionError: division by zero\n");
    assert_eq!(text.matches("ZeroDivisionError").count(), 1, "{text}");
}

#[test]
fn json_on_a_terminal_reports_a_failure_in_its_object() {
    let (running, mut seen) = start(&["--json", "1/0"], Output::Terminal);
    let text = see(&mut seen, None);
    assert_eq!(running.end().code, Some(1));
    assert!(
        text.starts_with('{') && text.matches("ZeroDivisionError").count() == 1,
        "{text}"
    );
}

#[test]
fn the_bar_counts_jobs_as_they_end() {
    // The results of the three jobs behind the endless one wait for it.
    let arguments = [&NO_FUEL_LIMIT[..], &["--bar", "-j", "2"]].concat();
    let (mut running, mut seen) = start(&arguments, Output::Pipe);
    running.write(&format!("{ENDLESS}\n1\n2\n3\n"));
    let text = see(&mut seen, Some(" 3 jobs"));
    assert!(text.contains(" 3 jobs") && text.contains("? left"), "{text}");
    running.signal(Signal::KILL);
}

#[test]
fn the_time_left_is_unknown_until_a_job_has_ended() {
    let arguments = [&NO_FUEL_LIMIT[..], &["--bar", "-j", "1", ENDLESS, "1"]].concat();
    let (running, mut seen) = start(&arguments, Output::Pipe);
    let text = see(&mut seen, Some("left"));
    assert!(text.contains("0% 0 jobs, 0/s, ? left"), "{text}");
    running.signal(Signal::KILL);
}

#[test]
fn the_last_line_of_the_bar_has_the_totals() {
    let (running, mut seen) = start(&["--bar", "1", "1/0", "2"], Output::Pipe);
    let text = see(&mut seen, None);
    assert_eq!(running.end().code, Some(1));
    assert!(
        text.contains("3 jobs in 0.") && text.contains("/s, 1 failed"),
        "{text}"
    );
}
