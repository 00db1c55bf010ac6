//! Division of ints: `/`, `//`, `%` and `divmod`.
//!
//! Owns the correctly rounded quotient of two ints of any size. Float division is in `float_division`.

use num_bigint::BigInt;
use num_integer::Integer as _;
use num_traits::{Signed, ToPrimitive, Zero};

use crate::budget::Budget;
use crate::error::{Result, overflow, zero_division};
use crate::object::Object;
use crate::object::int::{Integer, from_big, from_i128};

/// Ints up to this magnitude convert to floats without rounding.
const EXACT: u64 = 1 << 53;

/// Evaluates `left // right` and `left % right`, rounded towards minus infinity.
pub(crate) fn floor_divide(
    left: Integer<'_>,
    right: Integer<'_>,
    budget: &mut Budget,
) -> Result<(Object, Object)> {
    if right.is_zero() {
        return Err(zero_division("integer division or modulo by zero"));
    }
    if let (Integer::Small(left), Integer::Small(right)) = (left, right) {
        let (quotient, rest) = i128::from(left).div_mod_floor(&i128::from(right));
        return Ok((from_i128(quotient, budget)?, from_i128(rest, budget)?));
    }
    budget.burn_product(left.bits().saturating_sub(right.bits()), right.bits())?;
    let (quotient, rest) = left.to_big().div_mod_floor(&right.to_big());
    Ok((from_big(quotient, budget)?, from_big(rest, budget)?))
}

/// Evaluates `left // right`.
pub(crate) fn quotient(left: Integer<'_>, right: Integer<'_>, budget: &mut Budget) -> Result<Object> {
    if let (Integer::Small(left), Integer::Small(right)) = (left, right)
        && let Some((quotient, _)) = floor_small(left, right)
    {
        return Ok(Object::Int(quotient));
    }
    Ok(floor_divide(left, right, budget)?.0)
}

/// Evaluates `left % right`.
pub(crate) fn remainder(left: Integer<'_>, right: Integer<'_>, budget: &mut Budget) -> Result<Object> {
    if let (Integer::Small(left), Integer::Small(right)) = (left, right)
        && let Some((_, rest)) = floor_small(left, right)
    {
        return Ok(Object::Int(rest));
    }
    if right.is_zero() {
        return Err(zero_division("integer modulo by zero"));
    }
    Ok(floor_divide(left, right, budget)?.1)
}

/// The 64-bit case; `None` for division by zero and overflow.
pub(crate) fn floor_small(left: i64, right: i64) -> Option<(i64, i64)> {
    let quotient = left.checked_div(right)?;
    let rest = left % right;
    if rest != 0 && (rest < 0) != (right < 0) {
        Some((quotient - 1, rest + right))
    } else {
        Some((quotient, rest))
    }
}

/// Evaluates `left / right`, correctly rounded.
pub(crate) fn true_divide(left: Integer<'_>, right: Integer<'_>, budget: &mut Budget) -> Result<f64> {
    if right.is_zero() {
        return Err(zero_division("division by zero"));
    }
    if let (Integer::Small(left), Integer::Small(right)) = (left, right)
        && left.unsigned_abs() <= EXACT
        && right.unsigned_abs() <= EXACT
    {
        #[expect(clippy::cast_precision_loss, reason = "both are within 2**53")]
        return Ok(left as f64 / right as f64);
    }
    if left.is_zero() {
        return Ok(if right.is_negative() { -0.0 } else { 0.0 });
    }
    let magnitude = divide_magnitudes(left, right, budget)?;
    Ok(if left.is_negative() == right.is_negative() {
        magnitude
    } else {
        -magnitude
    })
}

/// Python's algorithm (`long_true_divide`): computes a quotient of at least 55 bits and rounds it once to the bits that fit.
fn divide_magnitudes(left: Integer<'_>, right: Integer<'_>, budget: &mut Budget) -> Result<f64> {
    const MANTISSA: i64 = 53;
    const MIN_EXPONENT: i64 = -1021;
    const MAX_EXPONENT: i64 = 1024;
    let too_large = || overflow("integer division result too large for a float");
    let difference = bits(left) - bits(right);
    if difference > MAX_EXPONENT {
        return Err(too_large());
    }
    if difference < MIN_EXPONENT - MANTISSA - 1 {
        return Ok(0.0);
    }
    budget.burn_product(right.bits(), right.bits().min(64) + 64)?;
    let shift = difference.max(MIN_EXPONENT) - MANTISSA - 2;
    let (quotient, inexact) = shifted_quotient(&left.to_big().abs(), &right.to_big().abs(), shift);
    let quotient_bits = i64::from(u64::BITS - quotient.leading_zeros());
    let extra = quotient_bits.max(MIN_EXPONENT - shift) - MANTISSA;
    let half = 1_u64 << (extra - 1);
    let mut rounded = quotient | u64::from(inexact);
    if rounded & half != 0 && rounded & (3 * half - 1) != 0 {
        rounded += half;
    }
    rounded &= !(2 * half - 1);
    #[expect(clippy::cast_precision_loss, reason = "rounded to 53 bits above")]
    let value = scale(rounded as f64, shift);
    if value.is_infinite() {
        Err(too_large())
    } else {
        Ok(value)
    }
}

fn bits(value: Integer<'_>) -> i64 {
    i64::try_from(value.bits()).unwrap_or(i64::MAX)
}

