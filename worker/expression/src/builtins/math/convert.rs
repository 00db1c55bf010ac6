//! Arguments of `math`, and the functions that need no more than the float itself.

use crate::budget::Budget;
use crate::error::{Outcome, type_error, value_error};
use crate::object::arguments::Arguments;
use crate::object::int::{self, Integer};
use crate::object::{Number, Object};
use crate::operator::arithmetic::as_float;
use crate::operator::round::check_finite;

/// A number as a float, or a `TypeError`.
pub(super) fn real(value: &Object) -> Outcome<f64> {
    match value.number() {
        Some(number) => as_float(number),
        None => Err(type_error(format!(
            "must be real number, not {}",
            value.type_name()
        ))),
    }
}

/// An int, or a `TypeError`.
pub(super) fn integer(value: &Object) -> Outcome<Integer<'_>> {
    value.integer().ok_or_else(|| {
        type_error(format!(
            "'{}' object cannot be interpreted as an integer",
            value.type_name()
        ))
    })
}

/// The only argument, as a float.
pub(super) fn one_real(arguments: &Arguments<'_>) -> Outcome<f64> {
    real(arguments.one()?)
}

/// Both arguments, as floats.
pub(super) fn two_reals(arguments: &Arguments<'_>) -> Outcome<(f64, f64)> {
    let (first, second) = arguments.two()?;
    Ok((real(first)?, real(second)?))
}

/// Rounds a float to an int; ints stay as they are.
fn to_int(arguments: &Arguments<'_>, round: fn(f64) -> f64, budget: &mut Budget) -> Outcome<Object> {
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

pub(super) fn floor(arguments: &Arguments<'_>, budget: &mut Budget) -> Outcome<Object> {
    to_int(arguments, f64::floor, budget)
}

pub(super) fn ceil(arguments: &Arguments<'_>, budget: &mut Budget) -> Outcome<Object> {
    to_int(arguments, f64::ceil, budget)
}

pub(super) fn trunc(arguments: &Arguments<'_>, budget: &mut Budget) -> Outcome<Object> {
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

pub(super) fn fabs(arguments: &Arguments<'_>, _: &mut Budget) -> Outcome<Object> {
    Ok(Object::Float(one_real(arguments)?.abs()))
}

pub(super) fn copysign(arguments: &Arguments<'_>, _: &mut Budget) -> Outcome<Object> {
    let (magnitude, sign) = two_reals(arguments)?;
    Ok(Object::Float(magnitude.copysign(sign)))
}

pub(super) fn fmod(arguments: &Arguments<'_>, _: &mut Budget) -> Outcome<Object> {
    let (left, right) = two_reals(arguments)?;
    let rest = left % right;
    if rest.is_nan() && !left.is_nan() && !right.is_nan() {
        return Err(value_error("math domain error"));
    }
    Ok(Object::Float(rest))
}

pub(super) fn degrees(arguments: &Arguments<'_>, _: &mut Budget) -> Outcome<Object> {
    // Not `to_degrees`, whose factor may be rounded otherwise.
    Ok(Object::Float(
        one_real(arguments)? * (180.0 / std::f64::consts::PI),
    ))
}

pub(super) fn radians(arguments: &Arguments<'_>, _: &mut Budget) -> Outcome<Object> {
    Ok(Object::Float(
        one_real(arguments)? * (std::f64::consts::PI / 180.0),
    ))
}

pub(super) fn isnan(arguments: &Arguments<'_>, _: &mut Budget) -> Outcome<Object> {
    Ok(Object::Bool(one_real(arguments)?.is_nan()))
}

pub(super) fn isinf(arguments: &Arguments<'_>, _: &mut Budget) -> Outcome<Object> {
    Ok(Object::Bool(one_real(arguments)?.is_infinite()))
}

pub(super) fn isfinite(arguments: &Arguments<'_>, _: &mut Budget) -> Outcome<Object> {
    Ok(Object::Bool(one_real(arguments)?.is_finite()))
}
