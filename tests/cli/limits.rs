//! Lines that are too long, and limits of an evaluation.

use std::{io::Write, thread};

use crate::command::{Running, eval, run};

#[test]
fn a_line_of_many_megabytes_is_skipped_in_little_memory() {
    const LINE_BYTES: usize = 100 << 20;
    let mut running = Running::start(&mut eval(["-j", "1"]));
    let mut stdin = running.take_stdin();
    let writer = thread::spawn(move || {
        let block = vec![b'1'; 1 << 20];
        for _ in 0..LINE_BYTES / block.len() {
            stdin.write_all(&block).unwrap();
        }
        stdin.write_all(b"\n1+1\n").unwrap();
        stdin
    });
    assert!(
        running
            .read_line()
            .starts_with("LimitExceeded: the expression is longer than 1048576 bytes")
    );
    assert_eq!(running.read_line(), "2\n");
    let peak = running.peak_memory_kib();
    assert!(peak < 64 << 10, "{peak} KiB");
    drop(writer.join().unwrap());
    let ended = running.end();
    ended.expect(1, "");
    ended.expect_stderr("<stdin>:1:1");
}

#[test]
fn a_long_line_is_an_expression_when_the_limit_is_raised() {
    let sum = format!("{}1\n1+1", "1+".repeat(1 << 20));
    let ended = run(["--max-source", "4194304", "--max-fuel", "100000000"], sum);
    ended.expect(0, &format!("{}\n2\n", (1 << 20) + 1));
}

#[test]
fn a_source_over_the_limit_is_refused_by_the_evaluator() {
    let ended = run(["--max-source", "4"], "1+1\n1+1+1\n");
    assert!(
        ended.code == Some(1) && ended.stdout.starts_with("2\nLimitExceeded: "),
        "{ended:?}"
    );
}

#[test]
fn limits_reach_the_workers() {
    for (flag, limit, expression) in [
        ("--max-depth", "3", "((((1))))"),
        ("--max-int-bits", "80", "2**100"),
        ("--max-len", "3", "'ab'*2"),
        ("--max-alloc", "100", "[1]*1000"),
        ("--max-output", "3", "'abcd'"),
        ("--max-fuel", "3", "sum([1,2,3,4,5])"),
    ] {
        let ended = run([flag, limit, expression], "");
        assert!(
            ended.code == Some(1) && ended.stdout.starts_with("LimitExceeded: "),
            "{flag}: {ended:?}"
        );
        assert_eq!(run([expression], "").code, Some(0), "{expression}");
    }
}

/// Each flag that takes a time or a size: the whole range of its type, or an error that names the range.
#[test]
fn every_time_and_size_is_taken_or_its_range_is_named() {
    const MOST: &str = "18446744073709551615";
    let taken = |flag: &str, value: &str| {
        let ended = run([flag, value, "-j1", "1+2"], "");
        assert_eq!(
            (ended.code, &*ended.stdout),
            (Some(0), "3\n"),
            "{flag} {value}: {ended:?}"
        );
    };
    let limits = [
        "--max-depth",
        "--max-int-bits",
        "--max-len",
        "--max-alloc",
        "--max-output",
        "--max-fuel",
    ];
    for flag in limits {
        taken(flag, MOST);
        // None of it is needed for such a sum.
        taken(flag, "0");
    }
    for flag in [
        "--max-source",
        "--memory-max",
        "--recycle-memory",
        "--recycle-after",
    ] {
        taken(flag, MOST);
    }
    taken("--timeout", "18446744073709551615s");
    taken("--halt", "now,fail=18446744073709551615");
    taken("--halt", "now,fail=100%");
    taken("--attempts", "255");
    taken("--threads", "64");
    for (flag, value, range) in [
        ("--threads", "0", "from 1 to 64"),
        ("--threads", MOST, "from 1 to 64"),
        ("--memory-max", "0", "from 1048576 to 18446744073709551615"),
        ("--memory-max", "18446744073709551615K", "too large"),
        ("--recycle-memory", "0", "from 1048576 to 18446744073709551615"),
        ("--recycle-after", "0", "1..18446744073709551615"),
        ("--attempts", "0", "1..=255"),
        ("--attempts", "256", "1..=255"),
        ("--workers", "0", "1..=1024"),
        ("--workers", MOST, "1..=1024"),
        ("--timeout", "0s", "not be zero"),
        ("--halt", "now,fail=0", "from 1 on"),
        ("--max-fuel", "18446744073709551616", "too large"),
    ] {
        let ended = run([flag, value, "1+2"], "");
        assert_ne!(ended.code, Some(0), "{flag} {value}");
        assert!(ended.stderr.contains(range), "{flag} {value}: {}", ended.stderr);
    }
}
