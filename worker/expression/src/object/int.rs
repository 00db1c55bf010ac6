//! Ints: 64 bits inline, longer ones as big ints.
//!
//! Owns `+ - *`, the bit operators, shifts and the conversion between the two forms. Division is in `division`, powers are
//! in `power`, text is in `int_text`. Every result that fits 64 bits is stored inline, so each int has one form.

use std::borrow::Cow;
use std::sync::Arc;

use num_bigint::{BigInt, Sign};
use num_traits::{Signed, ToPrimitive, Zero};

use super::Object;
use crate::budget::Budget;
use crate::error::{Result, limit_exceeded, value_error};

/// A borrowed int.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Integer<'a> {
    Small(i64),
    Big(&'a BigInt),
}

/// Operators on two ints that can only fail because of limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BitOperator {
    And,
    Or,
    Xor,
}

impl<'a> Integer<'a> {
    pub(crate) fn to_big(self) -> Cow<'a, BigInt> {
        match self {
            Self::Small(value) => Cow::Owned(BigInt::from(value)),
            Self::Big(value) => Cow::Borrowed(value),
        }
    }

    /// The value, if it fits 64 bits.
    pub(crate) fn small(self) -> Option<i64> {
        match self {
            Self::Small(value) => Some(value),
            Self::Big(_) => None,
        }
    }

    pub(crate) fn is_negative(self) -> bool {
        match self {
            Self::Small(value) => value < 0,
            Self::Big(value) => value.is_negative(),
        }
    }

    pub(crate) fn is_zero(self) -> bool {
        matches!(self, Self::Small(0))
    }

    pub(crate) fn is_even(self) -> bool {
        match self {
            Self::Small(value) => value & 1 == 0,
            Self::Big(value) => !value.bit(0),
        }
    }

    /// The length of the magnitude in bits.
    pub(crate) fn bits(self) -> u64 {
        match self {
            Self::Small(value) => u64::from(64 - value.unsigned_abs().leading_zeros()),
            Self::Big(value) => value.bits(),
        }
    }

    /// Converts to an object and pays for it.
    pub(crate) fn to_object(self, budget: &mut Budget) -> Result<Object> {
        match self {
            Self::Small(value) => Ok(Object::Int(value)),
            Self::Big(value) => from_big(value.clone(), budget),
        }
    }

    /// The value, clamped to 64 bits.
    pub(crate) fn saturate(self) -> i64 {
        match self {
            Self::Small(value) => value,
            Self::Big(value) if value.is_negative() => i64::MIN,
            Self::Big(_) => i64::MAX,
        }
    }
}

/// Converts a computed int to its one form. Checks and pays for it if it is long.
pub(crate) fn from_big(value: BigInt, budget: &mut Budget) -> Result<Object> {
    if let Some(small) = value.to_i64() {
        return Ok(Object::Int(small));
    }
    budget.big(&value)?;
    Ok(Object::Big(Arc::new(value)))
}

pub(crate) fn from_i128(value: i128, budget: &mut Budget) -> Result<Object> {
    match i64::try_from(value) {
        Ok(small) => Ok(Object::Int(small)),
        Err(_) => from_big(BigInt::from(value), budget),
    }
}

pub(crate) fn add(left: Integer<'_>, right: Integer<'_>, budget: &mut Budget) -> Result<Object> {
    if let (Integer::Small(left), Integer::Small(right)) = (left, right)
        && let Some(sum) = left.checked_add(right)
    {
        return Ok(Object::Int(sum));
    }
    from_big(left.to_big().as_ref() + right.to_big().as_ref(), budget)
}

pub(crate) fn subtract(left: Integer<'_>, right: Integer<'_>, budget: &mut Budget) -> Result<Object> {
    if let (Integer::Small(left), Integer::Small(right)) = (left, right)
        && let Some(difference) = left.checked_sub(right)
    {
        return Ok(Object::Int(difference));
    }
    from_big(left.to_big().as_ref() - right.to_big().as_ref(), budget)
}

