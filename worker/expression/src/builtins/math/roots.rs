//! `sqrt isqrt hypot`, which have the same results on every platform.

use num_integer::Roots;

use super::convert::{integer, one_real, real};
use crate::budget::Budget;
use crate::error::{Result, value_error};
use crate::object::Object;
use crate::object::arguments::CallArguments;
use crate::object::int::from_big;
use crate::operator::division::scale;

pub(super) fn sqrt(arguments: &CallArguments<'_>, _: &mut Budget) -> Result<Object> {
    let value = one_real(arguments)?;
    if value < 0.0 {
        return Err(value_error("math domain error"));
    }
    Ok(Object::Float(value.sqrt()))
}

pub(super) fn isqrt(arguments: &CallArguments<'_>, budget: &mut Budget) -> Result<Object> {
    let value = integer(arguments.one()?)?;
    if value.is_negative() {
        return Err(value_error("isqrt() argument must be nonnegative"));
    }
    if let Some(small) = value.small() {
        return Ok(Object::Int(small.sqrt()));
    }
    // Newton's method divides the whole number about a dozen times.
    for _ in 0..12 {
        budget.burn_product(value.bits(), value.bits())?;
    }
    from_big(value.to_big().sqrt(), budget)
}

pub(super) fn hypot(arguments: &CallArguments<'_>, budget: &mut Budget) -> Result<Object> {
    let values = arguments.any_number()?;
    budget.burn_items(values.len())?;
    let values: Result<Vec<f64>> = values.iter().map(|value| real(value).map(f64::abs)).collect();
    Ok(Object::Float(vector_norm(&values?)))
}

/// A sum of squares that keeps its rounding errors.
struct Squares {
    sum: f64,
    errors: [f64; 3],
}

impl Squares {
    fn new() -> Self {
        Self {
            sum: 1.0,
            errors: [0.0; 3],
        }
    }

    /// Adds a term that is smaller than the sum.
    fn add(&mut self, term: f64, error: usize) {
        let before = self.sum;
        self.sum += term;
        self.errors[error] += (before - self.sum) + term;
    }

    fn total(&self) -> f64 {
        self.sum - 1.0 + (self.errors[0] + self.errors[1] + self.errors[2])
    }
}

/// Splits a float into two halves whose products are exact (Dekker, Veltkamp).
fn split(value: f64) -> (f64, f64) {
    let t = value * 134_217_729.0;
    let high = t - (t - value);
    (high, value - high)
}

/// Python 3.11's `vector_norm`: scaled squares in extended precision, and one correction of the root.
fn vector_norm(values: &[f64]) -> f64 {
    if values.iter().any(|value| value.is_infinite()) {
        return f64::INFINITY;
    }
    if values.iter().any(|value| value.is_nan()) {
        return f64::NAN;
    }
    let max = values.iter().copied().fold(0.0, f64::max);
    if max == 0.0 || values.len() <= 1 {
        return max;
    }
    let exponent = exponent(max);
    if exponent < -1023 {
        return tiny_norm(values, max);
    }
    let factor = scale(1.0, -exponent);
    let mut squares = Squares::new();
    for &value in values {
        let (high, low) = split(value * factor);
        squares.add(high * high, 0);
        squares.add(2.0 * high * low, 1);
        squares.errors[2] += low * low;
    }
    let root = squares.total().sqrt();
    let (high, low) = split(root);
    squares.add(-high * high, 0);
    squares.add(-2.0 * high * low, 1);
    squares.add(-low * low, 2);
    (root + squares.total() / (2.0 * root)) / factor
}

/// The norm of values so small that the scale would overflow: divides by the greatest value instead.
fn tiny_norm(values: &[f64], max: f64) -> f64 {
    let mut squares = Squares::new();
    for &value in values {
        let ratio = value / max;
        squares.add(ratio * ratio, 0);
    }
    max * (squares.sum - 1.0 + squares.errors[0]).sqrt()
}

/// The exponent that `frexp` gives for a positive finite float.
pub(super) fn exponent(value: f64) -> i64 {
    let bits = value.to_bits();
    let biased = i64::try_from((bits >> 52) & 0x7ff).unwrap_or(0);
    if biased > 0 {
        return biased - 1022;
    }
    // A subnormal's exponent is that of its highest bit.
    let mantissa = bits & ((1 << 52) - 1);
    i64::from(64 - mantissa.leading_zeros()) - 1074
}
