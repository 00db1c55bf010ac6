//! Conversion from Rust's types to values of the language.
//!
//! Owns which types convert without failing. Containers of [`Value`]s don't, because they could be nested too deep: see
//! [`Value::list`], [`Value::tuple`], [`Value::set`] and [`Value::dict`]. `HashMap` and `HashSet` don't convert either,
//! because their order differs from run to run, and an expression sees the order of a dict.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use indexmap::{IndexMap, IndexSet};
use num_bigint::BigInt;
use num_traits::ToPrimitive;

use super::Value;
use crate::error::Error;
use crate::object::Object;

/// A type that converts to a [`Value`] without failing: its values are nested no deeper than the type itself.
///
/// ```
/// use std::collections::BTreeMap;
/// use expression::Value;
///
/// let prices = BTreeMap::from([("apple", vec![1.5, 2.0]), ("pear", vec![])]);
/// assert_eq!(Value::from(prices).to_string(), "{'apple': [1.5, 2.0], 'pear': []}");
/// assert_eq!(Value::from((1, "one", Some(true), None::<i64>)).to_string(), "(1, 'one', True, None)");
/// ```
pub trait Plain: Into<Value> {}

/// A [`Plain`] type whose values are hashable in Python, so that they can be elements of a set and keys of a dict.
pub trait Key: Plain {}

macro_rules! plain {
    ($type:ty $(where $($parameter:ident: $bound:ident)+)?, $value:ident => $object:expr) => {
        impl$(<$($parameter: $bound),+>)? Plain for $type {}

        impl$(<$($parameter: $bound),+>)? From<$type> for Value {
            fn from($value: $type) -> Self {
                $object
            }
        }
    };
}

macro_rules! key {
    ($($type:ty, $value:ident => $object:expr;)*) => {
        $(plain!($type, $value => Self::new($object));
        impl Key for $type {})*
    };
}

key! {
    i8, value => Object::Int(value.into());
    i16, value => Object::Int(value.into());
    i32, value => Object::Int(value.into());
    i64, value => Object::Int(value);
    u8, value => Object::Int(value.into());
    u16, value => Object::Int(value.into());
    u32, value => Object::Int(value.into());
    isize, value => int(value);
    u64, value => int(value);
    usize, value => int(value);
    i128, value => int(value);
    u128, value => int(value);
    f32, value => Object::Float(value.into());
    f64, value => Object::Float(value);
    bool, value => Object::Bool(value);
    char, value => Object::text(String::from(value));
    &str, value => Object::text(value);
    String, value => Object::text(value);
}

/// Converts an int to its one form: 64 bits, or longer.
fn int(value: impl ToPrimitive + Into<BigInt>) -> Object {
    match value.to_i64() {
        Some(small) => Object::Int(small),
        None => Object::Big(Arc::new(value.into())),
    }
}

plain!(Option<T> where T: Plain, value => value.map_or_else(Self::none, Into::into));
plain!(Vec<T> where T: Plain, items => never_too_deep(Self::list(items)));
plain!(BTreeSet<T> where T: Key, elements => never_too_deep(Self::set(elements)));
plain!(IndexSet<T> where T: Key, elements => never_too_deep(Self::set(elements)));
plain!(BTreeMap<K, V> where K: Key V: Plain, entries => never_too_deep(Self::dict(entries)));
plain!(IndexMap<K, V> where K: Key V: Plain, entries => never_too_deep(Self::dict(entries)));

impl<T: Key> Key for Option<T> {}

macro_rules! tuples {
    ($(($($item:ident),+);)*) => {
        $(impl<$($item: Plain),+> Plain for ($($item,)+) {}

        impl<$($item: Key),+> Key for ($($item,)+) {}

        impl<$($item: Plain),+> From<($($item,)+)> for Value {
            fn from(items: ($($item,)+)) -> Self {
                #[expect(non_snake_case, reason = "the items have the names of the types")]
                let ($($item,)+) = items;
                never_too_deep(Self::tuple([$($item.into()),+] as [Self; _]))
            }
        })*
    };
}

tuples! {
    (A);
    (A, B);
    (A, B, C);
    (A, B, C, D);
    (A, B, C, D, E);
    (A, B, C, D, E, F);
    (A, B, C, D, E, F, G);
    (A, B, C, D, E, F, G, H);
}

/// Unwraps a conversion that can't fail: the compiler rejects types nested half as deep as values may be, and keys are
/// hashable.
fn never_too_deep(value: Result<Value, Error>) -> Value {
    value.expect("a type is not nested as deep as values may be, and its keys are hashable")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars() {
        for (value, text) in [
            (Value::from(7_u8), "7"),
            (Value::from(-7_isize), "-7"),
            (Value::from(u64::MAX), "18446744073709551615"),
            (Value::from(9_u64), "9"),
            (Value::from(i128::MIN), "-170141183460469231731687303715884105728"),
            (Value::from(0.5_f32), "0.5"),
            (Value::from('é'), "'é'"),
            (Value::from(String::from("a")), "'a'"),
            (Value::from(None::<bool>), "None"),
            (Value::from(Some(false)), "False"),
        ] {
            assert_eq!(value.to_string(), text);
        }
    }

    #[test]
    fn containers() {
        for (value, text) in [
            (Value::from(vec![vec![1], vec![]]), "[[1], []]"),
            (Value::from(((1, 2), ("a",))), "((1, 2), ('a',))"),
            (Value::from(BTreeSet::from([3, 1])), "{1, 3}"),
            (
                Value::from(IndexMap::from([((2, 'b'), Some(1)), ((1, 'a'), None)])),
                "{(2, 'b'): 1, (1, 'a'): None}",
            ),
        ] {
            assert_eq!(value.to_string(), text);
        }
    }
}
