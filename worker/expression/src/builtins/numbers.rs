//! `abs divmod pow round`.

use crate::budget::Budget;
use crate::error::{Result, type_error, zero_division};
use crate::object::arguments::CallArguments;
use crate::object::int::{self, Integer};
use crate::object::{Number, Object};
use crate::operator::arithmetic::{BinaryOperator, as_float, binary};
use crate::operator::division;
use crate::operator::float_division;
use crate::operator::power::modular_power;
use crate::operator::round as rounding;

/// Converts to an int, or returns Python's `TypeError`.
pub(crate) fn index(value: &Object) -> Result<Integer<'_>> {
    value.integer().ok_or_else(|| {
        type_error(format!(
            "'{}' object cannot be interpreted as an integer",
            value.type_name()
        ))
    })
}

pub(super) fn abs(arguments: &CallArguments<'_>, budget: &mut Budget) -> Result<Object> {
    let value = arguments.one()?;
    match value.number() {
        Some(Number::Int(value)) => int::absolute(value, budget),
        Some(Number::Float(value)) => Ok(Object::Float(value.abs())),
        None => Err(type_error(format!(
            "bad operand type for abs(): '{}'",
            value.type_name()
        ))),
    }
}

pub(super) fn divmod(arguments: &CallArguments<'_>, budget: &mut Budget) -> Result<Object> {
    let (left, right) = arguments.two()?;
    let (quotient, rest) = match (left.number(), right.number()) {
        (Some(Number::Int(left)), Some(Number::Int(right))) => division::floor_divide(left, right, budget)?,
        (Some(left), Some(right)) => {
            let (left, right) = (as_float(left)?, as_float(right)?);
            if right == 0.0 {
                return Err(zero_division("float divmod()"));
            }
            let (quotient, rest) = float_division::floor_divide(left, right)?;
            (Object::Float(quotient), Object::Float(rest))
        }
        _ => {
            return Err(type_error(format!(
                "unsupported operand type(s) for divmod(): '{}' and '{}'",
                left.type_name(),
                right.type_name()
            )));
        }
    };
    Object::tuple(vec![quotient, rest], budget)
}

pub(super) fn pow(arguments: &CallArguments<'_>, budget: &mut Budget) -> Result<Object> {
    let [base, exponent, modulus] = arguments.bind(["base", "exp", "mod"], 3, 2)?;
    let (base, exponent) = (base.unwrap_or(&Object::None), exponent.unwrap_or(&Object::None));
    let modulus = match modulus {
        None | Some(Object::None) => return binary(BinaryOperator::Power, base, exponent, budget),
        Some(modulus) => modulus,
    };
    match (base.number(), exponent.number(), modulus.number()) {
        (Some(Number::Int(base)), Some(Number::Int(exponent)), Some(Number::Int(modulus))) => {
            modular_power(base, exponent, modulus, budget)
        }
        (Some(_), Some(_), Some(_))
        | (Some(Number::Float(_)), _, _)
        | (_, Some(Number::Float(_)), _)
        | (_, _, Some(Number::Float(_))) => Err(type_error(
            "pow() 3rd argument not allowed unless all arguments are integers",
        )),
        _ => Err(type_error(format!(
            "unsupported operand type(s) for ** or pow(): '{}', '{}', '{}'",
            base.type_name(),
            exponent.type_name(),
            modulus.type_name()
        ))),
    }
}

pub(super) fn round(arguments: &CallArguments<'_>, budget: &mut Budget) -> Result<Object> {
    let [number, digits] = arguments.bind(["number", "ndigits"], 2, 1)?;
    let number = number.unwrap_or(&Object::None);
    let digits = digits.filter(|digits| !matches!(digits, Object::None));
    match (number.number(), digits) {
        (Some(Number::Int(value)), None) => value.to_object(budget),
        (Some(Number::Float(value)), None) => rounding::to_int(value, budget),
        (Some(Number::Int(value)), Some(digits)) => rounding::int(value, index(digits)?, budget),
        (Some(Number::Float(value)), Some(digits)) => {
            rounding::float(value, index(digits)?, budget).map(Object::Float)
        }
        (None, _) => Err(type_error(format!(
            "type {} doesn't define __round__ method",
            number.type_name()
        ))),
    }
}
