//! `comb factorial gcd lcm perm`.

use num_bigint::BigInt;
use num_integer::Integer as _;
use num_traits::One;

use super::convert::integer;
use crate::budget::Budget;
use crate::error::{Result, overflow, type_error, value_error};
use crate::object::Object;
use crate::object::arguments::CallArguments;
use crate::object::int::{self, Integer, from_big, multiply};

/// The product of `first..=last`, computed by halves, so that factors have equal sizes. The recursion depth is logarithmic.
fn product(first: u64, last: u64) -> BigInt {
    if last < first {
        return BigInt::one();
    }
    if last - first < 8 {
        return (first..=last).fold(BigInt::one(), |product, factor| product * factor);
    }
    let middle = first + (last - first) / 2;
    product(first, middle) * product(middle + 1, last)
}

/// Checks a lower bound of the bits of `low * (low + 1) * ... * high`, and pays for computing it.
fn admit_product(low: u64, high: u64, budget: &mut Budget) -> Result<()> {
    if low > high {
        return Ok(());
    }
    // Half of the factors are at least as large as the middle one.
    let middle = low + (high - low) / 2;
    let factors = high - middle + 1;
    let bits = factors.saturating_mul(u64::from(middle.max(1).ilog2()));
    budget.int_bits(bits)?;
    let most = (high - low + 1).saturating_mul(u64::from(high.ilog2() + 1));
    budget.burn(high - low)?;
    budget.burn_product(most / 2, most / 2)
}

pub(super) fn factorial(arguments: &CallArguments<'_>, budget: &mut Budget) -> Result<Object> {
    let value = integer(arguments.one()?)?;
    if value.is_negative() {
        return Err(value_error("factorial() not defined for negative values"));
    }
    let Some(value) = small(value) else {
        return Err(overflow(format!(
            "factorial() argument should not exceed {}",
            i64::MAX
        )));
    };
    admit_product(1, value, budget)?;
    from_big(product(2, value), budget)
}

fn small(value: Integer<'_>) -> Option<u64> {
    value.small().and_then(|value| u64::try_from(value).ok())
}

/// The two arguments of `comb` and `perm`.
fn two_counts<'a>(arguments: &CallArguments<'a>) -> Result<(Integer<'a>, Integer<'a>)> {
    let (total, chosen) = arguments.two()?;
    let (total, chosen) = (integer(total)?, integer(chosen)?);
    if total.is_negative() {
        return Err(value_error("n must be a non-negative integer"));
    }
    if chosen.is_negative() {
        return Err(value_error("k must be a non-negative integer"));
    }
    Ok((total, chosen))
}

pub(super) fn perm(arguments: &CallArguments<'_>, budget: &mut Budget) -> Result<Object> {
    if let [total] | [total, Object::None] = arguments.positional() {
        let total = [total.clone()];
        integer(&total[0])?;
        return factorial(&CallArguments::new("perm", &total, Vec::new(), &[]), budget);
    }
    match arguments.any_number()? {
        [] => return Err(type_error("perm expected at least 1 argument, got 0")),
        [_, _] => {}
        other => return Err(arguments.too_many(2, other.len())),
    }
    let (total, chosen) = two_counts(arguments)?;
    if int::compare(chosen, total).is_gt() {
        return Ok(Object::Int(0));
    }
    falling(total, chosen, budget).and_then(|value| from_big(value, budget))
}

/// Computes `total * (total - 1) * ...` with `factors` factors, at most `total`.
fn falling(total: Integer<'_>, factors: Integer<'_>, budget: &mut Budget) -> Result<BigInt> {
    let Some(factors) = small(factors) else {
        return Err(overflow(format!("k must not exceed {}", i64::MAX)));
    };
    if let Some(total) = small(total) {
        admit_product(total - factors + 1, total, budget)?;
        return Ok(product(total - factors + 1, total));
    }
    budget.int_bits((total.bits() - 1).saturating_mul(factors))?;
    let mut product = BigInt::one();
    let mut factor = total.to_big().into_owned();
    for _ in 0..factors {
        budget.burn_product(product.bits(), factor.bits())?;
        product *= &factor;
        factor -= 1;
    }
    Ok(product)
}

pub(super) fn comb(arguments: &CallArguments<'_>, budget: &mut Budget) -> Result<Object> {
    let (total, chosen) = two_counts(arguments)?;
    if int::compare(chosen, total).is_gt() {
        return Ok(Object::Int(0));
    }
    let others = int::subtract(total, chosen, budget)?;
    let others = others.integer().unwrap_or(Integer::Small(0));
    let fewer = if int::compare(others, chosen).is_lt() {
        others
    } else {
        chosen
    };
    let Some(count) = small(fewer) else {
        return Err(overflow(format!("min(n - k, k) must not exceed {}", i64::MAX)));
    };
    admit_comb(total, count, budget)?;
    // The intermediate value is a binomial coefficient after each step, so the divisions are exact.
    let mut value = BigInt::one();
    let mut factor = total.to_big().into_owned();
    for divisor in 1..=count {
        // One product and one division.
        budget.burn_product(value.bits().saturating_mul(2), factor.bits())?;
        budget.burn(1)?;
        value *= &factor;
        value /= divisor;
        factor -= 1;
    }
    from_big(value, budget)
}

/// Checks the size of `comb(n, k)`, which is at least `(n / k) ** k`.
fn admit_comb(total: Integer<'_>, count: u64, budget: &Budget) -> Result<()> {
    if count == 0 {
        return Ok(());
    }
    let ratio_bits = match small(total) {
        Some(total) => u64::from((total / count).max(1).ilog2()),
        None => total.bits().saturating_sub(u64::from(count.ilog2()) + 2),
    };
    budget.int_bits(ratio_bits.saturating_mul(count))
}

pub(super) fn gcd(arguments: &CallArguments<'_>, budget: &mut Budget) -> Result<Object> {
    let mut result = Object::Int(0);
    for value in arguments.any_number()? {
        let (left, right) = (integer(&result)?, integer(value)?);
        result = match (left, right) {
            (Integer::Small(left), Integer::Small(right)) => {
                budget.burn(1)?;
                int::from_i128(i128::from(left).gcd(&i128::from(right)), budget)?
            }
            // A binary gcd takes a pass per bit.
            (left, right) => {
                let bits = left.bits().max(right.bits());
                budget.burn(bits.saturating_mul(bits / 64 + 1) / 32)?;
                from_big(left.to_big().gcd(&right.to_big()), budget)?
            }
        };
    }
    Ok(result)
}

pub(super) fn lcm(arguments: &CallArguments<'_>, budget: &mut Budget) -> Result<Object> {
    let mut result = Object::Int(1);
    for value in arguments.any_number()? {
        let (left, right) = (integer(&result)?, integer(value)?);
        if left.is_zero() || right.is_zero() {
            result = Object::Int(0);
            continue;
        }
        let bits = left.bits().max(right.bits());
        budget.burn(1 + bits.saturating_mul(bits / 64 + 1) / 32)?;
        let (left, right) = (left.to_big(), right.to_big());
        let part = left.as_ref() / left.gcd(&right);
        let product = multiply(Integer::Big(&part), Integer::Big(&right), budget)?;
        result = int::absolute(integer(&product)?, budget)?;
    }
    Ok(result)
}