/// Computes `left / (right << shift)`, and whether the division left a remainder.
fn shifted_quotient(left: &BigInt, right: &BigInt, shift: i64) -> (u64, bool) {
    let (quotient, rest) = if shift <= 0 {
        (left << shift.unsigned_abs()).div_rem(right)
    } else {
        left.div_rem(&(right << shift.unsigned_abs()))
    };
    (quotient.to_u64().unwrap_or(u64::MAX), !rest.is_zero())
}

/// Computes `value * 2**exponent` if the result needs no rounding. Two factors, because one could be out of range.
pub(crate) fn scale(value: f64, exponent: i64) -> f64 {
    let first = exponent.clamp(-1000, 1000);
    let second = (exponent - first).clamp(-1000, 1000);
    value * power_of_two(first) * power_of_two(second)
}

fn power_of_two(exponent: i64) -> f64 {
    f64::from_bits(u64::try_from(exponent + 1023).unwrap_or(0) << 52)
}

/// Converts an int to the nearest float, half to even.
pub(crate) fn to_float(value: Integer<'_>) -> Result<f64> {
    let big = match value {
        #[expect(
            clippy::cast_precision_loss,
            reason = "the conversion rounds half to even, as CPython does"
        )]
        Integer::Small(value) => return Ok(value as f64),
        Integer::Big(big) => big,
    };
    let too_large = || overflow("int too large to convert to float");
    let shift = big.bits().saturating_sub(64);
    if shift > 1024 {
        return Err(too_large());
    }
    let top = (big.magnitude() >> shift).to_u64().unwrap_or(u64::MAX);
    // Of the bits below the top 64, it only matters whether any is set, which one bit can hold.
    let lost = big
        .magnitude()
        .trailing_zeros()
        .is_some_and(|zeros| zeros < shift);
    #[expect(clippy::cast_precision_loss, reason = "this is the rounding")]
    let magnitude = scale((top | u64::from(lost)) as f64, shift.to_i64().unwrap_or(i64::MAX));
    match (magnitude.is_infinite(), big.is_negative()) {
        (true, _) => Err(too_large()),
        (false, true) => Ok(-magnitude),
        (false, false) => Ok(magnitude),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ErrorKind, Limits};

    fn budget() -> Budget {
        Budget::new(&Limits::default())
    }

    #[test]
    fn floors() {
        let mut budget = budget();
        for (left, right, quotient_, rest) in [
            (7, 2, 3, 1),
            (-7, 2, -4, 1),
            (7, -2, -4, -1),
            (-7, -2, 3, -1),
            (6, -3, -2, 0),
            (0, -5, 0, 0),
        ] {
            let (left, right) = (Integer::Small(left), Integer::Small(right));
            assert!(
                matches!(quotient(left, right, &mut budget), Ok(Object::Int(value)) if value == quotient_)
            );
            assert!(matches!(remainder(left, right, &mut budget), Ok(Object::Int(value)) if value == rest));
        }
        let promoted = quotient(Integer::Small(i64::MIN), Integer::Small(-1), &mut budget).unwrap();
        assert!(matches!(promoted, Object::Big(_)));
        assert!(matches!(
            remainder(Integer::Small(i64::MIN), Integer::Small(-1), &mut budget),
            Ok(Object::Int(0))
        ));
    }

    #[test]
    fn quotients_are_correctly_rounded() {
        let mut budget = budget();
        let mut divide =
            |left: &BigInt, right: &BigInt| true_divide(Integer::Big(left), Integer::Big(right), &mut budget);
        let two = BigInt::from(2);
        let one = BigInt::from(1);
        assert_eq!(
            divide(&(two.pow(53) + 1), &two.pow(53)).unwrap().to_bits(),
            1.0_f64.to_bits()
        );
        assert_eq!(divide(&one, &two.pow(1074)).unwrap().to_bits(), 1);
        assert_eq!(divide(&one, &two.pow(1075)).unwrap().to_bits(), 0);
        assert_eq!(divide(&BigInt::from(3), &two.pow(1075)).unwrap().to_bits(), 2);
        assert_eq!(
            divide(&-two.pow(1075), &two.pow(75)).unwrap().to_bits(),
            (-2.0_f64.powi(1000)).to_bits()
        );
        assert_eq!(
            divide(&two.pow(1024), &one).unwrap_err().kind(),
            ErrorKind::OverflowError
        );
        assert_eq!(
            divide(&(two.pow(1024) - 1), &one).unwrap_err().kind(),
            ErrorKind::OverflowError
        );
        let none = true_divide(Integer::Small(0), Integer::Big(&-two.pow(70)), &mut budget).unwrap();
        assert_eq!(none.to_bits(), (-0.0_f64).to_bits());
    }

    #[test]
    fn conversion_rounds_half_to_even() {
        let two = BigInt::from(2);
        assert_eq!(
            to_float(Integer::Big(&(two.pow(100) + two.pow(47))))
                .unwrap()
                .to_bits(),
            2.0_f64.powi(100).to_bits()
        );
        let above: BigInt = two.pow(100) + two.pow(47) + 1;
        assert!(to_float(Integer::Big(&above)).unwrap() > 2.0_f64.powi(100));
        assert!(to_float(Integer::Big(&two.pow(1024))).is_err());
        assert!(to_float(Integer::Big(&(two.pow(1024) - two.pow(970)))).is_err());
        assert_eq!(
            to_float(Integer::Big(&(two.pow(1024) - two.pow(970) - 1)))
                .unwrap()
                .to_bits(),
            f64::MAX.to_bits()
        );
    }
}