pub(crate) fn multiply(left: Integer<'_>, right: Integer<'_>, budget: &mut Budget) -> Result<Object> {
    if let (Integer::Small(left), Integer::Small(right)) = (left, right) {
        return from_i128(i128::from(left) * i128::from(right), budget);
    }
    if left.is_zero() || right.is_zero() {
        return Ok(Object::Int(0));
    }
    budget.int_bits(left.bits() + right.bits() - 1)?;
    budget.burn_product(left.bits(), right.bits())?;
    from_big(left.to_big().as_ref() * right.to_big().as_ref(), budget)
}

pub(crate) fn negate(value: Integer<'_>, budget: &mut Budget) -> Result<Object> {
    match value {
        Integer::Small(value) => from_i128(-i128::from(value), budget),
        Integer::Big(value) => from_big(-value, budget),
    }
}

/// Evaluates `~value`, which is `-value - 1`.
pub(crate) fn invert(value: Integer<'_>, budget: &mut Budget) -> Result<Object> {
    match value {
        Integer::Small(value) => Ok(Object::Int(!value)),
        Integer::Big(value) => from_big(!value, budget),
    }
}

pub(crate) fn absolute(value: Integer<'_>, budget: &mut Budget) -> Result<Object> {
    if value.is_negative() {
        negate(value, budget)
    } else {
        value.to_object(budget)
    }
}

pub(crate) fn bitwise(
    operator: BitOperator,
    left: Integer<'_>,
    right: Integer<'_>,
    budget: &mut Budget,
) -> Result<Object> {
    if let (Integer::Small(left), Integer::Small(right)) = (left, right) {
        return Ok(Object::Int(match operator {
            BitOperator::And => left & right,
            BitOperator::Or => left | right,
            BitOperator::Xor => left ^ right,
        }));
    }
    let (left, right) = (left.to_big(), right.to_big());
    let value = match operator {
        BitOperator::And => left.as_ref() & right.as_ref(),
        BitOperator::Or => left.as_ref() | right.as_ref(),
        BitOperator::Xor => left.as_ref() ^ right.as_ref(),
    };
    from_big(value, budget)
}

pub(crate) fn shift_left(value: Integer<'_>, count: Integer<'_>, budget: &mut Budget) -> Result<Object> {
    if count.is_negative() {
        return Err(value_error("negative shift count"));
    }
    if value.is_zero() {
        return Ok(Object::Int(0));
    }
    let Some(count) = count.small().map(i64::unsigned_abs) else {
        return Err(limit_exceeded("too many digits in integer"));
    };
    budget.int_bits(value.bits().saturating_add(count))?;
    if let Integer::Small(value) = value
        && count < 63
    {
        return from_i128(i128::from(value) << count, budget);
    }
    from_big(value.to_big().as_ref() << count, budget)
}

pub(crate) fn shift_right(value: Integer<'_>, count: Integer<'_>, budget: &mut Budget) -> Result<Object> {
    if count.is_negative() {
        return Err(value_error("negative shift count"));
    }
    let all_gone = Object::Int(if value.is_negative() { -1 } else { 0 });
    match (value, count.small().map(i64::unsigned_abs)) {
        (_, None) => Ok(all_gone),
        (Integer::Small(value), Some(count)) => Ok(Object::Int(value >> count.min(63))),
        (Integer::Big(value), Some(count)) if count > value.bits() => Ok(all_gone),
        (Integer::Big(value), Some(count)) => from_big(value >> count, budget),
    }
}

/// The order of two ints.
pub(crate) fn compare(left: Integer<'_>, right: Integer<'_>) -> std::cmp::Ordering {
    match (left, right) {
        (Integer::Small(left), Integer::Small(right)) => left.cmp(&right),
        (Integer::Big(left), Integer::Big(right)) => left.cmp(right),
        (Integer::Small(_), Integer::Big(right)) => BigInt::zero().cmp(right),
        (Integer::Big(left), Integer::Small(_)) => left.cmp(&BigInt::zero()),
    }
}

/// The whole part of a finite float, exactly.
pub(crate) fn from_float(value: f64, budget: &mut Budget) -> Result<Object> {
    let value = value.trunc();
    match small_from_float(value) {
        Some(small) => Ok(Object::Int(small)),
        None => from_big(big_from_float(value), budget),
    }
}

