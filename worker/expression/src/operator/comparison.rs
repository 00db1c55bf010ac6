//! The comparison operators, including `in` and `is`.

use super::contains::contains;
use crate::budget::Budget;
use crate::error::Result;
use crate::object::Object;
use crate::object::compare::{Comparison, equal, ordered};

/// Evaluates `left operator right`.
pub(crate) fn compare(
    operator: Comparison,
    left: &Object,
    right: &Object,
    budget: &mut Budget,
) -> Result<bool> {
    match operator {
        Comparison::Equal => equal(left, right, budget),
        Comparison::NotEqual => Ok(!equal(left, right, budget)?),
        Comparison::In => contains(right, left, budget),
        Comparison::NotIn => Ok(!contains(right, left, budget)?),
        Comparison::Is => Ok(identical(left, right)),
        Comparison::IsNot => Ok(!identical(left, right)),
        _ => ordered(operator, left, right, budget),
    }
}

/// Evaluates `is`. The parser allows only None, True and False on its right.
fn identical(left: &Object, right: &Object) -> bool {
    match (left, right) {
        (Object::None, Object::None) => true,
        (Object::Bool(left), Object::Bool(right)) => left == right,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Limits;
    use crate::limits::HIGHEST_DEPTH;
    use crate::object::hash::hash;
    use crate::text::repr::repr_text;

    #[test]
    fn deep_values_compare_on_a_small_stack() {
        let limits = Limits::default().max_depth(HIGHEST_DEPTH);
        let mut budget = Budget::new(&limits);
        let mut build = || {
            let mut value = Object::Int(1);
            for _ in 0..500 {
                value = Object::tuple(vec![value], &mut budget).unwrap();
            }
            value
        };
        let (left, right) = (build(), build());
        let small = std::thread::Builder::new().stack_size(512 << 10);
        let thread = small.spawn(move || {
            assert!(equal(&left, &right, &mut budget).unwrap());
            assert!(!compare(Comparison::Less, &left, &right, &mut budget).unwrap());
            assert!(hash(&left, &mut budget).is_ok());
            assert_eq!(repr_text(&right, &mut budget).unwrap().len(), 1501);
            drop((left, right));
        });
        thread.unwrap().join().unwrap();
    }
}
