//! CPython, as a process that answers expressions.
//!
//! Owns the process and the form of its questions and answers. What an answer is worth is for the test.

#![expect(clippy::disallowed_methods, reason = "tests may start programs")]

use std::io::{BufRead, BufReader, Write};
use std::ops::Range;
use std::process::{Command, Stdio};

/// What CPython says of one expression.
#[derive(Debug)]
pub(crate) enum Answer {
    Value(String),
    Error {
        kind: String,
        message: String,
        /// In bytes, where CPython marks a place.
        range: Option<Range<usize>>,
    },
}

/// The versions whose answers are right to the letter: texts of errors and marks change between versions.
const VERSION: &str = "3.11.";

/// Why there is nothing to compare with, if there is not.
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

/// Asks all questions and hands each answer over as it comes.
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

/// Asks a process in one stream, until it has answered all or ends, and gives the number of answers.
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
        // A thread of its own, because both pipes are shorter than the questions.
        scope.spawn(move || {
            for question in questions {
                // It fails when the process has ended, which the other end of this loop sees.
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

/// The answer to what takes CPython too long.
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
