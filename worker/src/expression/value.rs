//! Values as the users of the evaluator see them.
//!
//! Owns conversions from and to Rust's types. The representation is hidden, and so is everything that a value can
//! do in an expression. The form for other processes is in `wire`.

use std::fmt;
use std::sync::Arc;

use num_bigint::BigInt;

use super::budget::Budget;
use super::compare::equal;
use super::dict::DictBuilder;
use super::division::to_float;
use super::error::{Error, Outcome, type_error};
use super::int::from_big;
use super::limits::{HIGHEST_DEPTH, Limits};
use super::object::{Number, Object};
use super::range::Range;
use super::repr::push_result;
use super::set::SetBuilder;

/// A value of the language. Clones share their parts.
///
/// ```
/// use worker::expression::Value;
///
/// let value = Value::list([Value::from(1_i64), Value::from(2.5), Value::from("three")])?;
/// assert_eq!(value.to_string(), "[1, 2.5, 'three']");
/// # Ok::<(), worker::expression::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Value {
    object: Object,
}

/// Values made outside of an evaluation have no limits but that on depth, which keeps recursion over them in bounds.
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

    /// A list.
    ///
    /// # Errors
    ///
    /// `LimitExceeded` if values are nested more than 500 deep.
    pub fn list<T: Into<Self>>(items: impl IntoIterator<Item = T>) -> Result<Self, Error> {
        Object::list(objects(items), &mut free_budget()).map(Self::new)
    }

    /// A tuple.
    ///
    /// # Errors
    ///
    /// `LimitExceeded` if values are nested more than 500 deep.
    pub fn tuple<T: Into<Self>>(items: impl IntoIterator<Item = T>) -> Result<Self, Error> {
        Object::tuple(objects(items), &mut free_budget()).map(Self::new)
    }

    /// A set.
    ///
    /// # Errors
    ///
    /// `TypeError` for an element without a hash, `LimitExceeded` if values are nested more than 500 deep.
    pub fn set<T: Into<Self>>(elements: impl IntoIterator<Item = T>) -> Result<Self, Error> {
        let mut builder = SetBuilder::default();
        for element in elements {
            builder.insert(element.into().object, &mut free_budget())?;
        }
        builder.finish(&mut free_budget()).map(Self::new)
    }

    /// A dict.
    ///
    /// # Errors
    ///
    /// `TypeError` for a key without a hash, `LimitExceeded` if values are nested more than 500 deep.
    pub fn dict<K: Into<Self>, V: Into<Self>>(
        entries: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self, Error> {
        let mut builder = DictBuilder::default();
        for (key, value) in entries {
            builder.insert(key.into().object, value.into().object, &mut free_budget())?;
        }
        builder.finish(&mut free_budget()).map(Self::new)
    }

    /// A range.
    ///
    /// # Errors
    ///
    /// `ValueError` if the step is 0.
    pub fn range(start: i64, end: i64, step: i64) -> Result<Self, Error> {
        Range::new(start, end, step).map(|range| Self::new(Object::Range(Arc::new(range))))
    }

    /// An int of any size, from its decimal digits.
    ///
    /// # Errors
    ///
    /// `ValueError` if the text is no int, as for Python's `int(text)`.
    pub fn int(digits: &str) -> Result<Self, Error> {
        from_big(super::int_text::parse(digits, 10)?, &mut free_budget()).map(Self::new)
    }

    /// The name of the type in Python.
    pub fn type_name(&self) -> &'static str {
        self.object.type_name()
    }

    /// Is this `None`?
    pub fn is_none(&self) -> bool {
        matches!(self.object, Object::None)
    }

    /// The text that Python's `repr()` gives.
    ///
    /// # Errors
    ///
    /// `LimitExceeded` if the text is longer than the limits allow, `ValueError` for an int of more than 4300 digits.
    pub fn repr(&self, limits: &Limits) -> Result<String, Error> {
        let mut out = Vec::new();
        push_result(&self.object, &mut out, &mut Budget::new(limits))?;
        Ok(String::from_utf8(out).unwrap_or_default())
    }

    fn mismatch(&self, wanted: &str) -> Error {
        type_error(format!("a {} is no {wanted}", self.type_name()))
    }
}

