//! Expressions of Python 3.11, evaluated without Python.
//!
//! A result is the text that Python's `repr(eval(source))` would give, or one [`Error`] with a kind, a message and a
//! place in the source. Evaluation is deterministic, has no side effect and obeys [`Limits`]: whatever the source is,
//! it ends soon, in little memory, without a panic.
//!
//! The way of an expression: `parser` reads it once and writes a flat `program`, `machine` runs that, `repr` writes
//! the value. An [`Evaluator`] first tries the `calculator`, which knows plain arithmetic of machine ints and needs no
//! program for it. Nothing recurses over the source; what recurses over values is bounded by their depth, which every
//! container knows. Whatever can be made expensive asks the `budget` first.
//!
//! Deliberately absent: attributes (but for those of `math`), assignment, functions of one's own, and formatting.
//! What would be a guess is an error.
//!
//! ```
//! use expression::{Expression, Limits, Names};
//!
//! // Parsed once, evaluated with other names as often as needed.
//! let expression = Expression::parse("sum(x * weight for x in values) / len(values)")?;
//! let mut names = Names::default();
//! for (values, expected) in [(vec![1, 2, 3], 1.0), (vec![10, 20], 7.5)] {
//!     names.bind("values", values)?;
//!     names.bind("weight", 0.5)?;
//!     let mean = f64::try_from(expression.evaluate(&names, &Limits::default())?)?;
//!     assert_eq!(mean, expected);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod budget;
mod builtins;
mod calculator;
mod error;
mod evaluator;
mod expression;
mod limits;
mod machine;
mod object;
mod operator;
mod syntax;
mod text;
mod value;

pub use self::error::{Error, ErrorKind};
pub use self::evaluator::{Evaluator, evaluate_to_text};
pub use self::expression::Expression;
pub use self::limits::Limits;
pub use self::value::Value;
pub use self::value::from_rust::{Key, Plain};
pub use self::value::into_rust::ConversionError;
pub use self::value::names::{BindError, Names};

#[cfg(test)]
mod tests;
