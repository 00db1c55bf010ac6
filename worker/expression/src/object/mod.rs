//! The values of the language, as the machine handles them.
//!
//! Owns the representation in 16 bytes, the names of the types and the truth value. The operators are in `operator`, the
//! public type is in `value`.

pub(crate) mod arguments;
pub(crate) mod bounds;
pub(crate) mod compare;
pub(crate) mod dict;
pub(crate) mod function;
pub(crate) mod hash;
pub(crate) mod int;
pub(crate) mod iterate;
pub(crate) mod range;
pub(crate) mod set;
pub(crate) mod sort;
mod table;
pub(crate) mod text;

use std::sync::{Arc, LazyLock};

use num_bigint::BigInt;

use self::dict::Dict;
use self::function::Function;
use self::int::Integer;
use self::range::Range;
use self::set::Set;
use self::text::Text;
use crate::budget::Budget;
use crate::error::Result;

/// A value. Small values are stored inline, others are shared. Values are immutable.
#[derive(Debug, Clone)]
pub(crate) enum Object {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// An int that doesn't fit 64 bits. One that fits is always an `Int`.
    Big(Arc<BigInt>),
    Str(Arc<Text>),
    Tuple(Arc<Sequence>),
    List(Arc<Sequence>),
    Set(Arc<Set>),
    Dict(Arc<Dict>),
    Range(Arc<Range>),
    /// A function about to be called. The parser allows it nowhere else.
    Function(&'static Function),
}

/// The items of a tuple or list, and their depth.
///
/// Storing the depth makes it cheap to check, so no value is nested too deep for recursive functions and drop.
#[derive(Debug, Default)]
pub(crate) struct Sequence {
    items: Vec<Object>,
    depth: usize,
}

impl Sequence {
    /// Creates a sequence, after checking and paying for it.
    pub(crate) fn new(items: Vec<Object>, budget: &mut Budget) -> Result<Arc<Self>> {
        budget.sequence(items.len())?;
        let depth = nesting(items.iter()) + 1;
        budget.depth(depth)?;
        Ok(Arc::new(Self { items, depth }))
    }

    pub(crate) fn items(&self) -> &[Object] {
        &self.items
    }

    pub(crate) fn depth(&self) -> usize {
        self.depth
    }
}

/// The greatest depth among values.
pub(crate) fn nesting<'a>(values: impl Iterator<Item = &'a Object>) -> usize {
    values.map(Object::depth).max().unwrap_or(0)
}

impl Object {
    /// Creates a str without checking its length. It must be short, or part of a str that was checked.
    pub(crate) fn text(text: impl Into<Box<str>>) -> Self {
        Self::Str(Arc::new(Text::new(text)))
    }

    /// Creates a str of one character. Those of ASCII characters are shared, because loops over strs make many.
    pub(crate) fn character(character: char, budget: &mut Budget) -> Result<Self> {
        static ASCII: LazyLock<[Arc<Text>; 128]> = LazyLock::new(|| {
            std::array::from_fn(|point| Arc::new(Text::new(String::from(char::from(point as u8)))))
        });
        if let Some(text) = ASCII.get(character as usize) {
            return Ok(Self::Str(Arc::clone(text)));
        }
        budget.value(character.len_utf8())?;
        Ok(Self::text(String::from(character)))
    }

    pub(crate) fn list(items: Vec<Self>, budget: &mut Budget) -> Result<Self> {
        Ok(Self::List(Sequence::new(items, budget)?))
    }

    pub(crate) fn tuple(items: Vec<Self>, budget: &mut Budget) -> Result<Self> {
        Ok(Self::Tuple(Sequence::new(items, budget)?))
    }

    /// The number of containers nested in each other.
    #[inline]
    pub(crate) fn depth(&self) -> usize {
        match self {
            Self::Tuple(sequence) | Self::List(sequence) => sequence.depth(),
            Self::Set(set) => set.depth(),
            Self::Dict(dict) => dict.depth(),
            _ => 0,
        }
    }

    /// Python's name of the type.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::None => "NoneType",
            Self::Bool(_) => "bool",
            Self::Int(_) | Self::Big(_) => "int",
            Self::Float(_) => "float",
            Self::Str(_) => "str",
            Self::Tuple(_) => "tuple",
            Self::List(_) => "list",
            Self::Set(_) => "set",
            Self::Dict(_) => "dict",
            Self::Range(_) => "range",
            Self::Function(_) => "builtin_function_or_method",
        }
    }

    #[inline]
    pub(crate) fn is_true(&self) -> bool {
        match self {
            Self::None => false,
            Self::Bool(value) => *value,
            Self::Int(value) => *value != 0,
            Self::Float(value) => *value != 0.0,
            Self::Str(text) => text.len() != 0,
            Self::Tuple(sequence) | Self::List(sequence) => !sequence.items().is_empty(),
            Self::Set(set) => set.len() != 0,
            Self::Dict(dict) => dict.len() != 0,
            Self::Range(range) => range.len() != 0,
            Self::Big(_) | Self::Function(_) => true,
        }
    }

    /// The value as an int. A bool is an int.
    #[inline]
    pub(crate) fn integer(&self) -> Option<Integer<'_>> {
        match self {
            Self::Int(value) => Some(Integer::Small(*value)),
            Self::Bool(value) => Some(Integer::Small(i64::from(*value))),
            Self::Big(value) => Some(Integer::Big(value)),
            _ => None,
        }
    }

    /// The value as an int or a float.
    #[inline]
    pub(crate) fn number(&self) -> Option<Number<'_>> {
        match self {
            Self::Float(value) => Some(Number::Float(*value)),
            other => other.integer().map(Number::Int),
        }
    }
}

/// A borrowed number.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Number<'a> {
    Int(Integer<'a>),
    Float(f64),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Limits;

    #[test]
    fn a_value_takes_sixteen_bytes() {
        assert_eq!(size_of::<Object>(), 16);
        assert_eq!(size_of::<Result<Object>>(), 16);
    }

    #[test]
    fn truth_follows_python() {
        let mut budget = Budget::new(&Limits::default());
        for (value, truth) in [
            (Object::None, false),
            (Object::Int(0), false),
            (Object::Int(-1), true),
            (Object::Float(-0.0), false),
            (Object::Float(f64::NAN), true),
            (Object::text(""), false),
            (Object::text("0"), true),
            (Object::list(vec![], &mut budget).unwrap(), false),
            (Object::tuple(vec![Object::None], &mut budget).unwrap(), true),
        ] {
            assert_eq!(value.is_true(), truth, "{value:?}");
        }
    }

    #[test]
    fn containers_nested_too_deep_are_rejected() {
        let mut budget = Budget::new(&Limits::default().max_depth(1));
        let mut value = Object::None;
        for _ in 0..101 {
            value = Object::list(vec![value], &mut budget).unwrap();
        }
        assert_eq!(value.depth(), 101);
        assert!(Object::list(vec![value], &mut budget).is_err());
    }
}
