//! Stands in for the evaluator until it is there: it adds decimal numbers and knows names.
#![allow(
    clippy::all,
    clippy::pedantic,
    clippy::default_constructed_unit_structs,
    missing_docs,
    reason = "to be replaced"
)]
#![allow(clippy::allow_attributes, reason = "to be replaced")]

use std::{collections::BTreeMap, fmt};

#[derive(Debug, Clone, Default)]
pub struct Limits(());
impl Limits {
    pub fn max_source(self, _: usize) -> Self {
        self
    }
    pub fn max_depth(self, _: usize) -> Self {
        self
    }
    pub fn max_int_bits(self, _: u64) -> Self {
        self
    }
    pub fn max_len(self, _: usize) -> Self {
        self
    }
    pub fn max_alloc(self, _: u64) -> Self {
        self
    }
    pub fn fuel(self, _: u64) -> Self {
        self
    }
    pub fn max_output(self, _: usize) -> Self {
        self
    }
}
#[derive(Debug, Clone)]
pub struct Value(i64);
#[derive(Debug, Clone, Default)]
pub struct Names(BTreeMap<String, Value>);
#[derive(Debug)]
pub struct BindError;
impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a bad name __x")
    }
}
impl Names {
    pub fn bind(&mut self, name: impl Into<String>, value: Value) -> Result<(), BindError> {
        let name = name.into();
        if name.starts_with("__") {
            return Err(BindError);
        }
        self.0.insert(name, value);
        Ok(())
    }
}
#[derive(Debug, Clone, Copy)]
pub enum ErrorKind {
    NameError,
}
impl ErrorKind {
    pub fn name(self) -> &'static str {
        "NameError"
    }
}
impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NameError")
    }
}
#[derive(Debug)]
pub struct Error(String);
impl Error {
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::NameError
    }
    pub fn message(&self) -> &str {
        &self.0
    }
    pub fn start(&self) -> usize {
        0
    }
    pub fn end(&self) -> usize {
        0
    }
}
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NameError: {}", self.0)
    }
}
fn add(source: &str, names: &Names) -> Result<Value, Error> {
    source
        .split('+')
        .map(|t| t.trim())
        .map(|t| {
            t.parse().or_else(|_| {
                names
                    .0
                    .get(t)
                    .map(|v| v.0)
                    .ok_or_else(|| Error(format!("name '{t}' is not defined")))
            })
        })
        .sum::<Result<i64, _>>()
        .map(Value)
}
#[derive(Debug)]
pub struct Expression(String);
impl Expression {
    pub fn parse_with(source: &str, _: &Limits) -> Result<Self, Error> {
        Ok(Self(source.into()))
    }
    pub fn evaluate(&self, names: &Names, _: &Limits) -> Result<Value, Error> {
        add(&self.0, names)
    }
}
#[derive(Debug)]
pub struct Evaluator;
impl Evaluator {
    pub fn new(_: Limits) -> Self {
        Self
    }
    pub fn eval_into(&mut self, source: &[u8], names: &Names, out: &mut Vec<u8>) -> Result<(), Error> {
        let value = add(&String::from_utf8_lossy(source), names)?;
        out.extend_from_slice(value.0.to_string().as_bytes());
        Ok(())
    }
}
