//! Evaluates many sources, one after the other.
//!
//! Owns the buffers of the parser and the machine, so that evaluating a short source allocates nothing.

use crate::budget::Budget;
use crate::calculator;
use crate::error::Error;
use crate::limits::Limits;
use crate::machine::program::Program;
use crate::machine::{Context, Machine};
use crate::syntax::parser::{Workspace, parse};
use crate::text::int_text::push_small;
use crate::text::repr::push_result;
use crate::value::names::Names;

/// Evaluates sources to text, and reuses its buffers.
///
/// ```
/// use expression::{Evaluator, Limits, Names};
///
/// let mut evaluator = Evaluator::new(Limits::default());
/// let mut out = Vec::new();
/// evaluator.eval_into(b"1 + 2 + 3", &Names::default(), &mut out)?;
/// assert_eq!(out, b"6");
/// # Ok::<(), expression::Error>(())
/// ```
#[derive(Debug)]
pub struct Evaluator {
    limits: Limits,
    /// Whether the limits allow plain arithmetic to be computed without a program.
    calculates: bool,
    program: Program,
    workspace: Workspace,
    machine: Machine,
}

impl Evaluator {
    /// Creates an evaluator with these limits for each evaluation.
    pub fn new(limits: Limits) -> Self {
        Self {
            calculates: calculator::fits_limits(&limits),
            ..Self::without_shortcuts(limits)
        }
    }

    /// Creates an evaluator that never uses the calculator.
    pub(crate) fn without_shortcuts(limits: Limits) -> Self {
        Self {
            limits,
            calculates: false,
            program: Program::default(),
            workspace: Workspace::default(),
            machine: Machine::default(),
        }
    }

    /// The limits of each evaluation.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Evaluates a source, which should be UTF-8, and appends the text of its value to `out`, in UTF-8.
    ///
    /// # Errors
    ///
    /// If the source has no value within the limits. Nothing is appended then.
    pub fn eval_into(&mut self, source: &[u8], names: &Names, out: &mut Vec<u8>) -> Result<(), Error> {
        if self.calculates
            && source.len() <= self.limits.max_source
            && let Some(value) = calculator::calculate(source)
        {
            push_small(value, out);
            return Ok(());
        }
        let length = out.len();
        let outcome = self.eval(source, names, out);
        if outcome.is_err() {
            out.truncate(length);
        }
        outcome
    }

    fn eval(&mut self, source: &[u8], names: &Names, out: &mut Vec<u8>) -> Result<(), Error> {
        self.program.clear();
        parse(source, &self.limits, &mut self.program, &mut self.workspace)?;
        let mut budget = Budget::new(&self.limits);
        let context = Context {
            program: &self.program,
            source,
            names: names.bindings(),
        };
        let value = self.machine.run(context, &mut budget)?;
        push_result(&value, out, &mut budget).map_err(|error| error.at(0, self.program.end()))
    }
}

impl Default for Evaluator {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

/// Evaluates one source and appends the text of its value to `out`. For many sources, use [`Evaluator::eval_into`].
///
/// # Errors
///
/// If the source has no value within the limits. Nothing is appended then.
pub fn evaluate_to_text(
    source: &[u8],
    names: &Names,
    limits: &Limits,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    Evaluator::new(limits.clone()).eval_into(source, names, out)
}
