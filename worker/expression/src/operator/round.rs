//! `round()`.
//!
//! Owns rounding half to even, from the exact binary value of a float, at any decimal place.

use num_bigint::BigInt;
use num_integer::Integer as _;
use num_traits::ToPrimitive;

use super::power::ten_to_the;
use crate::budget::Budget;
use crate::error::{Result, overflow, value_error};
use crate::object::Object;
use crate::object::int::{Integer, big_from_float, from_big, from_float};

/// Evaluates `round(value)` of a float: the nearest int.
pub(crate) fn to_int(value: f64, budget: &mut Budget) -> Result<Object> {
    check_finite(value)?;
    from_float(value.round_ties_even(), budget)
}

/// Checks that a float is finite.
pub(crate) fn check_finite(value: f64) -> Result<()> {
    if value.is_nan() {
        return Err(value_error("cannot convert float NaN to integer"));
    }
    if value.is_infinite() {
        return Err(overflow("cannot convert float infinity to integer"));
    }
    Ok(())
}

/// Evaluates `round(value, digits)` of a float.
pub(crate) fn float(value: f64, digits: Integer<'_>, budget: &mut Budget) -> Result<f64> {
    // Beyond these bounds, which are CPython's, every float is unchanged or rounds to 0.
    const MOST: i64 = 323;
    const LEAST: i64 = -308;
    let digits = digits.saturate();
    if !value.is_finite() || digits > MOST {
        return Ok(value);
    }
    if digits < LEAST {
        return Ok(0.0 * value);
    }
    // Rounding before the point needs long ints, which cost more than the digits of a text.
    let places = digits.unsigned_abs();
    budget.burn(if digits < 0 { 8 + places / 8 } else { places / 32 })?;
    let rounded = match usize::try_from(digits) {
        Ok(places) => format!("{value:.places$}").parse().unwrap_or(value),
        Err(_) => before_the_point(value, places),
    };
    if rounded.is_infinite() {
        return Err(overflow("rounded value too large to represent"));
    }
    Ok(rounded)
}

/// Rounds to a multiple of `10**places`. Of the fraction, it only matters whether there is one, which one bit can hold.
fn before_the_point(value: f64, places: u64) -> f64 {
    let whole = value.abs().trunc();
    #[expect(clippy::float_cmp, reason = "the test for a fraction is exact")]
    let sticky = u8::from(whole != value.abs());
    let doubled = (big_from_float(whole) << 1) + sticky;
    let unit = ten_to_the(places);
    let rounded = nearest(&doubled, &(&unit << 1)) * unit;
    let magnitude: f64 = rounded.to_string().parse().unwrap_or(f64::INFINITY);
    magnitude.copysign(value)
}

/// Rounds `value / unit` to the nearest int, half to even. `unit` is positive.
fn nearest(value: &BigInt, unit: &BigInt) -> BigInt {
    let (quotient, rest) = value.div_mod_floor(unit);
    let twice: BigInt = rest << 1;
    let up = match twice.cmp(unit) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal => quotient.is_odd(),
        std::cmp::Ordering::Greater => true,
    };
    if up { quotient + 1 } else { quotient }
}

/// Evaluates `round(value, digits)` of an int.
pub(crate) fn int(value: Integer<'_>, digits: Integer<'_>, budget: &mut Budget) -> Result<Object> {
    if !digits.is_negative() {
        return value.to_object(budget);
    }
    let places = digits.saturate().unsigned_abs();
    // The result is 0 because 10**places is more than twice the value. Don't compute the power.
    if places.saturating_mul(3) > value.bits() + 3 {
        return Ok(Object::Int(0));
    }
    budget.burn_product(value.bits(), value.bits())?;
    let unit = ten_to_the(places.to_u64().unwrap_or(0));
    let rounded = nearest(&value.to_big(), &unit) * unit;
    from_big(rounded, budget)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Limits;

    #[test]
    fn floats_round_from_their_exact_value() {
        let mut budget = Budget::new(&Limits::default());
        for (value, digits, expected) in [
            (0.5, 0, 0.0),
            (2.5, 0, 2.0),
            (0.125, 2, 0.12),
            (0.375, 2, 0.38),
            (2.675, 2, 2.67),
            (1234.5, -2, 1200.0),
            (1250.0, -2, 1200.0),
            (1_250.000_000_1, -2, 1300.0),
            (1350.0, -2, 1400.0),
            (-5.0, -1, -0.0),
            (5.5, -1, 10.0),
            (-0.4, 0, -0.0),
            (5e-324, 323, 0.0),
            (1.5, 1000, 1.5),
            (-1.5, -400, -0.0),
            (1e22, -21, 1e22),
        ] {
            let rounded = float(value, Integer::Small(digits), &mut budget).unwrap();
            assert_eq!(
                rounded.to_bits(),
                f64::to_bits(expected),
                "round({value}, {digits}) = {rounded}"
            );
        }
        assert!(float(1.7e308, Integer::Small(-308), &mut budget).is_err());
    }

    #[test]
    fn ints_round_half_to_even() {
        let mut budget = Budget::new(&Limits::default());
        for (value, digits, expected) in [
            (15, -1, 20),
            (25, -1, 20),
            (-15, -1, -20),
            (-25, -1, -20),
            (26, -1, 30),
            (5, -1, 0),
            (6, -1, 10),
            (9, -2, 0),
            (51, -2, 100),
            (7, 5, 7),
            (50, -2, 0),
            (7, i64::MIN, 0),
        ] {
            let rounded = int(Integer::Small(value), Integer::Small(digits), &mut budget).unwrap();
            assert!(
                matches!(rounded, Object::Int(found) if found == expected),
                "round({value}, {digits}) = {rounded:?}"
            );
        }
    }
}
