//! Fuzzes values: a value's text, when parsed, is the same value, and so is its deserialized form.
//!
//! Owns the construction of values from the fuzzer's bytes.

#![no_main]

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use expression::{ErrorKind, Expression, Limits, Names, Value};

/// A description of a value, which the fuzzer makes.
#[derive(Debug, Arbitrary)]
enum Seed {
    None,
    Bool(bool),
    Int(i64),
    Big { is_negative: bool, digits: Vec<u8> },
    Float(f64),
    Text(String),
    Range(i64, i64, i64),
    Tuple(Vec<Seed>),
    List(Vec<Seed>),
    Set(Vec<Seed>),
    Dict(Vec<(Seed, Seed)>),
}

fuzz_target!(|input: (Seed, &[u8])| {
    let (seed, bytes) = input;
    // Invalid bytes from another process are rejected.
    if let Ok(value) = postcard::from_bytes::<Value>(bytes) {
        let _ = value.to_string();
    }
    let Some(value) = make(seed) else { return };
    let sent = postcard::to_stdvec(&value).expect("small values can be sent");
    let received: Value = postcard::from_bytes(&sent).expect("what was sent can be received");
    let limits = generous();
    let Ok(text) = value.repr(&limits) else { return };
    assert_eq!(received.repr(&limits).as_ref(), Ok(&text), "sent");
    let read = Expression::parse_with(&text, &limits)
        .and_then(|expression| expression.evaluate(&infinities(), &limits));
    // Values may be nested deeper than sources.
    if matches!(&read, Err(error) if error.kind() == ErrorKind::LimitExceeded) {
        return;
    }
    let read = read.expect("a text that can be read");
    assert_eq!(read.repr(&limits).as_ref(), Ok(&text), "read");
    if !text.contains("nan") {
        assert_eq!(read, value, "{text}");
    }
});

/// Limits for the text of a value, which may be longer and deeper than a source.
fn generous() -> Limits {
    Limits::default().max_source(8 << 20).max_output(8 << 20).max_depth(400)
}

/// Names for the floats whose text isn't a Python expression.
fn infinities() -> Names {
    let mut names = Names::default();
    names.bind("inf", Value::from(f64::INFINITY)).expect("a plain name");
    names.bind("nan", Value::from(f64::NAN)).expect("a plain name");
    names
}

/// Makes the value; `None` if there is none, for example because a list is unhashable.
fn make(seed: Seed) -> Option<Value> {
    match seed {
        Seed::None => Some(Value::none()),
        Seed::Bool(value) => Some(value.into()),
        Seed::Int(value) => Some(value.into()),
        Seed::Float(value) => Some(value.into()),
        Seed::Text(value) => Some(value.into()),
        Seed::Big { is_negative, digits } => {
            let digits: String = digits.iter().map(|digit| char::from(b'0' + digit % 10)).collect();
            Value::int(&format!("{}0{digits}", if is_negative { "-" } else { "" })).ok()
        }
        Seed::Range(start, end, step) => Value::range(start, end, step).ok(),
        Seed::Tuple(items) => Value::tuple(make_all(items)?).ok(),
        Seed::List(items) => Value::list(make_all(items)?).ok(),
        Seed::Set(items) => Value::set(make_all(items)?).ok(),
        Seed::Dict(entries) => {
            let entries: Option<Vec<_>> = entries
                .into_iter()
                .map(|(key, value)| Some((make(key)?, make(value)?)))
                .collect();
            Value::dict(entries?).ok()
        }
    }
}

fn make_all(seeds: Vec<Seed>) -> Option<Vec<Value>> {
    seeds.into_iter().map(make).collect()
}