/// Converts a float without a fraction, if it fits 64 bits.
pub(crate) fn small_from_float(value: f64) -> Option<i64> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the range was tested, and there is no fraction"
    )]
    let small = (-LIMIT..LIMIT).contains(&value).then_some(value as i64);
    small
}

/// Converts a finite float without a fraction to a big int.
pub(crate) fn big_from_float(value: f64) -> BigInt {
    let bits = value.abs().to_bits();
    let exponent = (bits >> 52).saturating_sub(1075);
    let mantissa = (bits & ((1 << 52) - 1)) | (1 << 52);
    let sign = if value < 0.0 { Sign::Minus } else { Sign::Plus };
    if bits >> 52 < 1075 {
        return BigInt::from(small_from_float(value).unwrap_or(0));
    }
    BigInt::from_biguint(sign, num_bigint::BigUint::from(mantissa) << exponent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ErrorKind, Limits};

    fn budget() -> Budget {
        Budget::new(&Limits::default())
    }

    fn text(value: &Object) -> String {
        value.integer().unwrap().to_big().to_string()
    }

    #[test]
    fn results_are_promoted_and_demoted() {
        let mut budget = budget();
        let big = add(Integer::Small(i64::MAX), Integer::Small(1), &mut budget).unwrap();
        assert!(matches!(big, Object::Big(_)));
        let small = subtract(big.integer().unwrap(), Integer::Small(1), &mut budget).unwrap();
        assert!(matches!(small, Object::Int(i64::MAX)));
        let low = negate(big.integer().unwrap(), &mut budget).unwrap();
        assert!(matches!(low, Object::Int(i64::MIN)));
        assert_eq!(
            text(&negate(Integer::Small(i64::MIN), &mut budget).unwrap()),
            "9223372036854775808"
        );
        assert_eq!(
            text(&multiply(Integer::Small(i64::MIN), Integer::Small(-1), &mut budget).unwrap()),
            text(&big)
        );
    }

    #[test]
    fn shifts_of_any_size() {
        let mut budget = budget();
        let huge = BigInt::from(1) << 100;
        let huge = Integer::Big(&huge);
        assert_eq!(
            text(&shift_left(Integer::Small(0), huge, &mut budget).unwrap()),
            "0"
        );
        assert_eq!(
            text(&shift_right(Integer::Small(-1), huge, &mut budget).unwrap()),
            "-1"
        );
        assert_eq!(
            text(&shift_right(huge, Integer::Small(100), &mut budget).unwrap()),
            "1"
        );
        assert_eq!(
            text(&shift_left(Integer::Small(-3), Integer::Small(64), &mut budget).unwrap()),
            "-55340232221128654848"
        );
        assert_eq!(
            shift_left(Integer::Small(1), huge, &mut budget)
                .unwrap_err()
                .kind(),
            ErrorKind::LimitExceeded
        );
        assert_eq!(
            shift_left(Integer::Small(1), Integer::Small(70_000), &mut budget)
                .unwrap_err()
                .kind(),
            ErrorKind::LimitExceeded
        );
        assert_eq!(
            shift_right(Integer::Small(1), Integer::Small(-1), &mut budget)
                .unwrap_err()
                .kind(),
            ErrorKind::ValueError
        );
    }

    #[test]
    fn floats_become_exact_ints() {
        let mut budget = budget();
        for (value, expected) in [
            (-9.3e18, "-9300000000000000000"),
            (9_223_372_036_854_775_808.0, "9223372036854775808"),
            (-9_223_372_036_854_775_808.0, "-9223372036854775808"),
            (1e23, "99999999999999991611392"),
            (-2.9, "-2"),
            (5e-324, "0"),
        ] {
            assert_eq!(text(&from_float(value, &mut budget).unwrap()), expected);
        }
    }

    #[test]
    fn large_products_are_rejected_before_they_are_computed() {
        let mut budget = budget();
        let half = BigInt::from(1) << 40_000;
        assert!(multiply(Integer::Big(&half), Integer::Big(&half), &mut budget).is_err());
        assert_eq!(
            text(&multiply(Integer::Big(&half), Integer::Small(0), &mut budget).unwrap()),
            "0"
        );
    }
}
