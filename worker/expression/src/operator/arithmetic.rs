//! The unary and binary operators.
//!
//! Owns which types an operator accepts and the error messages for others. The modules of the types do the work.

use std::sync::Arc;

use super::division::{quotient, remainder, to_float, true_divide};
use super::float_division;
use super::power::power;
use crate::budget::Budget;
use crate::error::{Error, Result, limit_exceeded, overflow, type_error, unsupported, zero_division};
use crate::object::int::{self, BitOperator, Integer};
use crate::object::set::SetOperator;
use crate::object::text::Text;
use crate::object::{Number, Object, Sequence};

/// An operator that always evaluates both operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BinaryOperator {
    Or,
    Xor,
    And,
    ShiftLeft,
    ShiftRight,
    Add,
    Subtract,
    Multiply,
    MatrixMultiply,
    Divide,
    FloorDivide,
    Modulo,
    Power,
}

/// An operator with one operand, except `not`, which accepts every type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnaryOperator {
    Plus,
    Minus,
    Invert,
}

impl BinaryOperator {
    fn symbol(self) -> &'static str {
        match self {
            Self::Or => "|",
            Self::Xor => "^",
            Self::And => "&",
            Self::ShiftLeft => "<<",
            Self::ShiftRight => ">>",
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::MatrixMultiply => "@",
            Self::Divide => "/",
            Self::FloorDivide => "//",
            Self::Modulo => "%",
            Self::Power => "** or pow()",
        }
    }
}

/// Evaluates `left operator right`.
pub(crate) fn binary(
    operator: BinaryOperator,
    left: &Object,
    right: &Object,
    budget: &mut Budget,
) -> Result<Object> {
    if let (Some(left_number), Some(right_number)) = (left.number(), right.number()) {
        return match (left_number, right_number) {
            (Number::Int(left_int), Number::Int(right_int)) => {
                ints(operator, (left, left_int), (right, right_int), budget)
            }
            _ => floats(operator, left, right, budget),
        };
    }
    match operator {
        BinaryOperator::Add => concatenate(left, right, budget),
        BinaryOperator::Multiply => match (left.integer(), right.integer()) {
            (None, Some(count)) => repeat(left, count, budget)
                .unwrap_or_else(|| Err(unsupported_operands(operator, left, right))),
            (Some(count), None) => repeat(right, count, budget)
                .unwrap_or_else(|| Err(unsupported_operands(operator, left, right))),
            _ => not_repeatable(left, right),
        },
        BinaryOperator::Modulo if matches!(left, Object::Str(_)) => Err(unsupported("formatting with %")),
        _ => containers(operator, left, right, budget),
    }
}

/// The error for operands of unsupported types.
fn unsupported_operands(operator: BinaryOperator, left: &Object, right: &Object) -> Error {
    type_error(format!(
        "unsupported operand type(s) for {}: '{}' and '{}'",
        operator.symbol(),
        left.type_name(),
        right.type_name()
    ))
}

