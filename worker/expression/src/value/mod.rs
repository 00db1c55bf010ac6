//! The public type of values.
//!
//! Owns the constructors of containers, text and equality. The representation and the operations of expressions are
//! private. Conversions are in `from_rust` and `into_rust`, serialization is in `serde`.

pub(crate) mod from_rust;
pub(crate) mod into_rust;
pub(crate) mod names;
mod serde;

use std::fmt;
use std::sync::Arc;

use crate::budget::Budget;
use crate::error::Error;
use crate::limits::{HIGHEST_DEPTH, Limits};
use crate::object::Object;
use crate::object::compare::equal;
use crate::object::dict::DictBuilder;
use crate::object::int::from_big;
use crate::object::range::Range;
use crate::object::set::SetBuilder;
use crate::text::repr::push_result;

/// A value of the language. Clones share their parts.
///
/// ```
/// use expression::Value;
///
/// let value = Value::list([Value::from(1_i64), Value::from(2.5), Value::from("three")])?;
/// assert_eq!(value.to_string(), "[1, 2.5, 'three']");
/// # Ok::<(), expression::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Value {
    object: Object,
}

/// The budget for values made outside of an evaluation. It limits only depth, which bounds recursion over them.
pub(super) fn free_budget() -> Budget {
    let limits = Limits {
        max_source: usize::MAX,
        max_depth: HIGHEST_DEPTH,
        max_int_bits: u64::MAX,
        max_len: usize::MAX,
        max_alloc: u64::MAX,
        fuel: u64::MAX,
        max_output: usize::MAX,
    };
    Budget::new(&limits)
}

impl Value {
    pub(crate) fn new(object: Object) -> Self {
        Self { object }
    }

    pub(crate) fn into_object(self) -> Object {
        self.object
    }

    pub(crate) fn object(&self) -> &Object {
        &self.object
    }

    /// Python's `None`.
    pub fn none() -> Self {
        Self::new(Object::None)
    }

    /// Creates a list.
    ///
    /// # Errors
    ///
    /// `LimitExceeded` if values are nested more than 500 deep.
    pub fn list<T: Into<Self>>(items: impl IntoIterator<Item = T>) -> Result<Self, Error> {
        Object::list(objects(items), &mut free_budget()).map(Self::new)
    }

    /// Creates a tuple.
    ///
    /// # Errors
    ///
    /// `LimitExceeded` if values are nested more than 500 deep.
    pub fn tuple<T: Into<Self>>(items: impl IntoIterator<Item = T>) -> Result<Self, Error> {
        Object::tuple(objects(items), &mut free_budget()).map(Self::new)
    }

    /// Creates a set.
    ///
    /// # Errors
    ///
    /// `TypeError` for an unhashable element, `LimitExceeded` if values are nested more than 500 deep.
    pub fn set<T: Into<Self>>(elements: impl IntoIterator<Item = T>) -> Result<Self, Error> {
        let mut builder = SetBuilder::default();
        for element in elements {
            builder.insert(element.into().object, &mut free_budget())?;
        }
        builder.finish(&mut free_budget()).map(Self::new)
    }

    /// Creates a dict.
    ///
    /// # Errors
    ///
    /// `TypeError` for an unhashable key, `LimitExceeded` if values are nested more than 500 deep.
    pub fn dict<K: Into<Self>, V: Into<Self>>(
        entries: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self, Error> {
        let mut builder = DictBuilder::default();
        for (key, value) in entries {
            builder.insert(key.into().object, value.into().object, &mut free_budget())?;
        }
        builder.finish(&mut free_budget()).map(Self::new)
    }

    /// Creates a range.
    ///
    /// # Errors
    ///
    /// `ValueError` if the step is 0.
    pub fn range(start: i64, end: i64, step: i64) -> Result<Self, Error> {
        Range::new(start, end, step).map(|range| Self::new(Object::Range(Arc::new(range))))
    }

    /// Creates an int of any size from its decimal digits.
    ///
    /// # Errors
    ///
    /// `ValueError` if the text is no int, as in Python's `int(text)`.
    pub fn int(digits: &str) -> Result<Self, Error> {
        from_big(crate::text::int_text::parse(digits, 10)?, &mut free_budget()).map(Self::new)
    }

    /// Python's name of the type.
    pub fn type_name(&self) -> &'static str {
        self.object.type_name()
    }

    /// Returns whether this is Python's `None`.
    pub fn is_none(&self) -> bool {
        matches!(self.object, Object::None)
    }

    /// The text that Python's `repr()` returns.
    ///
    /// # Errors
    ///
    /// `LimitExceeded` if the text is longer than the limits allow, `ValueError` for an int of more than 4300 digits.
    pub fn repr(&self, limits: &Limits) -> Result<String, Error> {
        let mut out = Vec::new();
        push_result(&self.object, &mut out, &mut Budget::new(limits))?;
        Ok(String::from_utf8(out).unwrap_or_default())
    }
}

fn objects<T: Into<Value>>(items: impl IntoIterator<Item = T>) -> Vec<Object> {
    items.into_iter().map(|item| item.into().object).collect()
}

/// Shows the `repr()` within the default limits, or in angle brackets why there is none.
impl fmt::Display for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.repr(&Limits::default()) {
            Ok(text) => formatter.write_str(&text),
            Err(error) => write!(formatter, "<{}: {}>", self.type_name(), error.message()),
        }
    }
}

/// Python's `==` within the default fuel. Values that are too large to compare are not equal.
impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        equal(&self.object, &other.object, &mut Budget::new(&Limits::default())).unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_is_pythons_repr() {
        assert_eq!(Value::tuple(["a"]).unwrap().to_string(), "('a',)");
        assert_eq!(Value::set([2_i64, 1]).unwrap().to_string(), "{1, 2}");
        assert_eq!(Value::dict([("a", 1_i64)]).unwrap().to_string(), "{'a': 1}");
        assert_eq!(Value::range(0, 3, 1).unwrap().to_string(), "range(0, 3)");
        assert_eq!(
            Value::int("1_180_591_620_717_411_303_424").unwrap().to_string(),
            "1180591620717411303424"
        );
        assert!(Value::set([Value::list([1_i64]).unwrap()]).is_err());
    }

    #[test]
    fn depth_is_bounded_even_outside_of_evaluations() {
        let mut value = Value::none();
        for _ in 0..500 {
            value = Value::list([value]).unwrap();
        }
        assert!(Value::list([value]).is_err());
    }

    #[test]
    fn a_value_without_a_text_still_displays() {
        let mut value = Value::none();
        for _ in 0..5 {
            value = Value::list(vec![value; 1000]).unwrap();
        }
        assert!(value.to_string().starts_with("<list: "));
    }
}
