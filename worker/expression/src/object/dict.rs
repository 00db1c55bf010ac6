//! The dict type.
//!
//! Owns construction and `|`. Lookup is in `table`. A dict keeps the order of insertion.

use std::sync::Arc;

use super::Object;
use super::compare::equal;
use super::table::{Collision, Table};
use crate::budget::Budget;
use crate::error::Result;

/// An immutable dict.
#[derive(Debug)]
pub(crate) struct Dict {
    table: Table,
    depth: usize,
}

/// A dict under construction.
#[derive(Debug, Default)]
pub(crate) struct DictBuilder {
    table: Table,
    depth: usize,
}

impl DictBuilder {
    pub(crate) fn insert(&mut self, key: Object, value: Object, budget: &mut Budget) -> Result<()> {
        self.depth = self.depth.max(key.depth()).max(value.depth());
        self.table.insert(key, value, Collision::ReplaceValue, budget)
    }

    pub(crate) fn finish(self, budget: &mut Budget) -> Result<Object> {
        budget.burn(1)?;
        budget.value(0)?;
        budget.depth(self.depth + 1)?;
        Ok(Object::Dict(Arc::new(Dict {
            table: self.table,
            depth: self.depth + 1,
        })))
    }
}

impl Dict {
    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    pub(crate) fn get(&self, key: &Object, budget: &mut Budget) -> Result<Option<&Object>> {
        self.table.get(key, budget)
    }

    pub(crate) fn entry(&self, index: usize) -> Option<(&Object, &Object)> {
        self.table.entry(index)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Object, &Object)> {
        self.table.iter()
    }

    /// Evaluates `self | other`: the keys of `self` stay where they are, the values of `other` win.
    pub(crate) fn union(&self, other: &Self, budget: &mut Budget) -> Result<Object> {
        let mut builder = DictBuilder::default();
        for (key, value) in self.iter().chain(other.iter()) {
            builder.insert(key.clone(), value.clone(), budget)?;
        }
        builder.finish(budget)
    }

    pub(crate) fn same(&self, other: &Self, budget: &mut Budget) -> Result<bool> {
        if self.len() != other.len() {
            return Ok(false);
        }
        for (key, value) in self.iter() {
            match other.get(key, budget)? {
                Some(found) if equal(value, found, budget)? => {}
                _ => return Ok(false),
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Limits;

    fn dict(pairs: &[(i64, i64)], budget: &mut Budget) -> Arc<Dict> {
        let mut builder = DictBuilder::default();
        for &(key, value) in pairs {
            builder
                .insert(Object::Int(key), Object::Int(value), budget)
                .unwrap();
        }
        match builder.finish(budget).unwrap() {
            Object::Dict(dict) => dict,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn equality_ignores_order_and_union_prefers_the_right() {
        let mut budget = Budget::new(&Limits::default());
        let left = dict(&[(1, 2), (3, 4)], &mut budget);
        let right = dict(&[(3, 4), (1, 2)], &mut budget);
        assert!(left.same(&right, &mut budget).unwrap());
        let other = dict(&[(3, 5), (9, 9)], &mut budget);
        assert!(!left.same(&other, &mut budget).unwrap());
        let Object::Dict(union) = left.union(&other, &mut budget).unwrap() else {
            panic!()
        };
        assert!(
            union
                .same(&dict(&[(1, 2), (3, 5), (9, 9)], &mut budget), &mut budget)
                .unwrap()
        );
        assert!(matches!(union.entry(1), Some((Object::Int(3), Object::Int(5)))));
    }
}
