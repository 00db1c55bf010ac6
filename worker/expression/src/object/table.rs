//! The hash table of sets and dicts.
//!
//! Owns insertion and lookup. Hashing and comparing may fail (an unhashable value, no fuel), which the traits of the
//! standard collections don't allow. The table keeps the order of insertion; sets add their own order.

use std::hash::{BuildHasherDefault, Hasher};

use indexmap::IndexMap;
use indexmap::map::raw_entry_v1::{RawEntryApiV1, RawEntryMut};

use super::Object;
use super::compare::equal;
use super::hash::hash;
use crate::budget::Budget;
use crate::error::{Error, Result};

/// A placeholder for the map's hasher. All hashes come from `hash`, so it is never called.
#[derive(Debug, Default)]
pub(crate) struct NoHasher;

impl Hasher for NoHasher {
    fn finish(&self) -> u64 {
        0
    }

    fn write(&mut self, _: &[u8]) {}
}

/// Entries in the order of insertion.
#[derive(Debug, Default, Clone)]
pub(crate) struct Table {
    entries: IndexMap<Object, Object, BuildHasherDefault<NoHasher>>,
}

/// What happens to the value of a key that the table has already. The key itself always stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Collision {
    KeepValue,
    ReplaceValue,
}

impl Table {
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The entry at an index in the order of insertion.
    pub(crate) fn entry(&self, index: usize) -> Option<(&Object, &Object)> {
        self.entries.get_index(index)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Object, &Object)> {
        self.entries.iter()
    }

    pub(crate) fn get(&self, key: &Object, budget: &mut Budget) -> Result<Option<&Object>> {
        let hash = hash(key, budget)?;
        let mut fault = None;
        let found = self
            .entries
            .raw_entry_v1()
            .from_hash(hash, |candidate| matches(candidate, key, budget, &mut fault));
        match fault {
            Some(error) => Err(error),
            None => Ok(found.map(|(_, value)| value)),
        }
    }

    pub(crate) fn insert(
        &mut self,
        key: Object,
        value: Object,
        collision: Collision,
        budget: &mut Budget,
    ) -> Result<()> {
        let hash = hash(&key, budget)?;
        let length = self.len();
        let mut fault = None;
        let entry = self
            .entries
            .raw_entry_mut_v1()
            .from_hash(hash, |candidate| matches(candidate, &key, budget, &mut fault));
        if let Some(error) = fault {
            return Err(error);
        }
        match entry {
            RawEntryMut::Occupied(mut entry) => {
                if collision == Collision::ReplaceValue {
                    entry.insert(value);
                }
            }
            RawEntryMut::Vacant(entry) => {
                budget.entry(length)?;
                entry.insert_hashed_nocheck(hash, key, value);
            }
        }
        Ok(())
    }
}

/// Compares keys during a probe. After an error every key matches, which ends the probe; the caller then uses the error.
fn matches(candidate: &Object, key: &Object, budget: &mut Budget, fault: &mut Option<Error>) -> bool {
    match equal(candidate, key, budget) {
        Ok(equal) => equal,
        Err(error) => {
            *fault = Some(error);
            true
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Limits;

    #[test]
    fn the_first_key_and_the_last_value_win() {
        let mut budget = Budget::new(&Limits::default());
        let mut table = Table::default();
        for (key, value) in [
            (Object::Int(1), 1),
            (Object::Bool(true), 2),
            (Object::Float(1.0), 3),
        ] {
            table
                .insert(key, Object::Int(value), Collision::ReplaceValue, &mut budget)
                .unwrap();
        }
        assert_eq!(table.len(), 1);
        assert!(matches!(table.entry(0), Some((Object::Int(1), Object::Int(3)))));
        assert!(table.get(&Object::Int(2), &mut budget).unwrap().is_none());
    }

    #[test]
    fn running_out_of_fuel_in_a_probe_is_an_error() {
        let mut budget = Budget::new(&Limits::default());
        let mut table = Table::default();
        table
            .insert(Object::Int(1), Object::None, Collision::KeepValue, &mut budget)
            .unwrap();
        let mut empty = Budget::new(&Limits::default().fuel(0));
        assert!(table.get(&Object::Int(1), &mut empty).is_err());
    }
}
