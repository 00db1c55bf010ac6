//! CPython, as a process that evaluates expressions.
//!
//! Owns the process and the format of its questions and answers. The test judges the answers.

#![expect(clippy::disallowed_methods, reason = "tests may start programs")]

use std::io::{BufRead, BufReader, Write};
use std::ops::Range;
use std::process::{Command, Stdio};

/// CPython's answer for one expression.
#[derive(Debug)]
pub(crate) enum Answer {
    Value(String),
    Error {
        kind: String,
        message: String,
        /// The range in bytes, if CPython reports one.
        range: Option<Range<usize>>,
    },
}

/// The versions whose answers match exactly: error messages and ranges change between versions.
const VERSION: &str = "3.11.";

/// Why there is no CPython to compare with, if there is none.
pub(crate) fn missing() -> Option<String> {
    match Command::new("python3").arg("--version").output() {
        Err(error) => Some(format!("python3 cannot be run: {error}")),
        Ok(output) => {
            let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            let is_reference = version.contains(VERSION);
            (!is_reference).then(|| format!("{version} is not the reference, Python {VERSION}x"))
        }
    }
}

/// Asks all questions, and passes each answer on as it arrives.
pub(crate) fn ask(questions: &[String], mut each: impl FnMut(&str, &Answer)) {
    let mut done = 0;
    while done < questions.len() {
        done += ask_one_process(&questions[done..], &mut each);
        if let Some(question) = questions.get(done) {
            each(question, &gave_up());
            done += 1;
        }
    }
}

/// Asks one process until it has answered all questions or ends. Returns the number of answers.
fn ask_one_process(questions: &[String], each: &mut impl FnMut(&str, &Answer)) -> usize {
    let mut python = Command::new("python3")
        .args(["-c", include_str!("reference.py")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 is there");
    let mut input = python.stdin.take().expect("it is piped");
    let output = BufReader::new(python.stdout.take().expect("it is piped"));
    let answered = std::thread::scope(|scope| {
        // In a separate thread, because the questions and answers exceed the buffers of the pipes.
        scope.spawn(move || {
            for question in questions {
                // This fails if the process has ended, which the reading loop notices.
                if writeln!(input, "{}", serde_json::json!(question)).is_err() {
                    break;
                }
            }
        });
        let mut answered = 0;
        for (question, line) in questions.iter().zip(output.lines()) {
            each(question, &read(&line.expect("answers are text")));
            answered += 1;
        }
        answered
    });
    python.wait().expect("it has ended");
    answered
}

/// The answer for an expression that takes CPython too long.
fn gave_up() -> Answer {
    Answer::Error {
        kind: "TimeoutError".to_owned(),
        message: String::new(),
        range: None,
    }
}

fn read(line: &str) -> Answer {
    let answer: serde_json::Value = serde_json::from_str(line).expect("answers are JSON");
    let text = |index: usize| answer[index].as_str().expect("a text").to_owned();
    let place = |index: usize| {
        answer[index]
            .as_u64()
            .and_then(|place| usize::try_from(place).ok())
    };
    match &*text(0) {
        "ok" => Answer::Value(text(1)),
        _ => Answer::Error {
            kind: text(1),
            message: text(2),
            range: place(3).zip(place(4)).map(|(start, end)| start..end),
        },
    }
}
