//! Hashes of values.
//!
//! Owns the rule that equal values have equal hashes, across the number types, and which values are unhashable. The keys
//! of the hash are random for each process, so an attacker can't prepare values that collide. No order in the language
//! depends on a hash.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::LazyLock;

use super::Object;
use super::int::{big_from_float, small_from_float};
use crate::budget::Budget;
use crate::error::{Result, type_error};

static KEYS: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// The hash of a value, or a `TypeError` if it is unhashable.
pub(crate) fn hash(value: &Object, budget: &mut Budget) -> Result<u64> {
    let mut hasher = KEYS.build_hasher();
    write(value, &mut hasher, budget)?;
    Ok(hasher.finish())
}

/// Writes a value to the hasher. The depth of the value bounds recursion, the fuel bounds work.
fn write(value: &Object, hasher: &mut impl Hasher, budget: &mut Budget) -> Result<()> {
    match value {
        Object::None => hasher.write_u8(0),
        Object::Bool(value) => hasher.write_i64(i64::from(*value)),
        Object::Int(value) => hasher.write_i64(*value),
        Object::Big(value) => write_big(value, hasher, budget)?,
        Object::Float(value) => write_float(*value, hasher, budget)?,
        Object::Str(text) => {
            budget.burn_bytes(text.as_str().len())?;
            hasher.write(text.as_str().as_bytes());
            hasher.write_u8(0xff);
        }
        Object::Tuple(items) => {
            budget.burn_items(items.items().len())?;
            for item in items.items() {
                write(item, hasher, budget)?;
            }
            hasher.write_u8(1);
        }
        Object::Range(range) => {
            let length = range.len();
            hasher.write_u64(length);
            hasher.write_i64(if length > 0 { range.start } else { 0 });
            hasher.write_i64(if length > 1 { range.step } else { 0 });
        }
        Object::List(_) | Object::Set(_) | Object::Dict(_) | Object::Function(_) => {
            return Err(type_error(format!("unhashable type: '{}'", value.type_name())));
        }
    }
    Ok(())
}

fn write_big(value: &num_bigint::BigInt, hasher: &mut impl Hasher, budget: &mut Budget) -> Result<()> {
    budget.burn(value.bits() / 1024)?;
    for digit in value.iter_u64_digits() {
        hasher.write_u64(digit);
    }
    hasher.write_u8(u8::from(value.sign() == num_bigint::Sign::Minus));
    Ok(())
}

/// Writes a float. A float without a fraction must hash like the int that it equals.
#[expect(clippy::float_cmp, reason = "the test for a fraction is exact")]
fn write_float(value: f64, hasher: &mut impl Hasher, budget: &mut Budget) -> Result<()> {
    if !value.is_finite() || value.trunc() != value {
        hasher.write_u64(value.to_bits());
        return Ok(());
    }
    match small_from_float(value) {
        Some(small) => {
            hasher.write_i64(small);
            Ok(())
        }
        None => write_big(&big_from_float(value), hasher, budget),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Limits;

    #[test]
    fn equal_numbers_hash_alike() {
        let mut budget = Budget::new(&Limits::default());
        let mut hash = |value: &Object| hash(value, &mut budget).unwrap();
        assert_eq!(hash(&Object::Int(1)), hash(&Object::Bool(true)));
        assert_eq!(hash(&Object::Int(1)), hash(&Object::Float(1.0)));
        assert_eq!(hash(&Object::Int(0)), hash(&Object::Float(-0.0)));
        assert_ne!(hash(&Object::Int(1)), hash(&Object::Int(2)));
        let big =
            crate::object::int::from_float(2.0_f64.powi(70), &mut Budget::new(&Limits::default())).unwrap();
        assert_eq!(hash(&big), hash(&Object::Float(2.0_f64.powi(70))));
    }

    #[test]
    fn lists_are_unhashable_at_any_depth() {
        let mut budget = Budget::new(&Limits::default());
        let list = Object::list(vec![], &mut budget).unwrap();
        let tuple = Object::tuple(vec![list], &mut budget).unwrap();
        assert_eq!(
            hash(&tuple, &mut budget).unwrap_err().message(),
            "unhashable type: 'list'"
        );
    }
}
