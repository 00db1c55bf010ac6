//! The set type.
//!
//! Owns the canonical order, which makes results independent of hashes, and the operators of sets.

use std::cmp::Ordering;
use std::sync::Arc;

use super::Object;
use super::compare::{compare_numbers, equal};
use super::sort::merge_sort;
use super::table::{Collision, Table};
use crate::budget::Budget;
use crate::error::Result;

/// An immutable set in canonical order.
#[derive(Debug)]
pub(crate) struct Set {
    table: Table,
    /// Indices into the table, in canonical order. `None` if the elements were inserted in that order.
    order: Option<Box<[u32]>>,
    depth: usize,
}

/// A set under construction.
#[derive(Debug, Default)]
pub(crate) struct SetBuilder {
    table: Table,
    depth: usize,
}

/// The operators on two sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SetOperator {
    Intersection,
    Union,
    SymmetricDifference,
    Difference,
}

impl SetBuilder {
    /// Adds an element. Of two equal elements, the first stays.
    pub(crate) fn insert(&mut self, element: Object, budget: &mut Budget) -> Result<()> {
        self.depth = self.depth.max(element.depth());
        self.table
            .insert(element, Object::None, Collision::KeepValue, budget)
    }

    pub(crate) fn finish(self, budget: &mut Budget) -> Result<Object> {
        let Self { table, depth } = self;
        budget.burn(1)?;
        budget.value(0)?;
        budget.depth(depth + 1)?;
        let order = canonical_order(&table, budget)?;
        Ok(Object::Set(Arc::new(Set {
            table,
            order,
            depth: depth + 1,
        })))
    }
}

impl Set {
    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    /// The element at an index in canonical order.
    pub(crate) fn element(&self, index: usize) -> Option<&Object> {
        let index = match &self.order {
            Some(order) => *order.get(index)? as usize,
            None => index,
        };
        self.table.entry(index).map(|(element, _)| element)
    }

