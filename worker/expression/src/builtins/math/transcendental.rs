//! The functions of the C library.
//!
//! Owns the errors that Python raises for infinities and NaN, and the inverse hyperbolic functions. Those of std differ
//! from glibc's, so they are implemented here with glibc's steps, and results agree to the last bit.

use std::f64::consts::LN_2;

use num_traits::ToPrimitive;

use super::convert::{one_real, real, two_reals};
use crate::budget::Budget;
use crate::error::{Error, Result, overflow, type_error, value_error, zero_division};
use crate::object::Object;
use crate::object::arguments::CallArguments;
use crate::object::int::Integer;
use crate::operator::division::to_float;

fn domain_error() -> Error {
    value_error("math domain error")
}

fn range_error() -> Error {
    overflow("math range error")
}

/// What an infinite result for a finite argument means: overflow or a pole.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Infinity {
    Overflow,
    Pole,
}

/// Calls a function of one float. An infinity or NaN that isn't in the argument is an error.
fn call(arguments: &CallArguments<'_>, infinity: Infinity, function: fn(f64) -> f64) -> Result<Object> {
    let argument = one_real(arguments)?;
    let value = function(argument);
    if value.is_nan() && !argument.is_nan() {
        return Err(domain_error());
    }
    if value.is_infinite() && argument.is_finite() {
        return Err(if infinity == Infinity::Overflow {
            range_error()
        } else {
            domain_error()
        });
    }
    Ok(Object::Float(value))
}

macro_rules! functions_of_one_float {
    ($($name:ident, $infinity:ident, $function:expr;)*) => {
        $(pub(super) fn $name(arguments: &CallArguments<'_>, _: &mut Budget) -> Result<Object> {
            call(arguments, Infinity::$infinity, $function)
        })*
    };
}

functions_of_one_float! {
    exp, Overflow, f64::exp;
    expm1, Overflow, f64::exp_m1;
    log1p, Pole, f64::ln_1p;
    sin, Pole, f64::sin;
    cos, Pole, f64::cos;
    tan, Pole, f64::tan;
    asin, Pole, f64::asin;
    acos, Pole, f64::acos;
    atan, Pole, f64::atan;
    sinh, Overflow, f64::sinh;
    cosh, Overflow, f64::cosh;
    tanh, Pole, f64::tanh;
    asinh, Pole, arc_sinh;
    acosh, Pole, arc_cosh;
    atanh, Pole, arc_tanh;
}

/// 2**28: above it, adding 1 to the square of a number changes nothing.
const LARGE: f64 = 268_435_456.0;

/// 2**-28: below it, the function's value is its argument.
const SMALL: f64 = 3.725_290_298_461_914e-9;

fn arc_sinh(value: f64) -> f64 {
    let magnitude = value.abs();
    if !value.is_finite() || magnitude < SMALL {
        return value;
    }
    let square = magnitude * magnitude;
    let result = if magnitude > LARGE {
        magnitude.ln() + LN_2
    } else if magnitude > 2.0 {
        (2.0 * magnitude + 1.0 / ((square + 1.0).sqrt() + magnitude)).ln()
    } else {
        (magnitude + square / (1.0 + (1.0 + square).sqrt())).ln_1p()
    };
    result.copysign(value)
}

fn arc_cosh(value: f64) -> f64 {
    if value > LARGE {
        return if value.is_infinite() {
            value
        } else {
            value.ln() + LN_2
        };
    }
    if value > 2.0 {
        return (2.0 * value - 1.0 / (value + (value * value - 1.0).sqrt())).ln();
    }
    if value >= 1.0 {
        let rest = value - 1.0;
        return (rest + (2.0 * rest + rest * rest).sqrt()).ln_1p();
    }
    f64::NAN
}

fn arc_tanh(value: f64) -> f64 {
    let magnitude = value.abs();
    if magnitude < SMALL {
        return value;
    }
    let twice = magnitude + magnitude;
    let result = if magnitude < 0.5 {
        0.5 * (twice + twice * magnitude / (1.0 - magnitude)).ln_1p()
    } else if magnitude < 1.0 {
        0.5 * (twice / (1.0 - magnitude)).ln_1p()
    } else if magnitude > 1.0 {
        f64::NAN
    } else {
        magnitude / 0.0
    };
    result.copysign(value)
}

pub(super) fn atan2(arguments: &CallArguments<'_>, _: &mut Budget) -> Result<Object> {
    let (y, x) = two_reals(arguments)?;
    Ok(Object::Float(y.atan2(x)))
}

pub(super) fn pow(arguments: &CallArguments<'_>, _: &mut Budget) -> Result<Object> {
    let (base, exponent) = two_reals(arguments)?;
    let value = base.powf(exponent);
    if base.is_finite() && exponent.is_finite() {
        if value.is_nan() || (value.is_infinite() && base == 0.0) {
            return Err(domain_error());
        }
        if value.is_infinite() {
            return Err(range_error());
        }
    }
    Ok(Object::Float(value))
}

/// The logarithm of a number, which may be an int too large for a float.
fn logarithm(value: &Object, function: fn(f64) -> f64) -> Result<f64> {
    if let Some(int) = value.integer() {
        return int_logarithm(int, function);
    }
    let argument = real(value)?;
    let value = function(argument);
    if argument <= 0.0 {
        return Err(domain_error());
    }
    Ok(value)
}

fn int_logarithm(value: Integer<'_>, function: fn(f64) -> f64) -> Result<f64> {
    if value.is_negative() || value.is_zero() {
        return Err(domain_error());
    }
    if let Ok(float) = to_float(value) {
        return Ok(function(float));
    }
    // As in CPython: split into a power of two and a fraction that is at least 0.5 and less than 1.
    let bits = value.bits();
    let big = value.to_big();
    let fraction = fraction(&big, bits);
    Ok(function(fraction) + function(2.0) * bits.to_f64().unwrap_or(f64::INFINITY))
}

/// Computes `value / 2**bits`, rounded half to even.
fn fraction(value: &num_bigint::BigInt, bits: u64) -> f64 {
    let shift = bits.saturating_sub(64);
    let top = (value.magnitude() >> shift).to_u64().unwrap_or(u64::MAX);
    let lost = value
        .magnitude()
        .trailing_zeros()
        .is_some_and(|zeros| zeros < shift);
    #[expect(clippy::cast_precision_loss, reason = "this is the rounding")]
    let mantissa = (top | u64::from(lost)) as f64;
    mantissa / 18_446_744_073_709_551_616.0
}

pub(super) fn log(arguments: &CallArguments<'_>, _: &mut Budget) -> Result<Object> {
    let (value, base) = match arguments.any_number()? {
        [value] => return logarithm(value, f64::ln).map(Object::Float),
        [value, base] => (value, base),
        _ => return Err(type_error("math.log requires 1 to 2 arguments")),
    };
    let (numerator, denominator) = (logarithm(value, f64::ln)?, logarithm(base, f64::ln)?);
    if denominator == 0.0 {
        return Err(zero_division("float division by zero"));
    }
    Ok(Object::Float(numerator / denominator))
}

pub(super) fn log2(arguments: &CallArguments<'_>, _: &mut Budget) -> Result<Object> {
    logarithm(arguments.one()?, f64::log2).map(Object::Float)
}

pub(super) fn log10(arguments: &CallArguments<'_>, _: &mut Budget) -> Result<Object> {
    logarithm(arguments.one()?, f64::log10).map(Object::Float)
}
