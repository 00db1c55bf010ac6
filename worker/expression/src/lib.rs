//! Evaluates Python 3.11 expressions without Python.
//!
//! A result is the text that Python's `repr(eval(source))` would return, or an [`Error`] with a kind, a message and a
//! range of the source. Evaluation is deterministic, has no side effects and obeys [`Limits`]: it ends soon, in little
//! memory and without a panic for any source.
//!
//! The parser (`syntax`) reads a source once and writes a flat `Program`, the `machine` runs the program, and `text`
//! writes the value. An [`Evaluator`] first tries the `calculator`, which computes plain arithmetic of 64-bit ints without
//! a program. Nothing recurses over the source. Functions that recurse over a value are bounded by its depth, which every
//! container stores. Work that can be expensive is paid for from the `budget` before it is done.
//!
//! A module imports only from modules further left in this list: `error`, `limits`, `budget`, `object`, `text`, `operator`,
//! `builtins`, `machine`, `syntax`, `value`.
//!
//! Deliberately absent: attributes (except those of `math`), assignment, user-defined functions, and formatting. An
//! expression whose meaning would be a guess is an error.
//!
//! ```
//! use expression::{Expression, Limits, Names};
//!
//! // Parsed once, evaluated with different names.
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
