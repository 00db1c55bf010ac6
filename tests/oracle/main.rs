//! The evaluator against CPython's own answers, and against attacks.
//!
//! The files beside this one hold expressions with the results of CPython 3.11.7: `oracle_public.tsv` made at random,
//! `oracle_real.tsv` taken from the test suites of CPython and of other evaluators, `float_repr.tsv` floats by their
//! bits, `attacks_public.tsv` inputs that were made to hurt. `excused.tsv` lists the lines that differ, each with the
//! reason.

use std::{collections::HashMap, fmt::Write as _, sync::OnceLock};

use worker::expression::{Evaluator, Expression, Limits, Names, Value};

const VARIABLES: &[(&str, &str)] = &[
    ("x", "7"),
    ("y", "-3"),
    ("z", "2.5"),
    ("w", "0"),
    ("big", "2**70"),
    ("s", "'hello'"),
    ("u", "'h\\u00e9llo\\u2603'"),
    ("t", "(1,2,3)"),
    ("l", "[3,1,2]"),
    ("m", "[[1,2],[3,4]]"),
    ("d", "{'a':1,'b':2}"),
    ("n", "None"),
    ("flag", "True"),
    ("price", "19.99"),
    ("qty", "3"),
    ("name", "\"O'Brien\""),
];

/// The names that all files bind.
fn names() -> Names {
    let mut names = Names::default();
    for (name, expression) in VARIABLES {
        let value: Value = Expression::parse(expression)
            .and_then(|expression| expression.evaluate(&Names::default(), &Limits::default()))
            .expect("a value");
        names.bind(*name, value).expect("a name");
    }
    names
}

/// The files' escapes: `\\ \t \n \r \0`.
fn unescape(text: &str) -> String {
    let mut plain = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            plain.push(character);
            continue;
        }
        plain.push(match characters.next() {
            Some('t') => '\t',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('0') => '\0',
            Some('\\') => '\\',
            other => panic!("unknown escape {other:?} in {text:?}"),
        });
    }
    plain
}

/// The lines that are known to differ, with the reasons.
fn excused() -> &'static HashMap<&'static str, &'static str> {
    static EXCUSED: OnceLock<HashMap<&str, &str>> = OnceLock::new();
    EXCUSED.get_or_init(|| {
        let lines = include_str!("excused.tsv")
            .lines()
            .filter(|line| !line.starts_with('#'));
        lines
            .map(|line| line.split_once('\t').expect("an expression and a reason"))
            .collect()
    })
}

/// Evaluates; gives the value's text, or the error's kind.
fn answer(evaluator: &mut Evaluator, source: &[u8], names: &Names) -> Result<String, String> {
    let mut text = Vec::new();
    match evaluator.eval_into(source, names, &mut text) {
        Ok(()) => Ok(String::from_utf8(text).expect("results are UTF-8")),
        Err(error) => Err(error.kind().to_string()),
    }
}

fn compare(file: &str, lines: &str) {
    let (names, mut evaluator) = (names(), Evaluator::new(Limits::default()));
    let mut differences = String::new();
    let (mut count, mut pardons) = (0, 0);
    for line in lines.lines() {
        let [source, verdict, expected] = line.splitn(3, '\t').collect::<Vec<_>>()[..] else {
            panic!("{file}: {line:?} has no three columns")
        };
        count += 1;
        let got = answer(&mut evaluator, unescape(source).as_bytes(), &names);
        let agrees = match (&got, verdict) {
            (Ok(text), "ok") => *text == unescape(expected),
            (Err(kind), "error") => expected.split('|').any(|expected| expected == kind),
            _ => false,
        };
        if !agrees && excused().contains_key(source) {
            pardons += 1;
        } else if !agrees {
            writeln!(
                differences,
                "{source}\n  CPython: {verdict} {expected}\n  here:    {got:?}"
            )
            .expect("written");
        }
    }
    assert!(count > 1000, "{file} has {count} lines");
    assert!(pardons * 1000 <= count, "{pardons} of {count} lines are excused");
    assert!(differences.is_empty(), "{file}:\n{differences}");
}

#[test]
fn random_expressions_agree() {
    compare("oracle_public.tsv", include_str!("oracle_public.tsv"));
}

#[test]
fn real_expressions_agree() {
    compare("oracle_real.tsv", include_str!("oracle_real.tsv"));
}

#[test]
fn floats_are_written_as_python_writes_them() {
    let lines = include_str!("float_repr.tsv").lines();
    let mut count = 0;
    for line in lines {
        let (bits, expected) = line.split_once('\t').expect("two columns");
        let float = f64::from_bits(u64::from_str_radix(bits, 16).expect("bits"));
        assert_eq!(Value::from(float).to_string(), expected, "{bits}");
        count += 1;
    }
    assert!(count >= 3000, "{count} lines");
}

/// The input of an attack, in one of its three forms.
fn attack(input: &str) -> Vec<u8> {
    if let Some(hex) = input.strip_prefix("@@hex:") {
        let digits = |index: usize| u8::from_str_radix(&hex[index..index + 2], 16).expect("hex");
        return (0..hex.len()).step_by(2).map(digits).collect();
    }
    if let Some(pieces) = input.strip_prefix("@@rep") {
        let pieces: Vec<(String, usize)> = serde_json::from_str(&unescape(pieces)).expect("JSON");
        return pieces
            .iter()
            .map(|(text, count)| text.repeat(*count))
            .collect::<String>()
            .into_bytes();
    }
    unescape(input).into_bytes()
}

#[test]
fn attacks_end_as_they_should() {
    let (names, mut evaluator) = (names(), Evaluator::new(Limits::default()));
    let mut differences = String::new();
    for line in include_str!("attacks_public.tsv").lines() {
        let [input, verdict, expected, category, why] = line.splitn(5, '\t').collect::<Vec<_>>()[..] else {
            panic!("{line:?} has no five columns")
        };
        let got = answer(&mut evaluator, &attack(input), &names);
        let agrees = match (&got, verdict) {
            (Ok(text), "ok") => *text == unescape(expected),
            (Ok(text), _) => expected
                .split('|')
                .any(|expected| match expected.strip_prefix("ok:") {
                    Some(value) => unescape(value) == *text,
                    None => expected == "ok",
                }),
            (Err(kind), _) => expected.split('|').any(|expected| expected == kind),
        };
        if !agrees {
            writeln!(
                differences,
                "[{category}, {why}] {input:.200}\n  expected: {expected}\n  here:     {got:?}"
            )
            .expect("written");
        }
    }
    assert!(differences.is_empty(), "{differences}");
}
