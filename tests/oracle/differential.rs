//! Compares the evaluator with CPython on random expressions.
//!
//! Owns what counts as agreement. The default run is short; `POOL_ORACLE_CASES` and `POOL_ORACLE_SEED` change it.

use std::collections::BTreeMap;

use expression::{Error, ErrorKind, Evaluator, Limits, Names};

use crate::cases::bindings;
use crate::grammar::Grammar;
use crate::reference::{self, Answer};

const CASES: u64 = 15_000;

/// How the two answers for one expression compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Agreed,
    /// One of them reached a limit: ours, or CPython's.
    Limited,
    Excused,
    Disagreed,
    /// The same error with another range.
    Elsewhere,
    /// The same error with another message.
    OtherWords,
}

fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

#[test]
fn random_expressions_have_the_value_or_error_that_cpython_gives() {
    if let Some(why) = reference::missing() {
        println!("SKIPPED: {why}");
        return;
    }
    let mut grammar = Grammar::new(from_environment("POOL_ORACLE_SEED", 20_231_204));
    let cases = from_environment("POOL_ORACLE_CASES", CASES);
    let sources: Vec<String> = (0..cases).map(|_| grammar.source()).collect();
    let mut trial = Trial::new();
    reference::ask(&sources, |source, answer| trial.compare(source, answer));
    println!("{:?}", trial.counts);
    trial.finish();
}

struct Trial {
    evaluator: Evaluator,
    names: Names,
    counts: BTreeMap<Verdict, usize>,
    shown: Vec<String>,
}

impl Trial {
    fn new() -> Self {
        Self {
            evaluator: Evaluator::new(Limits::default()),
            names: bindings(),
            counts: BTreeMap::new(),
            shown: Vec::new(),
        }
    }

    fn compare(&mut self, source: &str, answer: &Answer) {
        let mut out = Vec::new();
        let found = self
            .evaluator
            .eval_into(source.as_bytes(), &self.names, &mut out)
            .map(|()| String::from_utf8(out).expect("texts are UTF-8"));
        let verdict = verdict(source, answer, &found);
        *self.counts.entry(verdict).or_default() += 1;
        if verdict >= Verdict::Disagreed {
            let found = found.map_err(|error| format!("{error} at {}..{}", error.start(), error.end()));
            self.shown.push(format!(
                "{verdict:?} {source:?}\n    CPython: {answer:?}\n    found:   {found:?}"
            ));
        }
    }

    fn finish(self) {
        if let Ok(path) = std::env::var("POOL_ORACLE_REPORT") {
            std::fs::write(path, self.shown.join("\n")).expect("a report");
        }
        let count = |verdict| self.counts.get(&verdict).copied().unwrap_or(0);
        assert!(count(Verdict::Disagreed) == 0, "{}", self.shown.join("\n"));
        assert!(
            count(Verdict::Limited) * 20 < count(Verdict::Agreed),
            "{:?}",
            self.counts
        );
    }
}

fn verdict(source: &str, answer: &Answer, found: &Result<String, Error>) -> Verdict {
    let (kind, message, range) = match answer {
        Answer::Value(value) => {
            return match found {
                Ok(found) if found == value => Verdict::Agreed,
                Err(error) if error.kind() == ErrorKind::LimitExceeded => Verdict::Limited,
                _ if may_be_nan(source) => Verdict::Excused,
                _ => Verdict::Disagreed,
            };
        }
        Answer::Error { kind, message, range } => (&**kind, message, range),
    };
    if matches!(
        kind,
        "LimitExceeded" | "TimeoutError" | "RecursionError" | "MemoryError"
    ) {
        return Verdict::Limited;
    }
    match found {
        Err(error) if error.kind() == ErrorKind::LimitExceeded => Verdict::Limited,
        _ if message == "unexpected indent" && has_blank_tail(source) => Verdict::Excused,
        // A source that is both invalid and outside the language may be either error.
        Err(error) if kind == "SyntaxError" && error.kind() == ErrorKind::Unsupported => Verdict::Agreed,
        Err(error) if error.kind().name() == kind => {
            if matches!(kind, "SyntaxError" | "Unsupported") {
                return Verdict::Agreed;
            }
            if range
                .as_ref()
                .is_some_and(|range| *range != (error.start()..error.end()))
            {
                return Verdict::Elsewhere;
            }
            if has_words_of(error.message(), message) {
                Verdict::Agreed
            } else {
                Verdict::OtherWords
            }
        }
        _ if may_be_nan(source) => Verdict::Excused,
        _ => Verdict::Disagreed,
    }
}

/// Compares messages. Ours shorten long texts, CPython's don't. The message is empty if CPython itself did not fail.
fn has_words_of(found: &str, message: &str) -> bool {
    const CUT: usize = 200;
    message.is_empty() || found == message || (found.len() > CUT && message.starts_with(&found[..CUT]))
}

/// Whitespace after the last line end is an indentation for CPython, and is ignored by the evaluator.
fn has_blank_tail(source: &str) -> bool {
    let rest = source.trim_end_matches([' ', '\t', '\u{c}']);
    rest.len() < source.len() && rest.ends_with(['\n', '\r'])
}

/// CPython treats identical NaNs in containers as equal, which the evaluator doesn't imitate. They come from these words,
/// and from sums and products of infinities.
fn may_be_nan(source: &str) -> bool {
    let source = source.to_ascii_lowercase();
    source.contains("nan") || source.contains("inf") || source.contains("e400")
}
