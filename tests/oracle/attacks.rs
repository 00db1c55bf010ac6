//! Sources that try to crash the process, or to exhaust memory or time.
//!
//! Owns the measurements: CPU time of the thread, so that a busy machine doesn't matter, and the peak memory of the
//! process, which the kernel records.

#![expect(clippy::disallowed_methods, reason = "tests may start programs")]

use std::process::Command;
use std::time::Duration;

use expression::{Evaluator, Limits};
use rustix::time::{ClockId, clock_gettime};

use crate::cases::{Case, bindings, read_attacks};
use crate::{excuses, outcome};

/// The time limit of an attack. It is longer for test builds, which have checks and less optimisation.
const LONGEST: Duration = Duration::from_millis(if cfg!(debug_assertions) { 1_000 } else { 250 });

/// The limit of the process's peak memory during an attack, in KiB.
const MOST_MEMORY: u64 = 128 << 10;

/// Set in the process that runs only the attacks, so that its memory is theirs.
const ALONE: &str = "POOL_ATTACKS_ALONE";

#[test]
fn attacks_end_as_they_should_in_little_time_and_memory() {
    if std::env::var_os(ALONE).is_some() {
        return attack();
    }
    let output = Command::new(std::env::current_exe().expect("a test has a file"))
        .args([
            "attacks::attacks_end_as_they_should_in_little_time_and_memory",
            "--exact",
            "--nocapture",
        ])
        .env(ALONE, "1")
        .output()
        .expect("a test can be started");
    println!("{}", String::from_utf8_lossy(&output.stdout));
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[expect(clippy::print_stdout, reason = "the test that started this process prints it")]
fn attack() {
    let files = [
        include_str!("attacks_public.tsv"),
        include_str!("attacks_more.tsv"),
    ];
    let excuses = excuses();
    let names = bindings();
    let mut wrong = Vec::new();
    let (mut slowest, mut highest) = (Duration::ZERO, 0);
    for case in files.into_iter().flat_map(read_attacks) {
        let mut evaluator = Evaluator::new(Limits::default());
        let resets = reset_highest_memory();
        let before = thread_time();
        let found = outcome(&mut evaluator, &names, &case.source);
        drop(evaluator);
        let spent = thread_time().saturating_sub(before);
        let memory = highest_memory();
        if !case.accepts(&found) && !excuses.contains_key(case.line.as_str()) {
            wrong.push(complaint(
                &case,
                &format!("expected {:?}, found {found:.200?}", case.expected),
            ));
        }
        if spent > LONGEST {
            wrong.push(complaint(&case, &format!("took {spent:?}")));
        }
        if resets && memory > MOST_MEMORY {
            wrong.push(complaint(&case, &format!("took the process to {memory} KiB")));
        }
        slowest = slowest.max(spent);
        highest = highest.max(memory);
        if std::env::var_os("POOL_ATTACKS").is_some() {
            println!(
                "{:>9.3} ms {memory:>7} KiB  {}  {found:.60?}",
                spent.as_secs_f64() * 1e3,
                case.shown()
            );
        }
    }
    println!("the slowest took {slowest:?}, the process had {highest} KiB at most");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn complaint(case: &Case, what: &str) -> String {
    format!("{}\n    {what}", case.shown())
}

fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        time.tv_sec.unsigned_abs(),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}

/// Resets the peak memory that the kernel records, if it allows this.
fn reset_highest_memory() -> bool {
    std::fs::write("/proc/self/clear_refs", "5").is_ok()
}

/// The peak memory of the process, in KiB.
fn highest_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    status
        .lines()
        .find_map(|line| {
            line.strip_prefix("VmHWM:")?
                .trim()
                .strip_suffix(" kB")?
                .parse()
                .ok()
        })
        .expect("a line of the status")
}
