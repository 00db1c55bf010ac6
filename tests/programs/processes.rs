//! The programs about processes alone.

use crate::{lines, run};

#[test]
fn process_starts_and_joins_one() {
    let output = run("process", &[]);
    let text = String::from_utf8(output.stdout).expect("text");
    let printed: Vec<&str> = text.lines().collect();
    let hello = "Process-1: hello, Anna";
    assert_eq!(printed.iter().filter(|line| **line == hello).count(), 3, "{text}");
    assert!(printed.contains(&"MainProcess: started Process-1"), "{text}");
    assert!(printed.contains(&"MainProcess: 12 letters"), "{text}");
    let last = printed.last().expect("a line");
    assert!(last.starts_with("MainProcess: process divider (pid "), "{text}");
    assert!(
        last.contains("panicked at ") && last.ends_with(": attempt to divide by zero"),
        "{text}"
    );
}

#[test]
fn a_daemon_ends_with_the_main_code_and_another_is_waited_for() {
    let printed = lines("daemon", &[]);
    let place = |line: &str| printed.iter().position(|other| other == line);
    assert!(place("the main code ends") < place("son2 ends"), "{printed:?}");
    assert_eq!(place("son1 ends"), None, "{printed:?}");
    assert!(
        place("son1 begins").is_some() && place("son2 ends").is_some(),
        "{printed:?}"
    );
}

#[test]
fn terminate_does_not_wait() {
    let runs: Vec<Vec<String>> = (0..10).map(|_| lines("terminate", &[])).collect();
    for printed in &runs {
        assert_eq!(printed[0], "before: true");
        assert_eq!(printed[2], "a moment after: false");
        assert_eq!(printed[3], "it was killed by signal 15 (SIGTERM)");
    }
    // Usually the signal has had no effect yet, but that is not certain.
    assert!(
        runs.iter().any(|printed| printed[1] == "just after: true"),
        "{runs:?}"
    );
}

#[test]
fn an_object_runs() {
    let printed = lines("run_object", &[]);
    assert_eq!(
        printed,
        [
            "rocket: 3",
            "rocket: 2",
            "rocket: 1",
            "rocket has counted down from 3"
        ]
    );
}
