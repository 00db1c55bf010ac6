//! The same expressions, evaluated by CPython.

#![expect(clippy::disallowed_methods, reason = "tests may start programs")]

use std::{
    io::Write,
    process::{Command, Stdio},
    thread,
};

use fastrand::Rng;

use crate::command::run;

const EXPRESSIONS: usize = 3_000;

/// Evaluates each line and prints its repr or the kind of its error.
const SCRIPT: &str = "
import sys, warnings
warnings.simplefilter('ignore')
for line in sys.stdin:
    try:
        print(repr(eval(line, {})))
    except Exception as error:
        print(type(error).__name__)
";

fn expression(random: &mut Rng, depth: usize) -> String {
    if depth == 0 || random.u8(..4) == 0 {
        return atom(random);
    }
    let [left, right] = [(), ()].map(|()| expression(random, depth - 1));
    match random.u8(..8) {
        0 => format!("({left})"),
        1 => format!("-({left})"),
        2 => format!("({left}) ** {}", random.u8(..4)),
        _ => format!("({left}) {} ({right})", pick(random, &OPERATORS)),
    }
}

const OPERATORS: [&str; 14] = [
    "+", "-", "*", "/", "//", "%", "<", "<=", "==", "!=", "and", "or", "+", "*",
];

fn atom(random: &mut Rng) -> String {
    match random.u8(..6) {
        0 => format!("{}", random.i64(-1_000_000_000..1_000_000_000)),
        1 => format!("{:?}", random.f64() * 1000.0),
        2 => pick(random, &["0", "1", "True", "0.0", "-1", "2**70"]).to_owned(),
        _ => random.u8(..).to_string(),
    }
}

fn pick<'a>(random: &mut Rng, from: &[&'a str]) -> &'a str {
    from[random.usize(..from.len())]
}

/// What Python prints for these lines, if it is installed.
fn python(lines: &str) -> Option<String> {
    let mut child = Command::new("python3")
        .args(["-c", SCRIPT])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    let mut stdin = child.stdin.take()?;
    let lines = lines.to_owned();
    thread::spawn(move || drop(stdin.write_all(lines.as_bytes())));
    let output = child.wait_with_output().ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8(output.stdout).ok())
        .flatten()
}

#[test]
fn python_says_the_same() {
    let mut random = Rng::with_seed(11);
    let lines: String = (0..EXPRESSIONS)
        .map(|_| expression(&mut random, 4) + "\n")
        .collect();
    let Some(expected) = python(&lines) else {
        println!("SKIPPED: there is no python3 to compare with");
        return;
    };
    let ended = run(["-j", "2"], lines.clone());
    assert_eq!(ended.stdout.lines().count(), EXPRESSIONS);
    for ((line, ours), theirs) in lines.lines().zip(ended.stdout.lines()).zip(expected.lines()) {
        let ours = ours.split_once(": ").map_or(ours, |(kind, _)| kind);
        assert_eq!(ours, theirs, "{line}");
    }
}
