//! Compares the evaluator with CPython's answers, line by line.
//!
//! Owns the tests of the files beside it, which `cases` reads, and the exceptions for lines that are known to disagree.
//! `attacks` tests time and memory, `differential` tests random expressions.

mod allocations;
mod attacks;
mod cases;
mod differential;
mod grammar;
mod reference;

use std::collections::HashMap;

use expression::{Evaluator, Limits, Names};

use self::cases::{Case, bindings, lines, read_expressions};

/// The text of a value, or the kind of an error.
fn outcome(evaluator: &mut Evaluator, names: &Names, source: &[u8]) -> Result<String, String> {
    let mut out = Vec::new();
    match evaluator.eval_into(source, names, &mut out) {
        Ok(()) => Ok(String::from_utf8(out).expect("results are UTF-8")),
        Err(error) => {
            assert!(
                error.start() <= error.end() && error.end() <= source.len(),
                "range of {error} in {source:?}"
            );
            Err(error.kind().to_string())
        }
    }
}

/// Lines that are known to disagree, each with the reason.
fn excuses() -> HashMap<&'static str, &'static str> {
    lines(include_str!("excused.tsv"))
        .filter_map(|line| line.split_once('\t'))
        .collect()
}

/// Runs all cases, and fails with those that disagree and have no excuse.
fn check(file: &str, cases: &[Case]) {
    let excused = excuses();
    let names = bindings();
    let mut evaluator = Evaluator::new(Limits::default());
    let mut wrong = Vec::new();
    for case in cases {
        let found = outcome(&mut evaluator, &names, &case.source);
        if !case.accepts(&found) && !excused.contains_key(case.line.as_str()) {
            wrong.push(format!(
                "{}\n    expected {:?}, found {found:?}",
                case.shown(),
                case.expected
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} lines of {file} disagree:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
}

#[test]
fn random_expressions() {
    check(
        "oracle_public.tsv",
        &read_expressions(include_str!("oracle_public.tsv")),
    );
}

#[test]
fn expressions_of_other_projects() {
    check(
        "oracle_real.tsv",
        &read_expressions(include_str!("oracle_real.tsv")),
    );
}

/// The excuses are few, and each names a line of one of the files.
#[test]
fn excuses_are_rare_and_not_stale() {
    let all: Vec<Case> = [include_str!("oracle_public.tsv"), include_str!("oracle_real.tsv")]
        .into_iter()
        .flat_map(read_expressions)
        .collect();
    let excuses = excuses();
    assert!(
        excuses.len() * 1000 <= all.len(),
        "at most one line in a thousand"
    );
    for (line, reason) in excuses {
        assert!(!reason.is_empty(), "{line} has no reason");
        assert!(all.iter().any(|case| case.line == line), "{line} is in no file");
    }
}

#[test]
fn floats() {
    let names = Names::default();
    let mut evaluator = Evaluator::new(Limits::default());
    for line in lines(include_str!("float_repr.tsv")) {
        let (bits, expected) = line.split_once('\t').expect("bits and text");
        let value = f64::from_bits(u64::from_str_radix(bits, 16).expect("hexadecimal bits"));
        assert_eq!(expression::Value::from(value).to_string(), expected, "{bits}");
        if value.is_finite() {
            assert_eq!(
                outcome(&mut evaluator, &names, expected.as_bytes()),
                Ok(expected.to_owned())
            );
        }
    }
}
