//! `fsum` and `prod`.

use super::convert::real;
use crate::budget::Budget;
use crate::error::{Result, overflow, type_error, value_error};
use crate::object::Object;
use crate::object::arguments::CallArguments;
use crate::object::iterate::Cursor;
use crate::operator::arithmetic::{BinaryOperator, binary};

pub(super) fn prod(arguments: &CallArguments<'_>, budget: &mut Budget) -> Result<Object> {
    if arguments.positional().len() != 1 {
        return Err(type_error(format!(
            "prod() takes exactly 1 positional argument ({} given)",
            arguments.positional().len()
        )));
    }
    let [source, start] = arguments.bind(["", "start"], 1, 1)?;
    let mut cursor = Cursor::new(source.unwrap_or(&Object::None).clone())?;
    let mut product = start.cloned().unwrap_or(Object::Int(1));
    while let Some(item) = cursor.next(budget)? {
        product = binary(BinaryOperator::Multiply, &product, &item, budget)?;
    }
    Ok(product)
}

/// Shewchuk's algorithm: partial sums that don't overlap hold the exact total, which is rounded once.
pub(super) fn fsum(arguments: &CallArguments<'_>, budget: &mut Budget) -> Result<Object> {
    let mut cursor = Cursor::new(arguments.one()?.clone())?;
    let mut partials: Vec<f64> = Vec::new();
    let mut special = 0.0;
    let mut infinities = 0.0;
    while let Some(item) = cursor.next(budget)? {
        let value = real(&item)?;
        let last = add(value, &mut partials);
        budget.burn_items(partials.len())?;
        if last.is_finite() {
            continue;
        }
        if value.is_finite() {
            return Err(overflow("intermediate overflow in fsum"));
        }
        if value.is_infinite() {
            infinities += value;
        }
        special += value;
        partials.clear();
    }
    if special != 0.0 || f64::is_nan(special) {
        if f64::is_nan(infinities) {
            return Err(value_error("-inf + inf in fsum"));
        }
        return Ok(Object::Float(special));
    }
    Ok(Object::Float(round(&partials)))
}

/// Adds a value to the partial sums, which are sorted by size. Returns the greatest, which isn't kept if it is 0.
fn add(mut value: f64, partials: &mut Vec<f64>) -> f64 {
    let mut kept = 0;
    for index in 0..partials.len() {
        let mut other = partials[index];
        if value.abs() < other.abs() {
            std::mem::swap(&mut value, &mut other);
        }
        let high = value + other;
        let low = other - (high - value);
        if low != 0.0 {
            partials[kept] = low;
            kept += 1;
        }
        value = high;
    }
    partials.truncate(kept);
    if value != 0.0 {
        partials.push(value);
    }
    value
}

/// The sum of the partials, rounded once, half to even.
fn round(partials: &[f64]) -> f64 {
    let Some((&greatest, mut rest)) = partials.split_last() else {
        return 0.0;
    };
    let mut high = greatest;
    let mut low = 0.0;
    while let Some((&next, smaller)) = rest.split_last() {
        rest = smaller;
        let before = high;
        high = before + next;
        low = next - (high - before);
        if low != 0.0 {
            break;
        }
    }
    // If the rounding was of exactly a half, the lower partials decide its direction.
    if let Some(&below) = rest.last()
        && ((low < 0.0 && below < 0.0) || (low > 0.0 && below > 0.0))
    {
        let double = low * 2.0;
        let candidate = high + double;
        #[expect(clippy::float_cmp, reason = "the question is whether the step was exact")]
        if double == candidate - high {
            return candidate;
        }
    }
    high
}
