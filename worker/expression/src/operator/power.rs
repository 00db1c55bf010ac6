//! `**` and `pow()`.
//!
//! Owns powers of ints and floats and the modular power. Estimates the size of a power before computing it.

use num_bigint::BigInt;
use num_traits::{One, Signed, ToPrimitive, Zero};

use super::division::to_float;
use crate::budget::Budget;
use crate::error::{Result, limit_exceeded, overflow, unsupported, value_error, zero_division};
use crate::object::int::{Integer, from_big};
use crate::object::{Number, Object};

/// Evaluates `base ** exponent` of two numbers.
pub(crate) fn power(base: Number<'_>, exponent: Number<'_>, budget: &mut Budget) -> Result<Object> {
    match (base, exponent) {
        (Number::Int(base), Number::Int(exponent)) if !exponent.is_negative() => {
            int_power(base, exponent, budget)
        }
        (base, exponent) => float_power(float_of(base)?, float_of(exponent)?).map(Object::Float),
    }
}

fn float_of(value: Number<'_>) -> Result<f64> {
    match value {
        Number::Int(value) => to_float(value),
        Number::Float(value) => Ok(value),
    }
}

/// The power of an int with an exponent of at least 0.
fn int_power(base: Integer<'_>, exponent: Integer<'_>, budget: &mut Budget) -> Result<Object> {
    if exponent.is_zero() {
        return Ok(Object::Int(1));
    }
    match base {
        Integer::Small(base @ (0 | 1)) => return Ok(Object::Int(base)),
        Integer::Small(-1) => return Ok(Object::Int(if exponent.is_even() { 1 } else { -1 })),
        _ => {}
    }
    let Some(count) = exponent.small().and_then(|exponent| u32::try_from(exponent).ok()) else {
        return Err(limit_exceeded("the power is too large"));
    };
    if let Integer::Small(base) = base
        && let Some(small) = base.checked_pow(count)
    {
        return Ok(Object::Int(small));
    }
    budget.int_bits(
        (base.bits() - 1)
            .saturating_mul(u64::from(count))
            .saturating_add(1),
    )?;
    let bits = base.bits().saturating_mul(u64::from(count));
    budget.burn_product(bits / 2, bits / 2)?;
    let value = if base.small() == Some(2) {
        BigInt::one() << count
    } else {
        base.to_big().pow(count)
    };
    from_big(value, budget)
}

/// The power of two floats, which differs from the C library only in its errors.
pub(crate) fn float_power(base: f64, exponent: f64) -> Result<f64> {
    #[expect(
        clippy::float_cmp,
        reason = "one and zero are exact, as is the test for a fraction"
    )]
    let (is_one, has_fraction) = (base == 1.0, exponent.floor() != exponent);
    if exponent == 0.0 || is_one {
        return Ok(1.0);
    }
    if base == 0.0 && exponent < 0.0 && exponent.is_finite() {
        return Err(zero_division("0.0 cannot be raised to a negative power"));
    }
    if base < 0.0 && base.is_finite() && exponent.is_finite() && has_fraction {
        // The result is complex in CPython, unless it overflows.
        return Err(if base.abs().powf(exponent).is_infinite() {
            overflow("complex exponentiation")
        } else {
            unsupported("a complex result")
        });
    }
    let value = base.powf(exponent);
    if value.is_infinite() && base.is_finite() && exponent.is_finite() {
        return Err(overflow("(34, 'Numerical result out of range')"));
    }
    Ok(value)
}

/// Evaluates `pow(base, exponent, modulus)`.
pub(crate) fn modular_power(
    base: Integer<'_>,
    exponent: Integer<'_>,
    modulus: Integer<'_>,
    budget: &mut Budget,
) -> Result<Object> {
    if modulus.is_zero() {
        return Err(value_error("pow() 3rd argument cannot be 0"));
    }
    let width = modulus.bits().max(64);
    let rounds = exponent.bits().saturating_add(8);
    budget.burn_product(width, width.saturating_mul(rounds))?;
    budget.burn_product(base.bits(), modulus.bits())?;
    budget.burn(rounds / 16)?;
    let (modulus, exponent) = (modulus.to_big(), exponent.to_big());
    let mut base = base.to_big();
    if exponent.is_negative() {
        let size = modulus.abs();
        if size.is_one() {
            return Ok(Object::Int(0));
        }
        // Euclid's algorithm takes one division and three products for every few bits.
        let bits = base.bits().max(size.bits());
        budget.burn_product(bits, bits.saturating_mul(64))?;
        let inverse = base.modinv(&size).filter(|inverse| !inverse.is_zero());
        base = std::borrow::Cow::Owned(
            inverse.ok_or_else(|| value_error("base is not invertible for the given modulus"))?,
        );
    }
    from_big(base.modpow(&exponent.abs(), &modulus), budget)
}

/// A power of 10, as a big int.
pub(crate) fn ten_to_the(exponent: u64) -> BigInt {
    BigInt::from(10).pow(exponent.to_u32().unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ErrorKind, Limits};

    fn kind(outcome: Result<f64>) -> ErrorKind {
        outcome.unwrap_err().kind()
    }

    #[test]
    fn float_powers_and_their_errors() {
        assert_eq!(float_power(f64::NAN, 0.0).unwrap().to_bits(), 1.0_f64.to_bits());
        assert_eq!(float_power(1.0, f64::NAN).unwrap().to_bits(), 1.0_f64.to_bits());
        assert_eq!(float_power(-8.0, 3.0).unwrap().to_bits(), (-512.0_f64).to_bits());
        assert!(float_power(f64::NEG_INFINITY, 0.5).unwrap().is_infinite());
        assert!(float_power(0.0, f64::NEG_INFINITY).unwrap().is_infinite());
        assert_eq!(kind(float_power(0.0, -1.0)), ErrorKind::ZeroDivisionError);
        assert_eq!(kind(float_power(-8.0, 1.0 / 3.0)), ErrorKind::Unsupported);
        assert_eq!(kind(float_power(1e200, 2.0)), ErrorKind::OverflowError);
        assert_eq!(kind(float_power(-3.0, 6108.5)), ErrorKind::OverflowError);
    }

    #[test]
    fn trivial_bases_take_any_exponent() {
        let mut budget = Budget::new(&Limits::default());
        let huge = BigInt::from(10).pow(30);
        let mut power = |base| int_power(Integer::Small(base), Integer::Big(&huge), &mut budget);
        assert!(matches!(power(-1), Ok(Object::Int(1))));
        assert!(matches!(power(0), Ok(Object::Int(0))));
        assert_eq!(power(2).unwrap_err().kind(), ErrorKind::LimitExceeded);
    }

    #[test]
    fn modular_powers() {
        let mut budget = Budget::new(&Limits::default());
        let mut power = |base, exponent, modulus| {
            modular_power(
                Integer::Small(base),
                Integer::Small(exponent),
                Integer::Small(modulus),
                &mut budget,
            )
        };
        assert!(matches!(power(2, 10, -7), Ok(Object::Int(-5))));
        assert!(matches!(power(3, -1, 7), Ok(Object::Int(5))));
        assert!(matches!(power(3, -1, 1), Ok(Object::Int(0))));
        assert!(matches!(power(3, 0, 1), Ok(Object::Int(0))));
        assert_eq!(power(2, -1, 4).unwrap_err().kind(), ErrorKind::ValueError);
        assert_eq!(power(2, 1, 0).unwrap_err().kind(), ErrorKind::ValueError);
    }
}