    /// The elements in canonical order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Object> {
        (0..self.len()).filter_map(|index| self.element(index))
    }

    pub(crate) fn contains(&self, element: &Object, budget: &mut Budget) -> Result<bool> {
        Ok(self.table.get(element, budget)?.is_some())
    }

    pub(crate) fn is_subset(&self, other: &Self, budget: &mut Budget) -> Result<bool> {
        if self.len() > other.len() {
            return Ok(false);
        }
        for element in self.iter() {
            if !other.contains(element, budget)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub(crate) fn operate(&self, operator: SetOperator, other: &Self, budget: &mut Budget) -> Result<Object> {
        let mut builder = SetBuilder::default();
        match operator {
            // Of two equal elements, the result has that of the smaller set, and of the right set if both have one size.
            SetOperator::Intersection if other.len() > self.len() => {
                builder.copy(self, Some((other, true)), budget)?;
            }
            SetOperator::Intersection => builder.copy(other, Some((self, true)), budget)?,
            SetOperator::Difference => builder.copy(self, Some((other, false)), budget)?,
            SetOperator::Union => {
                builder.copy(self, None, budget)?;
                builder.copy(other, None, budget)?;
            }
            SetOperator::SymmetricDifference => {
                builder.copy(self, Some((other, false)), budget)?;
                builder.copy(other, Some((self, false)), budget)?;
            }
        }
        builder.finish(budget)
    }
}

impl SetBuilder {
    /// Adds the elements of a set, or only those that another set has or lacks.
    fn copy(&mut self, from: &Set, filter: Option<(&Set, bool)>, budget: &mut Budget) -> Result<()> {
        for element in from.iter() {
            budget.burn(1)?;
            if let Some((other, wanted)) = filter
                && other.contains(element, budget)? != wanted
            {
                continue;
            }
            self.insert(element.clone(), budget)?;
        }
        Ok(())
    }
}

/// The indices of a table's keys in canonical order, or `None` if the keys are in that order.
fn canonical_order(table: &Table, budget: &mut Budget) -> Result<Option<Box<[u32]>>> {
    let keys: Vec<&Object> = table.iter().map(|(key, _)| key).collect();
    let mut sorted = true;
    for pair in keys.windows(2) {
        if canonical(pair[0], pair[1], budget)? == Ordering::Greater {
            sorted = false;
            break;
        }
    }
    if sorted {
        return Ok(None);
    }
    let mut order: Vec<u32> = (0..u32::try_from(keys.len()).unwrap_or(u32::MAX)).collect();
    merge_sort(&mut order, |&left, &right| {
        Ok(canonical(keys[left as usize], keys[right as usize], budget)? == Ordering::Less)
    })?;
    Ok(Some(order.into()))
}

/// The canonical order: None, numbers by value (NaN last), strs by code point, tuples by their elements, ranges.
fn canonical(left: &Object, right: &Object, budget: &mut Budget) -> Result<Ordering> {
    budget.burn(1)?;
    if let (Some(left), Some(right)) = (left.number(), right.number()) {
        return Ok(compare_numbers(left, right).unwrap_or_else(|| is_nan(left).cmp(&is_nan(right))));
    }
    match (left, right) {
        (Object::Str(left), Object::Str(right)) => {
            budget.burn_bytes(left.as_str().len().min(right.as_str().len()))?;
            Ok(left.as_str().cmp(right.as_str()))
        }
        (Object::Tuple(left), Object::Tuple(right)) => {
            for (left, right) in left.items().iter().zip(right.items()) {
                match canonical(left, right, budget)? {
                    Ordering::Equal => {}
                    unequal => return Ok(unequal),
                }
            }
            Ok(left.items().len().cmp(&right.items().len()))
        }
        (Object::Range(left), Object::Range(right)) => {
            Ok((left.start, left.end, left.step).cmp(&(right.start, right.end, right.step)))
        }
        _ => Ok(rank(left).cmp(&rank(right))),
    }
}

fn is_nan(number: super::Number<'_>) -> bool {
    matches!(number, super::Number::Float(value) if value.is_nan())
}

fn rank(value: &Object) -> u8 {
    match value {
        Object::None => 0,
        Object::Bool(_) | Object::Int(_) | Object::Big(_) | Object::Float(_) => 1,
        Object::Str(_) => 2,
        Object::Tuple(_) => 3,
        _ => 4,
    }
}

/// Returns whether two sets are equal.
pub(crate) fn same(left: &Set, right: &Set, budget: &mut Budget) -> Result<bool> {
    if left.len() != right.len() {
        return Ok(false);
    }
    // Equal sets have equal elements in canonical order, except for equal ranges with different bounds.
    let mut in_step = true;
    for (left, right) in left.iter().zip(right.iter()) {
        if !equal(left, right, budget)? {
            in_step = false;
            break;
        }
    }
    if in_step {
        Ok(true)
    } else {
        left.is_subset(right, budget)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Limits;
    use crate::text::repr::repr_text;

    fn set(elements: Vec<Object>, budget: &mut Budget) -> Arc<Set> {
        let mut builder = SetBuilder::default();
        for element in elements {
            builder.insert(element, budget).unwrap();
        }
        match builder.finish(budget).unwrap() {
            Object::Set(set) => set,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn canonical_order_of_everything() {
        let mut budget = Budget::new(&Limits::default());
        let tuple = Object::tuple(vec![Object::Int(1), Object::text("x")], &mut budget).unwrap();
        let set = set(
            vec![
                tuple,
                Object::text("b"),
                Object::Float(f64::NAN),
                Object::text("a"),
                Object::Float(2.5),
                Object::Int(-1),
                Object::None,
                Object::Bool(true),
                Object::Int(1),
            ],
            &mut budget,
        );
        assert_eq!(
            repr_text(&Object::Set(set), &mut budget).unwrap(),
            "{None, -1, True, 2.5, nan, 'a', 'b', (1, 'x')}"
        );
    }

    #[test]
    fn operators_choose_between_equal_elements_as_cpython_does() {
        let mut budget = Budget::new(&Limits::default());
        let ints = set(vec![Object::Int(0), Object::Int(1)], &mut budget);
        let bools = set(vec![Object::Bool(true), Object::Int(5)], &mut budget);
        let more = set(
            vec![Object::Bool(true), Object::Int(5), Object::Int(6)],
            &mut budget,
        );
        for (operator, left, right, expected) in [
            (SetOperator::Intersection, &ints, &bools, "{True}"),
            (SetOperator::Intersection, &ints, &more, "{1}"),
            (SetOperator::Intersection, &more, &ints, "{1}"),
            (SetOperator::Union, &ints, &bools, "{0, 1, 5}"),
            (SetOperator::Difference, &more, &ints, "{5, 6}"),
            (SetOperator::SymmetricDifference, &ints, &more, "{0, 5, 6}"),
        ] {
            let result = left.operate(operator, right, &mut budget).unwrap();
            assert_eq!(repr_text(&result, &mut budget).unwrap(), expected, "{operator:?}");
        }
    }
}
