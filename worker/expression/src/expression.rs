//! An expression that is parsed once and evaluated many times.

use std::sync::Arc;

use crate::budget::Budget;
use crate::error::Error;
use crate::limits::Limits;
use crate::machine::program::Program;
use crate::machine::{Context, Machine};
use crate::syntax::parser::{Workspace, parse};
use crate::value::Value;
use crate::value::names::Names;

/// A parsed expression, which can be evaluated many times and from any thread. Clones share the parsed form.
#[derive(Debug, Clone)]
pub struct Expression {
    parsed: Arc<Parsed>,
}

#[derive(Debug)]
struct Parsed {
    source: Box<str>,
    program: Program,
}

impl Expression {
    /// Parses a source within the default limits.
    ///
    /// # Errors
    ///
    /// `SyntaxError`, `Unsupported` or `LimitExceeded`.
    pub fn parse(source: &str) -> Result<Self, Error> {
        Self::parse_with(source, &Limits::default())
    }

    /// Parses a source within these limits.
    ///
    /// # Errors
    ///
    /// `SyntaxError`, `Unsupported` or `LimitExceeded`.
    pub fn parse_with(source: &str, limits: &Limits) -> Result<Self, Error> {
        let mut program = Program::default();
        parse(source.as_bytes(), limits, &mut program, &mut Workspace::default())?;
        Ok(Self {
            parsed: Arc::new(Parsed {
                source: source.into(),
                program,
            }),
        })
    }

    /// The source.
    pub fn source(&self) -> &str {
        &self.parsed.source
    }

    /// Evaluates the expression with these variables.
    ///
    /// # Errors
    ///
    /// The error that Python would raise, `Unsupported` or `LimitExceeded`.
    pub fn evaluate(&self, names: &Names, limits: &Limits) -> Result<Value, Error> {
        let context = Context {
            program: &self.parsed.program,
            source: self.parsed.source.as_bytes(),
            names: names.bindings(),
        };
        Machine::default()
            .run(context, &mut Budget::new(limits))
            .map(Value::new)
    }
}
