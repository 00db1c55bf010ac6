//! The programs about pools, and the one that they are compared with.

use std::fs;

use crate::{lines, run};

#[test]
fn custom_job_counts_primes() {
    assert_eq!(
        lines("custom_job", &[]),
        [
            "primes below 100: 25",
            "primes below 1000000: 78498",
            "a bad range: Err(\"the range 2..1 is empty\")",
        ]
    );
}

#[test]
fn survive_crash_reports_each_cause_and_the_rest_is_right() {
    let printed = lines("survive_crash", &[]);
    let (last, failures) = printed.split_last().expect("lines");
    for (job, cause) in [
        ("job 100, Abort: ", "was killed by signal 6 (SIGABRT)"),
        ("job 300, Exit(3): ", "exited with code 3"),
        ("job 500, Panic: ", "this job panics"),
        ("job 700, Hang: ", "ran longer than its deadline of 200ms"),
    ] {
        let is_told = |line: &&String| line.starts_with(job) && line.contains(cause);
        assert_eq!(
            failures.iter().filter(is_told).count(),
            1,
            "{job}{cause}: {printed:?}"
        );
    }
    // On a busy machine a worker may stand still for so long that more jobs miss the deadline.
    let late = |line: &&String| line.contains("ran longer than its deadline");
    assert_eq!(
        failures.iter().filter(late).count(),
        failures.len() - 3,
        "{printed:?}"
    );
    let failed = failures.len();
    assert_eq!(
        *last,
        format!("{} jobs are right, {failed} failed", 1000 - failed)
    );
}

#[test]
fn one_thread_gives_a_value_for_each_line_however_long_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| {
        folder
            .path()
            .join(name)
            .to_str()
            .expect("a path in UTF-8")
            .to_owned()
    };
    let (input, output) = (path("in"), path("out"));
    // Longer than a block that the program reads, and than the limit of an expression.
    let long = "7".repeat(3 << 20);
    fs::write(&input, format!("1+2\n{long}\n\n1/0\n2**70")).expect("written");
    assert!(lines("one_thread", &[&input, &output]).is_empty());
    let values = fs::read_to_string(&output).expect("values");
    assert_eq!(
        values.lines().collect::<Vec<_>>(),
        [
            "3",
            "LimitExceeded: a source longer than 16384 bytes",
            "SyntaxError: invalid syntax",
            "ZeroDivisionError: division by zero",
            "1180591620717411303424",
        ]
    );

    let misused = run("one_thread", &[&input]);
    assert!(!misused.status.success());
    assert!(String::from_utf8_lossy(&misused.stderr).contains("usage: one_thread INPUT OUTPUT"));
}
