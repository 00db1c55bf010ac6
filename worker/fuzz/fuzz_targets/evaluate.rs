//! Fuzzes sources: any bytes give a value or an error, soon, and the same one each time.
//!
//! Owns the assertions about time, ranges and agreement. The fuzzer itself watches for crashes and memory.

#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use rustix::time::{ClockId, clock_gettime};
use expression::{Error, ErrorKind, Evaluator, Expression, Limits, Names, Value};

/// A twentieth of the default, so that many sources run in a second.
const FUEL: u64 = 50_000;

/// Twenty times what this much fuel takes without instrumentation. This is CPU time of the thread.
const LONGEST: Duration = Duration::from_millis(100);

fuzz_target!(|source: &[u8]| {
    let names = names();
    let mut evaluator = Evaluator::new(Limits::default().fuel(FUEL));
    let before = thread_time();
    let first = evaluate(&mut evaluator, source, &names);
    let spent = thread_time().saturating_sub(before);
    assert!(spent < LONGEST, "{spent:?} for {first:?}");
    if let Err(error) = &first {
        assert!(error.start() <= error.end() && error.end() <= source.len(), "{error:?}");
        assert!(!error.message().is_empty());
    }
    assert_eq!(evaluate(&mut evaluator, source, &names), first, "the second time");
    if let Ok(source) = std::str::from_utf8(source) {
        let limits = Limits::default().fuel(FUEL);
        let apart = Expression::parse_with(source, &limits)
            .and_then(|expression| expression.evaluate(&names, &limits)?.repr(&limits));
        // Here, evaluation and text have separate fuel, so this path may succeed where the other reached a limit.
        if !matches!(&first, Err(error) if error.kind() == ErrorKind::LimitExceeded) {
            assert_eq!(without_range(first), without_range(apart), "parsed apart");
        }
    }
});

fn evaluate(evaluator: &mut Evaluator, source: &[u8], names: &Names) -> Result<String, Error> {
    let mut out = Vec::new();
    evaluator.eval_into(source, names, &mut out)?;
    Ok(String::from_utf8(out).expect("texts are UTF-8"))
}

/// An outcome to compare, without the range: an error of writing the text has none if it is written separately.
fn without_range(outcome: Result<String, Error>) -> Result<String, (ErrorKind, String)> {
    outcome.map_err(|error| (error.kind(), error.message().to_owned()))
}

fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Values of every type, with names of one letter.
fn names() -> Names {
    let mut names = Names::default();
    for (name, value) in [
        ("x", Value::from(7_i64)),
        ("z", Value::from(2.5)),
        ("b", Value::int("1180591620717411303424").expect("digits")),
        ("s", Value::from("hello")),
        ("u", Value::from("h\u{e9}llo\u{2603}")),
        ("t", Value::tuple([1_i64, 2, 3]).expect("a flat tuple")),
        ("l", Value::list([3_i64, 1, 2]).expect("a flat list")),
        ("d", Value::dict([("a", 1_i64), ("b", 2)]).expect("strs have hashes")),
        ("e", Value::set([1_i64, 2]).expect("ints have hashes")),
        ("r", Value::range(0, 10, 2).expect("a step")),
    ] {
        names.bind(name, value).expect("plain names");
    }
    names
}
