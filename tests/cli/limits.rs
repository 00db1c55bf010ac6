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
