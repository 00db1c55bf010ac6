//! Conversion of the arguments of `math`, and the simple functions of floats.

use crate::budget::Budget;
use crate::error::{Result, type_error, value_error};
use crate::object::arguments::CallArguments;
use crate::object::int::{self, Integer};
use crate::object::{Number, Object};
use crate::operator::arithmetic::as_float;
use crate::operator::round::check_finite;

/// Converts a number to a float, or returns a `TypeError`.
pub(super) fn real(value: &Object) -> Result<f64> {
    match value.number() {
        Some(number) => as_float(number),
        None => Err(type_error(format!(
            "must be real number, not {}",
            value.type_name()
        ))),
    }
}

/// Converts to an int, or returns a `TypeError`.
pub(super) fn integer(value: &Object) -> Result<Integer<'_>> {
    value.integer().ok_or_else(|| {
        type_error(format!(
            "'{}' object cannot be interpreted as an integer",
            value.type_name()
        ))
    })
}

/// The only argument, as a float.
pub(super) fn one_real(arguments: &CallArguments<'_>) -> Result<f64> {
    real(arguments.one()?)
}

/// Both arguments, as floats.
pub(super) fn two_reals(arguments: &CallArguments<'_>) -> Result<(f64, f64)> {
    let (first, second) = arguments.two()?;
    Ok((real(first)?, real(second)?))
}

/// Rounds a float to an int. Ints are returned unchanged.
fn to_int(arguments: &CallArguments<'_>, round: fn(f64) -> f64, budget: &mut Budget) -> Result<Object> {
    let value = arguments.one()?;
    match value.number() {
        Some(Number::Int(value)) => value.to_object(budget),
        Some(Number::Float(value)) => {
            check_finite(value)?;
            int::from_float(round(value), budget)
        }
        None => Err(type_error(format!(
            "must be real number, not {}",
            value.type_name()
        ))),
    }
}

pub(super) fn floor(arguments: &CallArguments<'_>, budget: &mut Budget) -> Result<Object> {
    to_int(arguments, f64::floor, budget)
}

pub(super) fn ceil(arguments: &CallArguments<'_>, budget: &mut Budget) -> Result<Object> {
    to_int(arguments, f64::ceil, budget)
}

pub(super) fn trunc(arguments: &CallArguments<'_>, budget: &mut Budget) -> Result<Object> {
    if let [value] = arguments.positional()
        && value.number().is_none()
    {
        return Err(type_error(format!(
            "type {} doesn't define __trunc__ method",
            value.type_name()
        )));
    }
    to_int(arguments, f64::trunc, budget)
}

pub(super) fn fabs(arguments: &CallArguments<'_>, _: &mut Budget) -> Result<Object> {
    Ok(Object::Float(one_real(arguments)?.abs()))
}

pub(super) fn copysign(arguments: &CallArguments<'_>, _: &mut Budget) -> Result<Object> {
    let (magnitude, sign) = two_reals(arguments)?;
    Ok(Object::Float(magnitude.copysign(sign)))
}

pub(super) fn fmod(arguments: &CallArguments<'_>, _: &mut Budget) -> Result<Object> {
    let (left, right) = two_reals(arguments)?;
    let rest = left % right;
    if rest.is_nan() && !left.is_nan() && !right.is_nan() {
        return Err(value_error("math domain error"));
    }
    Ok(Object::Float(rest))
}

pub(super) fn degrees(arguments: &CallArguments<'_>, _: &mut Budget) -> Result<Object> {
    // Not `to_degrees`, whose factor may be rounded differently.
    Ok(Object::Float(
        one_real(arguments)? * (180.0 / std::f64::consts::PI),
    ))
}

pub(super) fn radians(arguments: &CallArguments<'_>, _: &mut Budget) -> Result<Object> {
    Ok(Object::Float(
        one_real(arguments)? * (std::f64::consts::PI / 180.0),
    ))
}

pub(super) fn isnan(arguments: &CallArguments<'_>, _: &mut Budget) -> Result<Object> {
    Ok(Object::Bool(one_real(arguments)?.is_nan()))
}

pub(super) fn isinf(arguments: &CallArguments<'_>, _: &mut Budget) -> Result<Object> {
    Ok(Object::Bool(one_real(arguments)?.is_infinite()))
}

pub(super) fn isfinite(arguments: &CallArguments<'_>, _: &mut Budget) -> Result<Object> {
    Ok(Object::Bool(one_real(arguments)?.is_finite()))
}
