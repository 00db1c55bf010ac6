//! Equality and order.
//!
//! Owns the meaning of the comparison operators except `in` and `is`. Numbers of different types compare exactly. NaN equals
//! nothing, not even in containers: Python's shortcut for identical objects is not imitated.

use std::cmp::Ordering;

use super::dict::Dict;
use super::int::{self, Integer, big_from_float, small_from_float};
use super::set::{self, Set};
use super::{Number, Object};
use crate::budget::Budget;
use crate::error::{Result, type_error};

/// A comparison operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Equal,
    NotEqual,
    In,
    NotIn,
    Is,
    IsNot,
}

impl Comparison {
    fn symbol(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::In => "in",
            Self::NotIn => "not in",
            Self::Is => "is",
            Self::IsNot => "is not",
        }
    }

    /// Returns whether the operator holds for two values in this order.
    #[inline]
    pub(crate) fn accepts(self, ordering: Ordering) -> bool {
        match self {
            Self::Less => ordering.is_lt(),
            Self::LessEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterEqual => ordering.is_ge(),
            Self::Equal | Self::In | Self::Is => ordering.is_eq(),
            Self::NotEqual | Self::NotIn | Self::IsNot => ordering.is_ne(),
        }
    }
}

/// Evaluates `left == right`. The depth of the values bounds recursion, the fuel bounds work.
pub(crate) fn equal(left: &Object, right: &Object, budget: &mut Budget) -> Result<bool> {
    budget.burn(1)?;
    if let (Some(left), Some(right)) = (left.number(), right.number()) {
        burn_long(left, right, budget)?;
        return Ok(compare_numbers(left, right) == Some(Ordering::Equal));
    }
    match (left, right) {
        (Object::None, Object::None) => Ok(true),
        (Object::Str(left), Object::Str(right)) => {
            if left.as_str().len() != right.as_str().len() {
                return Ok(false);
            }
            budget.burn_bytes(left.as_str().len())?;
            Ok(left.as_str() == right.as_str())
        }
        (Object::Tuple(left), Object::Tuple(right)) | (Object::List(left), Object::List(right)) => {
            Ok(left.items().len() == right.items().len()
                && first_difference(left.items(), right.items(), budget)?.is_none())
        }
        (Object::Set(left), Object::Set(right)) => set::same(left, right, budget),
        (Object::Dict(left), Object::Dict(right)) => Dict::same(left, right, budget),
        (Object::Range(left), Object::Range(right)) => Ok(left.same(right)),
        _ => Ok(false),
    }
}

/// Pays for reading two long ints.
#[inline]
fn burn_long(left: Number<'_>, right: Number<'_>, budget: &mut Budget) -> Result<()> {
    match (left, right) {
        (Number::Int(Integer::Big(left)), Number::Int(Integer::Big(right))) => {
            budget.burn(left.bits().min(right.bits()) / 1024)
        }
        _ => Ok(()),
    }
}

/// The first index at which two sequences differ, up to the length of the shorter one.
fn first_difference(left: &[Object], right: &[Object], budget: &mut Budget) -> Result<Option<usize>> {
    for (index, (left, right)) in left.iter().zip(right).enumerate() {
        if !equal(left, right, budget)? {
            return Ok(Some(index));
        }
    }
    Ok(None)
}

/// Evaluates `<`, `<=`, `>` or `>=`.
pub(crate) fn ordered(
    operator: Comparison,
    left: &Object,
    right: &Object,
    budget: &mut Budget,
) -> Result<bool> {
    budget.burn(1)?;
    if let (Some(left), Some(right)) = (left.number(), right.number()) {
        burn_long(left, right, budget)?;
        return Ok(compare_numbers(left, right).is_some_and(|ordering| operator.accepts(ordering)));
    }
    match (left, right) {
        (Object::Str(left), Object::Str(right)) => {
            budget.burn_bytes(left.as_str().len().min(right.as_str().len()))?;
            Ok(operator.accepts(left.as_str().cmp(right.as_str())))
        }
        (Object::Tuple(left), Object::Tuple(right)) | (Object::List(left), Object::List(right)) => {
            let (left, right) = (left.items(), right.items());
            match first_difference(left, right, budget)? {
                Some(index) => ordered(operator, &left[index], &right[index], budget),
                None => Ok(operator.accepts(left.len().cmp(&right.len()))),
            }
        }
        (Object::Set(left), Object::Set(right)) => ordered_sets(operator, left, right, budget),
        _ => Err(type_error(format!(
            "'{}' not supported between instances of '{}' and '{}'",
            operator.symbol(),
            left.type_name(),
            right.type_name()
        ))),
    }
}

/// Sets are ordered by inclusion.
fn ordered_sets(operator: Comparison, left: &Set, right: &Set, budget: &mut Budget) -> Result<bool> {
    match operator {
        Comparison::Less => Ok(left.len() < right.len() && left.is_subset(right, budget)?),
        Comparison::LessEqual => left.is_subset(right, budget),
        Comparison::Greater => Ok(right.len() < left.len() && right.is_subset(left, budget)?),
        _ => right.is_subset(left, budget),
    }
}

/// The exact order of two numbers; `None` if one is NaN.
#[inline]
pub(crate) fn compare_numbers(left: Number<'_>, right: Number<'_>) -> Option<Ordering> {
    match (left, right) {
        (Number::Int(left), Number::Int(right)) => Some(int::compare(left, right)),
        (Number::Float(left), Number::Float(right)) => left.partial_cmp(&right),
        (Number::Int(left), Number::Float(right)) => compare_mixed(left, right),
        (Number::Float(left), Number::Int(right)) => compare_mixed(right, left).map(Ordering::reverse),
    }
}

/// Compares an int and a float without rounding: first the whole part, then the fraction.
fn compare_mixed(left: Integer<'_>, right: f64) -> Option<Ordering> {
    if right.is_nan() {
        return None;
    }
    if right.is_infinite() {
        return Some(if right > 0.0 {
            Ordering::Less
        } else {
            Ordering::Greater
        });
    }
    let whole = right.trunc();
    let ordering = match small_from_float(whole) {
        Some(small) => int::compare(left, Integer::Small(small)),
        None => int::compare(left, Integer::Big(&big_from_float(whole))),
    };
    Some(ordering.then_with(|| whole.partial_cmp(&right).unwrap_or(Ordering::Equal)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(left: i64, right: f64) -> Option<Ordering> {
        compare_numbers(Number::Int(Integer::Small(left)), Number::Float(right))
    }

    #[test]
    fn ints_and_floats_compare_without_rounding() {
        assert_eq!(
            order((1 << 53) + 1, 9_007_199_254_740_992.0),
            Some(Ordering::Greater)
        );
        assert_eq!(order(1 << 53, 9_007_199_254_740_992.0), Some(Ordering::Equal));
        assert_eq!(order(i64::MAX, 9_223_372_036_854_775_808.0), Some(Ordering::Less));
        assert_eq!(
            order(i64::MIN, -9_223_372_036_854_775_808.0),
            Some(Ordering::Equal)
        );
        assert_eq!(order(-1, -1.5), Some(Ordering::Greater));
        assert_eq!(order(1, 1.5), Some(Ordering::Less));
        assert_eq!(order(0, -0.0), Some(Ordering::Equal));
        assert_eq!(order(0, f64::NAN), None);
        assert_eq!(order(0, f64::NEG_INFINITY), Some(Ordering::Greater));
    }
}
