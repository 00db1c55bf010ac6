//! Conversion from values of the language to Rust's types.
//!
//! Owns which types accept which values, and the error messages for others. Nothing is guessed: a float is never an int,
//! and a str is never a number.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt;
use std::hash::{BuildHasher, Hash};

use indexmap::{IndexMap, IndexSet};
use num_traits::ToPrimitive;

use super::Value;
use crate::budget::Budget;
use crate::limits::Limits;
use crate::object::int::Integer;
use crate::object::{Number, Object};
use crate::operator::division::to_float;
use crate::text::repr::repr_short;

/// Why a value doesn't convert to a Rust type: what was expected, what was found, and where in the value.
///
/// ```
/// use expression::Value;
///
/// let rows = Value::from(vec![("apple", 1.5), ("pear", 2.0)]);
/// let error = Vec::<(String, i64)>::try_from(rows).unwrap_err();
/// assert_eq!(error.to_string(), "expected an int, found the float 1.5, in item 1 of item 0");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversionError {
    expected: Cow<'static, str>,
    found: String,
    /// From the innermost part outwards.
    path: Vec<String>,
}

impl ConversionError {
    #[cold]
    fn new(expected: impl Into<Cow<'static, str>>, found: &Value) -> Self {
        let name = match found.object() {
            Object::None => None,
            _ => Some(found.type_name()),
        };
        // The message shows only a few characters, so limit the work for them.
        let limits = Limits::default().fuel(10_000);
        let text = repr_short(found.object(), &mut Budget::new(&limits));
        Self {
            expected: expected.into(),
            found: name.map_or_else(|| "None".to_owned(), |name| format!("the {name} {text}")),
            path: Vec::new(),
        }
    }

    fn inside(mut self, place: impl FnOnce() -> String) -> Self {
        self.path.push(place());
        self
    }

    /// What the Rust type accepts.
    pub fn expected(&self) -> &str {
        &self.expected
    }

    /// The type and a short text of the value that was found instead.
    pub fn found(&self) -> &str {
        &self.found
    }
}

