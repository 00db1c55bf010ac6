//! The `in` operator.
//!
//! Owns membership for every type. Lookup in sets and dicts is by hash, in ranges by arithmetic.

use crate::budget::Budget;
use crate::error::{Result, type_error};
use crate::object::compare::equal;
use crate::object::hash::hash;
use crate::object::int::small_from_float;
use crate::object::range::Range;
use crate::object::set::Set;
use crate::object::{Number, Object};

/// Evaluates `element in container`.
pub(crate) fn contains(container: &Object, element: &Object, budget: &mut Budget) -> Result<bool> {
    match container {
        Object::Str(text) => {
            let Object::Str(part) = element else {
                return Err(type_error(format!(
                    "'in <string>' requires string as left operand, not {}",
                    element.type_name()
                )));
            };
            budget.burn_bytes(text.as_str().len() + part.as_str().len())?;
            Ok(text.as_str().contains(part.as_str()))
        }
        Object::Tuple(items) | Object::List(items) => {
            for item in items.items() {
                if equal(item, element, budget)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Object::Set(set) => set_contains(set, element, budget),
        Object::Dict(dict) => Ok(dict.get(element, budget)?.is_some()),
        Object::Range(range) => Ok(range_contains(range, element)),
        _ => Err(type_error(format!(
            "argument of type '{}' is not iterable",
            container.type_name()
        ))),
    }
}

/// Looks up an element in a set. A set as the element isn't an error although it is unhashable: it is never found.
fn set_contains(set: &Set, element: &Object, budget: &mut Budget) -> Result<bool> {
    if matches!(element, Object::Set(_)) {
        return Ok(false);
    }
    if set.len() == 0 {
        return hash(element, budget).map(|_| false);
    }
    set.contains(element, budget)
}

fn range_contains(range: &Range, element: &Object) -> bool {
    match element.number() {
        Some(Number::Int(value)) => value.small().is_some_and(|value| range.contains(value)),
        #[expect(clippy::float_cmp, reason = "the test for a fraction is exact")]
        Some(Number::Float(value)) => {
            value.trunc() == value && small_from_float(value).is_some_and(|value| range.contains(value))
        }
        None => false,
    }
}