fn objects<T: Into<Value>>(items: impl IntoIterator<Item = T>) -> Vec<Object> {
    items.into_iter().map(|item| item.into().object).collect()
}

/// Shows the `repr()` within the default limits, or says in angle brackets why there is none.
impl fmt::Display for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.repr(&Limits::default()) {
            Ok(text) => formatter.write_str(&text),
            Err(error) => write!(formatter, "<{}: {}>", self.type_name(), error.message()),
        }
    }
}

/// Python's `==`, as far as the default fuel goes: values too large to compare are not equal.
impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        equal(&self.object, &other.object, &mut Budget::new(&Limits::default())).unwrap_or(false)
    }
}

macro_rules! from_int {
    ($($int:ty),*) => {
        $(impl From<$int> for Value {
            fn from(value: $int) -> Self {
                Self::new(Object::Int(i64::from(value)))
            }
        })*
    };
}

from_int!(i8, i16, i32, i64, u8, u16, u32);

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::new(match i64::try_from(value) {
            Ok(value) => Object::Int(value),
            Err(_) => Object::Big(Arc::new(BigInt::from(value))),
        })
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::new(Object::Float(value))
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::new(Object::Bool(value))
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::new(Object::text(value))
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::new(Object::text(value))
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or_else(Self::none, Into::into)
    }
}

impl TryFrom<Value> for i64 {
    type Error = Error;

    /// Of an int that fits 64 bits, or a bool.
    fn try_from(value: Value) -> Outcome<Self> {
        value
            .object
            .integer()
            .and_then(super::int::Integer::small)
            .ok_or_else(|| value.mismatch("int of 64 bits"))
    }
}

impl TryFrom<Value> for f64 {
    type Error = Error;

    /// Of a float, or of an int, which is rounded to the nearest float.
    fn try_from(value: Value) -> Outcome<Self> {
        match value.object.number() {
            Some(Number::Float(value)) => Ok(value),
            Some(Number::Int(value)) => to_float(value),
            None => Err(value.mismatch("float")),
        }
    }
}

impl TryFrom<Value> for bool {
    type Error = Error;

    fn try_from(value: Value) -> Outcome<Self> {
        match value.object {
            Object::Bool(value) => Ok(value),
            _ => Err(value.mismatch("bool")),
        }
    }
}

impl TryFrom<Value> for String {
    type Error = Error;

    fn try_from(value: Value) -> Outcome<Self> {
        match &value.object {
            Object::Str(text) => Ok(text.as_str().to_owned()),
            _ => Err(value.mismatch("str")),
        }
    }
}

impl<T: TryFrom<Value, Error = Error>> TryFrom<Value> for Vec<T> {
    type Error = Error;

    /// Of a list, a tuple, or a set in its canonical order.
    fn try_from(value: Value) -> Outcome<Self> {
        let convert = |item: &Object| T::try_from(Value::new(item.clone()));
        match &value.object {
            Object::List(items) | Object::Tuple(items) => items.items().iter().map(convert).collect(),
            Object::Set(set) => set.iter().map(convert).collect(),
            _ => Err(value.mismatch("list")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_in_and_comes_out() {
        assert_eq!(i64::try_from(Value::from(7_i64)).unwrap(), 7);
        assert_eq!(i64::try_from(Value::from(true)).unwrap(), 1);
        assert_eq!(
            f64::try_from(Value::from(2_i64)).unwrap().to_bits(),
            2.0_f64.to_bits()
        );
        assert!(bool::try_from(Value::from(true)).unwrap());
        assert_eq!(String::try_from(Value::from("é")).unwrap(), "é");
        let list = Value::list([1_i64, 2, 3]).unwrap();
        assert_eq!(Vec::<i64>::try_from(list.clone()).unwrap(), [1, 2, 3]);
        assert!(Vec::<bool>::try_from(list).is_err());
        assert!(i64::try_from(Value::from(u64::MAX)).is_err());
        assert_eq!(Value::from(None::<i64>).to_string(), "None");
    }

    #[test]
    fn shows_itself_as_python_does() {
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
    fn what_has_no_text_still_shows() {
        let mut value = Value::none();
        for _ in 0..5 {
            value = Value::list(vec![value; 1000]).unwrap();
        }
        assert!(value.to_string().starts_with("<list: "));
    }
}