fn ints(
    operator: BinaryOperator,
    (left_object, left): (&Object, Integer<'_>),
    (right_object, right): (&Object, Integer<'_>),
    budget: &mut Budget,
) -> Result<Object> {
    let bits = |operator, budget: &mut Budget| {
        let value = int::bitwise(operator, left, right, budget)?;
        let both_bool = matches!((left_object, right_object), (Object::Bool(_), Object::Bool(_)));
        Ok(if both_bool {
            Object::Bool(value.is_true())
        } else {
            value
        })
    };
    match operator {
        BinaryOperator::Add => int::add(left, right, budget),
        BinaryOperator::Subtract => int::subtract(left, right, budget),
        BinaryOperator::Multiply => int::multiply(left, right, budget),
        BinaryOperator::Divide => true_divide(left, right, budget).map(Object::Float),
        BinaryOperator::FloorDivide => quotient(left, right, budget),
        BinaryOperator::Modulo => remainder(left, right, budget),
        BinaryOperator::Power => power(Number::Int(left), Number::Int(right), budget),
        BinaryOperator::ShiftLeft => int::shift_left(left, right, budget),
        BinaryOperator::ShiftRight => int::shift_right(left, right, budget),
        BinaryOperator::And => bits(BitOperator::And, budget),
        BinaryOperator::Or => bits(BitOperator::Or, budget),
        BinaryOperator::Xor => bits(BitOperator::Xor, budget),
        BinaryOperator::MatrixMultiply => Err(unsupported_operands(operator, left_object, right_object)),
    }
}

/// Evaluates an operator on two numbers, at least one of which is a float.
fn floats(operator: BinaryOperator, left: &Object, right: &Object, budget: &mut Budget) -> Result<Object> {
    use BinaryOperator as Op;
    if !matches!(
        operator,
        Op::Add | Op::Subtract | Op::Multiply | Op::Divide | Op::FloorDivide | Op::Modulo | Op::Power
    ) {
        return Err(unsupported_operands(operator, left, right));
    }
    let (Some(left), Some(right)) = (left.number(), right.number()) else {
        return Err(unsupported_operands(operator, left, right));
    };
    if operator == Op::Power {
        return power(left, right, budget);
    }
    let (left, right) = (as_float(left)?, as_float(right)?);
    let value = match operator {
        Op::Add => left + right,
        Op::Subtract => left - right,
        Op::Multiply => left * right,
        Op::FloorDivide => float_division::floor_divide(left, right)?.0,
        Op::Modulo if right == 0.0 => return Err(zero_division("float modulo")),
        Op::Modulo => float_division::floor_divide(left, right)?.1,
        _ if right == 0.0 => return Err(zero_division("float division by zero")),
        _ => left / right,
    };
    Ok(Object::Float(value))
}

/// Converts a number to a float. An int that is too large is an error.
pub(crate) fn as_float(number: Number<'_>) -> Result<f64> {
    match number {
        Number::Float(value) => Ok(value),
        Number::Int(value) => to_float(value),
    }
}

/// Evaluates `|`, `&`, `^` and `-` of sets, and `|` of dicts.
fn containers(
    operator: BinaryOperator,
    left: &Object,
    right: &Object,
    budget: &mut Budget,
) -> Result<Object> {
    let set_operator = match operator {
        BinaryOperator::And => SetOperator::Intersection,
        BinaryOperator::Or => SetOperator::Union,
        BinaryOperator::Xor => SetOperator::SymmetricDifference,
        BinaryOperator::Subtract => SetOperator::Difference,
        _ => return Err(unsupported_operands(operator, left, right)),
    };
    match (left, right) {
        (Object::Set(left), Object::Set(right)) => left.operate(set_operator, right, budget),
        (Object::Dict(left), Object::Dict(right)) if operator == BinaryOperator::Or => {
            left.union(right, budget)
        }
        _ => Err(unsupported_operands(operator, left, right)),
    }
}

/// Evaluates `left + right` of sequences of one type.
fn concatenate(left: &Object, right: &Object, budget: &mut Budget) -> Result<Object> {
    match (left, right) {
        (Object::Str(left), Object::Str(right)) => {
            let (left, right) = (left.as_str(), right.as_str());
            budget.text(left.len() + right.len())?;
            let mut joined = String::with_capacity(left.len() + right.len());
            joined.push_str(left);
            joined.push_str(right);
            Ok(Object::Str(Arc::new(Text::new(joined))))
        }
        (Object::Tuple(left), Object::Tuple(right)) => Object::tuple(joined(left, right, budget)?, budget),
        (Object::List(left), Object::List(right)) => Object::list(joined(left, right, budget)?, budget),
        (Object::Str(_) | Object::Tuple(_) | Object::List(_), _) => {
            let name = left.type_name();
            Err(type_error(format!(
                "can only concatenate {name} (not \"{}\") to {name}",
                right.type_name()
            )))
        }
        _ => Err(unsupported_operands(BinaryOperator::Add, left, right)),
    }
}

fn joined(left: &Sequence, right: &Sequence, budget: &mut Budget) -> Result<Vec<Object>> {
    let (left, right) = (left.items(), right.items());
    budget.length(left.len() + right.len())?;
    budget.burn_items(left.len().midpoint(right.len()))?;
    let mut joined = Vec::with_capacity(left.len() + right.len());
    joined.extend_from_slice(left);
    joined.extend_from_slice(right);
    Ok(joined)
}

/// The error of `*` if neither operand is an int. A sequence has its own message.
fn not_repeatable(left: &Object, right: &Object) -> Result<Object> {
    let is_sequence = |value: &Object| matches!(value, Object::Str(_) | Object::Tuple(_) | Object::List(_));
    if is_sequence(left) || is_sequence(right) {
        let other = if is_sequence(left) { right } else { left };
        return Err(type_error(format!(
            "can't multiply sequence by non-int of type '{}'",
            other.type_name()
        )));
    }
    Err(unsupported_operands(BinaryOperator::Multiply, left, right))
}

/// Evaluates `value * count` of a sequence; `None` if the value is no sequence.
fn repeat(value: &Object, count: Integer<'_>, budget: &mut Budget) -> Option<Result<Object>> {
    Some(match value {
        Object::Str(text) => repeat_text(text, count, budget),
        Object::Tuple(items) => {
            repeat_items(items, count, budget).and_then(|items| Object::tuple(items, budget))
        }
        Object::List(items) => {
            repeat_items(items, count, budget).and_then(|items| Object::list(items, budget))
        }
        _ => return None,
    })
}

/// Checks the length of a repetition. Returns the count.
fn repetitions(length: usize, count: Integer<'_>, budget: &Budget) -> Result<usize> {
    let count = match count.small() {
        Some(count) => usize::try_from(count).unwrap_or(0),
        None => return Err(overflow("cannot fit 'int' into an index-sized integer")),
    };
    if length == 0 {
        return Ok(0);
    }
    let total = length
        .checked_mul(count)
        .ok_or_else(|| limit_exceeded("the repeated sequence is too long"))?;
    budget.length(total)?;
    Ok(count)
}

fn repeat_text(text: &Text, count: Integer<'_>, budget: &mut Budget) -> Result<Object> {
    let count = repetitions(text.as_str().len(), count, budget)?;
    budget.text(text.as_str().len() * count)?;
    Ok(Object::text(text.as_str().repeat(count)))
}

fn repeat_items(items: &Sequence, count: Integer<'_>, budget: &mut Budget) -> Result<Vec<Object>> {
    let items = items.items();
    let count = repetitions(items.len(), count, budget)?;
    budget.burn_items(items.len() * count / 4)?;
    let mut repeated = Vec::with_capacity(items.len() * count);
    for _ in 0..count {
        repeated.extend_from_slice(items);
    }
    Ok(repeated)
}

/// Evaluates `operator operand`.
pub(crate) fn unary(operator: UnaryOperator, operand: &Object, budget: &mut Budget) -> Result<Object> {
    match (operator, operand.number()) {
        (UnaryOperator::Plus, Some(Number::Int(value))) => value.to_object(budget),
        (UnaryOperator::Minus, Some(Number::Int(value))) => int::negate(value, budget),
        (UnaryOperator::Invert, Some(Number::Int(value))) => int::invert(value, budget),
        (UnaryOperator::Plus, Some(Number::Float(value))) => Ok(Object::Float(value)),
        (UnaryOperator::Minus, Some(Number::Float(value))) => Ok(Object::Float(-value)),
        _ => {
            let symbol = match operator {
                UnaryOperator::Plus => "+",
                UnaryOperator::Minus => "-",
                UnaryOperator::Invert => "~",
            };
            Err(type_error(format!(
                "bad operand type for unary {symbol}: '{}'",
                operand.type_name()
            )))
        }
    }
}
