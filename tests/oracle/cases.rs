//! The lines of the oracle files.
//!
//! Owns their escapes, the formats of attacks, and the variables that all lines may use.

use expression::{Names, Value};

/// One line.
pub(crate) struct Case {
    /// The source as written in the file.
    pub(crate) line: String,
    pub(crate) source: Vec<u8>,
    pub(crate) expected: Expected,
}

/// The outcome that a line expects.
#[derive(Debug)]
pub(crate) enum Expected {
    Value(String),
    /// Kinds of errors. `ok` stands for any value, `ok:V` for the value V.
    Kinds(Vec<String>),
}

impl Case {
    pub(crate) fn accepts(&self, found: &Result<String, String>) -> bool {
        match (&self.expected, found) {
            (Expected::Value(expected), Ok(value)) => value == expected,
            (Expected::Value(_), Err(_)) => false,
            (Expected::Kinds(kinds), Ok(value)) => kinds
                .iter()
                .any(|kind| kind == "ok" || kind.strip_prefix("ok:") == Some(value)),
            (Expected::Kinds(kinds), Err(kind)) => kinds.contains(kind),
        }
    }

    /// The source for a message, shortened.
    pub(crate) fn shown(&self) -> String {
        self.line.chars().take(300).collect()
    }
}

pub(crate) fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n').filter(|line| !line.is_empty())
}

pub(crate) fn read_expressions(text: &str) -> Vec<Case> {
    lines(text)
        .map(|line| read(line, |source| unescape(source).into_bytes()))
        .collect()
}

pub(crate) fn read_attacks(text: &str) -> Vec<Case> {
    lines(text).map(|line| read(line, attack)).collect()
}

fn read(line: &str, source: impl Fn(&str) -> Vec<u8>) -> Case {
    let fields: Vec<&str> = line.split('\t').collect();
    let [text, outcome, expected, ..] = fields[..] else {
        panic!("three fields: {line}");
    };
    let expected = match outcome {
        "ok" => Expected::Value(unescape(expected)),
        _ => Expected::Kinds(expected.split('|').map(unescape).collect()),
    };
    Case {
        line: text.to_owned(),
        source: source(text),
        expected,
    }
}

/// Resolves the escapes `\\ \t \n \r \0`.
fn unescape(text: &str) -> String {
    let mut plain = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        plain.push(match (character, character == '\\') {
            (_, false) => character,
            (_, true) => match characters.next() {
                Some('t') => '\t',
                Some('n') => '\n',
                Some('r') => '\r',
                Some('0') => '\0',
                Some(other) => other,
                None => '\\',
            },
        });
    }
    plain
}

/// Reads the source of an attack: text with escapes, repeated texts as JSON, or bytes in hexadecimal.
fn attack(text: &str) -> Vec<u8> {
    if let Some(json) = text.strip_prefix("@@rep") {
        let parts: Vec<(String, usize)> = serde_json::from_str(json).expect("a list of texts and counts");
        return parts
            .iter()
            .map(|(text, count)| text.repeat(*count))
            .collect::<String>()
            .into_bytes();
    }
    if let Some(digits) = text.strip_prefix("@@hex:") {
        let pairs = digits
            .as_bytes()
            .chunks(2)
            .map(|pair| std::str::from_utf8(pair).expect("ASCII"));
        return pairs
            .map(|pair| u8::from_str_radix(pair, 16).expect("hexadecimal"))
            .collect();
    }
    unescape(text).into_bytes()
}

/// The variables of all oracle files.
pub(crate) fn bindings() -> Names {
    let list = |items: &[i64]| Value::list(items.iter().copied()).expect("a flat list");
    let mut names = Names::default();
    for (name, value) in [
        ("x", Value::from(7_i64)),
        ("y", Value::from(-3_i64)),
        ("z", Value::from(2.5)),
        ("w", Value::from(0_i64)),
        ("big", Value::int("1180591620717411303424").expect("digits")),
        ("s", Value::from("hello")),
        ("u", Value::from("h\u{e9}llo\u{2603}")),
        ("t", Value::tuple([1_i64, 2, 3]).expect("a flat tuple")),
        ("l", list(&[3, 1, 2])),
        (
            "m",
            Value::list([list(&[1, 2]), list(&[3, 4])]).expect("two levels"),
        ),
        (
            "d",
            Value::dict([("a", 1_i64), ("b", 2)]).expect("strs have hashes"),
        ),
        ("n", Value::none()),
        ("flag", Value::from(true)),
        ("price", Value::from(19.99)),
        ("qty", Value::from(3_i64)),
        ("name", Value::from("O'Brien")),
    ] {
        names.bind(name, value).expect("plain names");
    }
    names
}