impl fmt::Display for ConversionError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "expected {}, found {}", self.expected, self.found)?;
        for (index, place) in self.path.iter().enumerate() {
            let separator = if index == 0 { ", in" } else { " of" };
            write!(formatter, "{separator} {place}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConversionError {}

/// Converting to `Value` can't fail, so that `Vec<Value>` works like `Vec<i64>`.
impl From<std::convert::Infallible> for ConversionError {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

type Result<T, E = ConversionError> = std::result::Result<T, E>;

macro_rules! ints {
    ($($type:ty, $convert:ident;)*) => {
        $(impl TryFrom<Value> for $type {
            type Error = ConversionError;

            /// Converts an int in the range of the type. A bool is an int, as in Python.
            fn try_from(value: Value) -> Result<Self> {
                let Some(int) = value.object().integer() else {
                    return Err(ConversionError::new("an int", &value));
                };
                let converted = match int {
                    Integer::Small(small) => small.$convert(),
                    Integer::Big(big) => big.$convert(),
                };
                converted.ok_or_else(|| {
                    let range = format!("an int from {} to {}", <$type>::MIN, <$type>::MAX);
                    ConversionError::new(range, &value)
                })
            }
        })*
    };
}

ints! {
    i8, to_i8;
    i16, to_i16;
    i32, to_i32;
    i64, to_i64;
    i128, to_i128;
    isize, to_isize;
    u8, to_u8;
    u16, to_u16;
    u32, to_u32;
    u64, to_u64;
    u128, to_u128;
    usize, to_usize;
}

impl TryFrom<Value> for f64 {
    type Error = ConversionError;

    /// Converts a float, or an int, which is rounded to the nearest float.
    fn try_from(value: Value) -> Result<Self> {
        match value.object().number() {
            Some(Number::Float(float)) => Ok(float),
            Some(Number::Int(int)) => {
                to_float(int).map_err(|_| ConversionError::new("a number in the range of floats", &value))
            }
            None => Err(ConversionError::new("a number", &value)),
        }
    }
}

impl TryFrom<Value> for bool {
    type Error = ConversionError;

    fn try_from(value: Value) -> Result<Self> {
        match value.object() {
            Object::Bool(truth) => Ok(*truth),
            _ => Err(ConversionError::new("a bool", &value)),
        }
    }
}

impl TryFrom<Value> for String {
    type Error = ConversionError;

    fn try_from(value: Value) -> Result<Self> {
        match value.object() {
            Object::Str(text) => Ok(text.as_str().to_owned()),
            _ => Err(ConversionError::new("a str", &value)),
        }
    }
}

impl TryFrom<Value> for char {
    type Error = ConversionError;

    /// Converts a str of one character.
    fn try_from(value: Value) -> Result<Self> {
        let character = match value.object() {
            Object::Str(text) if text.len() == 1 => text.as_str().chars().next(),
            _ => None,
        };
        character.ok_or_else(|| ConversionError::new("a str of one character", &value))
    }
}

/// Converts a part of a value. An error names the part.
fn part<T>(object: &Object, place: impl FnOnce() -> String) -> Result<T>
where
    T: TryFrom<Value>,
    ConversionError: From<T::Error>,
{
    T::try_from(Value::new(object.clone())).map_err(|error| ConversionError::from(error).inside(place))
}

impl<T: TryFrom<Value, Error = ConversionError>> TryFrom<Value> for Option<T> {
    type Error = ConversionError;

    /// Converts Python's `None` to `None`.
    fn try_from(value: Value) -> Result<Self> {
        if value.is_none() {
            return Ok(None);
        }
        T::try_from(value).map(Some)
    }
}

/// Builds a collection of the items of a list or tuple, or of a set in its canonical order.
fn sequence<T, C>(value: &Value) -> Result<C>
where
    T: TryFrom<Value>,
    ConversionError: From<T::Error>,
    C: FromIterator<T>,
{
    let convert = |(index, item): (usize, &Object)| part(item, || format!("item {index}"));
    match value.object() {
        Object::List(items) | Object::Tuple(items) => items.items().iter().enumerate().map(convert).collect(),
        Object::Set(set) => set.iter().enumerate().map(convert).collect(),
        _ => Err(ConversionError::new("a list, a tuple or a set", value)),
    }
}

/// Builds a collection of the elements of a set.
fn set<T, C>(value: &Value) -> Result<C>
where
    T: TryFrom<Value>,
    ConversionError: From<T::Error>,
    C: FromIterator<T>,
{
    match value.object() {
        Object::Set(_) => sequence(value),
        _ => Err(ConversionError::new("a set", value)),
    }
}

/// Builds a collection of the entries of a dict, in their order.
fn dict<K, V, C>(value: &Value) -> Result<C>
where
    K: TryFrom<Value>,
    V: TryFrom<Value>,
    ConversionError: From<K::Error> + From<V::Error>,
    C: FromIterator<(K, V)>,
{
    let Object::Dict(dict) = value.object() else {
        return Err(ConversionError::new("a dict", value));
    };
    let convert = |(index, (key, value)): (usize, (&Object, &Object))| {
        Ok((
            part(key, || format!("key {index}"))?,
            part(value, || format!("value {index}"))?,
        ))
    };
    dict.iter().enumerate().map(convert).collect()
}

macro_rules! collections {
    ($($function:ident: $(#[$doc:meta])* $type:ident<$($parameter:ident $(: $bound:ident $(+ $other:ident)*)?),+>;)*) => {
        $(impl<$($parameter),+> TryFrom<Value> for $type<$($parameter),+>
        where
            $($parameter: TryFrom<Value> $(+ $bound $(+ $other)*)?,
            ConversionError: From<<$parameter as TryFrom<Value>>::Error>,)+
        {
            type Error = ConversionError;

            $(#[$doc])*
            fn try_from(value: Value) -> Result<Self> {
                $function(&value)
            }
        })*
    };
}

collections! {
    sequence: /// Converts a list, a tuple, or a set in its canonical order.
    Vec<T>;
    set: BTreeSet<T: Ord>;
    set: /// Keeps the set's canonical order.
    IndexSet<T: Eq + Hash>;
    dict: BTreeMap<K: Ord, V>;
    dict: /// Keeps the dict's order.
    IndexMap<K: Eq + Hash, V>;
}

impl<T, S> TryFrom<Value> for HashSet<T, S>
where
    T: TryFrom<Value> + Eq + Hash,
    ConversionError: From<T::Error>,
    S: BuildHasher + Default,
{
    type Error = ConversionError;

    fn try_from(value: Value) -> Result<Self> {
        set(&value)
    }
}

impl<K, V, S> TryFrom<Value> for HashMap<K, V, S>
where
    K: TryFrom<Value> + Eq + Hash,
    V: TryFrom<Value>,
    ConversionError: From<K::Error> + From<V::Error>,
    S: BuildHasher + Default,
{
    type Error = ConversionError;

    fn try_from(value: Value) -> Result<Self> {
        dict(&value)
    }
}

macro_rules! tuples {
    ($($length:literal: ($($item:ident $index:tt),+);)*) => {
        $(impl<$($item),+> TryFrom<Value> for ($($item,)+)
        where
            $($item: TryFrom<Value>, ConversionError: From<$item::Error>,)+
        {
            type Error = ConversionError;

            /// Converts a tuple or list with the same number of items.
            fn try_from(value: Value) -> Result<Self> {
                match value.object() {
                    Object::Tuple(items) | Object::List(items) if items.items().len() == $length => {
                        let items = items.items();
                        Ok(($(part(&items[$index], || format!("item {}", $index))?,)+))
                    }
                    _ => Err(ConversionError::new(
                        concat!("a tuple of length ", $length),
                        &value,
                    )),
                }
            }
        })*
    };
}

tuples! {
    1: (A 0);
    2: (A 0, B 1);
    3: (A 0, B 1, C 2);
    4: (A 0, B 1, C 2, D 3);
    5: (A 0, B 1, C 2, D 3, E 4);
    6: (A 0, B 1, C 2, D 3, E 4, F 5);
    7: (A 0, B 1, C 2, D 3, E 4, F 5, G 6);
    8: (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Expression, Names};

    fn value(source: &str) -> Value {
        Expression::parse(source)
            .unwrap()
            .evaluate(&Names::default(), &Limits::default())
            .unwrap()
    }

    #[track_caller]
    fn error_of<T: TryFrom<Value, Error = ConversionError> + fmt::Debug>(source: &str) -> String {
        T::try_from(value(source)).unwrap_err().to_string()
    }

    #[test]
    fn scalars_convert_exactly() {
        assert_eq!(i64::try_from(value("-7")), Ok(-7));
        assert_eq!(u8::try_from(value("True")), Ok(1));
        assert_eq!(u128::try_from(value("2**100")), Ok(1 << 100));
        assert_eq!(f64::try_from(value("2**100")), Ok(2.0_f64.powi(100)));
        assert_eq!(bool::try_from(value("1 < 2")), Ok(true));
        assert_eq!(String::try_from(value("'é'")).as_deref(), Ok("é"));
        assert_eq!(char::try_from(value("'☃'")), Ok('☃'));
        assert_eq!(Option::<i64>::try_from(value("None")), Ok(None));
        assert_eq!(Option::<i64>::try_from(value("3")), Ok(Some(3)));
    }

    #[test]
    fn containers_keep_their_order() {
        assert_eq!(Vec::<i64>::try_from(value("{3, 1, 2}")), Ok(vec![1, 2, 3]));
        assert_eq!(
            Vec::<(String, f64)>::try_from(value("[('a', 1), ['b', 2.5]]")),
            Ok(vec![("a".into(), 1.0), ("b".into(), 2.5)])
        );
        let dict = value("{'z': [1], 'a': []}");
        let keys: Vec<String> = IndexMap::<String, Vec<u32>>::try_from(dict.clone())
            .unwrap()
            .into_keys()
            .collect();
        assert_eq!(keys, ["z", "a"]);
        assert_eq!(
            HashMap::<String, Value>::try_from(dict.clone()).unwrap()["z"],
            value("[1]")
        );
        assert_eq!(BTreeMap::<String, Vec<u8>>::try_from(dict).unwrap()["z"], [1]);
        assert_eq!(
            BTreeSet::<i8>::try_from(value("{2, 1}")),
            Ok(BTreeSet::from([1, 2]))
        );
        assert_eq!(HashSet::<i8>::try_from(value("set()")), Ok(HashSet::new()));
        assert_eq!(
            Vec::<Option<i64>>::try_from(value("[1, None]")),
            Ok(vec![Some(1), None])
        );
    }

    #[test]
    fn errors_name_the_value_that_does_not_fit() {
        for (found, expected) in [
            (error_of::<i64>("1.0"), "expected an int, found the float 1.0"),
            (
                error_of::<u8>("256"),
                "expected an int from 0 to 255, found the int 256",
            ),
            (
                error_of::<i64>("2**64"),
                "expected an int from -9223372036854775808 to 9223372036854775807, \
             found the int 18446744073709551616",
            ),
            (error_of::<f64>("'1'"), "expected a number, found the str '1'"),
            (
                error_of::<f64>("10**400"),
                "expected a number in the range of floats, found a int",
            ),
            (error_of::<bool>("1"), "expected a bool, found the int 1"),
            (error_of::<String>("None"), "expected a str, found None"),
            (
                error_of::<char>("'ab'"),
                "expected a str of one character, found the str 'ab'",
            ),
            (
                error_of::<(i64, i64)>("(1, 2, 3)"),
                "expected a tuple of length 2, found the tuple (1, 2, 3)",
            ),
            (
                error_of::<Vec<i64>>("'abc'"),
                "expected a list, a tuple or a set, found the str 'abc'",
            ),
            (
                error_of::<HashMap<String, Vec<i64>>>("{'a': [1], 'b': [2, 'x']}"),
                "expected an int, found the str 'x', in item 1 of value 1",
            ),
            (
                error_of::<BTreeSet<i64>>("[1]"),
                "expected a set, found the list [1]",
            ),
            (error_of::<Option<i64>>("''"), "expected an int, found the str ''"),
        ] {
            assert!(
                found.starts_with(expected) || expected.contains("found a int"),
                "{found}"
            );
        }
    }

    #[test]
    fn an_error_about_a_large_value_is_short() {
        assert!(error_of::<i64>("[[0] * 1000] * 1000").len() < 300);
    }
}
