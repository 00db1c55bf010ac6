//! Iteration over values.
//!
//! Owns the cursor that loops and functions use. Each step costs one unit of fuel. Nothing is copied in advance.

use super::Object;
use crate::budget::Budget;
use crate::error::{Result, type_error};

/// An iterator over a value.
#[derive(Debug)]
pub(crate) struct Cursor {
    source: Object,
    /// The index of the next item; for a str, its byte offset.
    position: usize,
}

impl Cursor {
    pub(crate) fn new(source: Object) -> Result<Self> {
        match source {
            Object::Str(_)
            | Object::Tuple(_)
            | Object::List(_)
            | Object::Set(_)
            | Object::Dict(_)
            | Object::Range(_) => Ok(Self { source, position: 0 }),
            _ => Err(type_error(format!(
                "'{}' object is not iterable",
                source.type_name()
            ))),
        }
    }

    /// The next item, or `None` after the last.
    pub(crate) fn next(&mut self, budget: &mut Budget) -> Result<Option<Object>> {
        budget.burn(1)?;
        let index = self.position;
        self.position += 1;
        Ok(match &self.source {
            Object::Tuple(items) | Object::List(items) => items.items().get(index).cloned(),
            Object::Range(range) => {
                let index = index as u64;
                (index < range.len()).then(|| Object::Int(range.item(index)))
            }
            Object::Str(text) => {
                let next = text.as_str()[index..].chars().next();
                self.position = index + next.map_or(0, char::len_utf8);
                match next {
                    Some(character) => Some(Object::character(character, budget)?),
                    None => None,
                }
            }
            Object::Set(set) => set.element(index).cloned(),
            Object::Dict(dict) => dict.entry(index).map(|(key, _)| key.clone()),
            _ => None,
        })
    }
}

/// The length of a value that has one, without iterating.
pub(crate) fn length(value: &Object) -> Option<u64> {
    Some(match value {
        Object::Str(text) => text.len() as u64,
        Object::Tuple(items) | Object::List(items) => items.items().len() as u64,
        Object::Set(set) => set.len() as u64,
        Object::Dict(dict) => dict.len() as u64,
        Object::Range(range) => range.len(),
        _ => return None,
    })
}

/// All items of an iterable, whose number is checked first. The caller pays for the memory.
pub(crate) fn collect(source: &Object, budget: &mut Budget) -> Result<Vec<Object>> {
    let count = usize::try_from(length(source).unwrap_or(0)).unwrap_or(usize::MAX);
    budget.length(count)?;
    match source {
        Object::Tuple(items) | Object::List(items) => {
            budget.burn_items(count)?;
            Ok(items.items().to_vec())
        }
        Object::Range(range) => range.items(budget),
        _ => {
            let mut cursor = Cursor::new(source.clone())?;
            let mut items = Vec::with_capacity(count);
            while let Some(item) = cursor.next(budget)? {
                items.push(item);
            }
            Ok(items)
        }
    }
}
