//! Serialization of values.
//!
//! Owns the serde form: a flat list of tokens in postfix order, so that deserializing doesn't recurse. Depth, hashes and
//! counts of a deserialized value are checked as in any other constructor.

use std::sync::Arc;

use num_bigint::BigInt;
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Value, free_budget};
use crate::error::{Result, value_error};
use crate::object::Object;
use crate::object::dict::DictBuilder;
use crate::object::int::from_big;
use crate::object::range::Range;
use crate::object::set::SetBuilder;

/// The greatest number of tokens. Shared parts of a value are written several times, so the size needs a limit.
const MAX_TOKENS: usize = 4 << 20;

/// One step in building a value. Containers hold the number of values that they take from those built before.
#[derive(Debug, Serialize, Deserialize)]
enum Token {
    None,
    Bool(bool),
    Int(i64),
    /// Little-endian two's complement.
    Big(Vec<u8>),
    Float(f64),
    Str(Box<str>),
    Tuple(u32),
    List(u32),
    Set(u32),
    Dict(u32),
    Range(i64, i64, i64),
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tokens = Vec::new();
        push(self.object(), &mut tokens).map_err(S::Error::custom)?;
        tokens.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let tokens = Vec::<Token>::deserialize(deserializer)?;
        build(tokens).map(Value::new).map_err(D::Error::custom)
    }
}

/// Writes a value. Its depth bounds recursion.
fn push(object: &Object, tokens: &mut Vec<Token>) -> Result<()> {
    if tokens.len() >= MAX_TOKENS {
        return Err(value_error("the value is too large to be sent"));
    }
    let token = match object {
        Object::None | Object::Function(_) => Token::None,
        Object::Bool(value) => Token::Bool(*value),
        Object::Int(value) => Token::Int(*value),
        Object::Float(value) => Token::Float(*value),
        Object::Big(value) => Token::Big(value.to_signed_bytes_le()),
        Object::Str(text) => Token::Str(text.as_str().into()),
        Object::Range(range) => Token::Range(range.start, range.end, range.step),
        Object::Tuple(items) => Token::Tuple(push_all(items.items().iter(), tokens)?),
        Object::List(items) => Token::List(push_all(items.items().iter(), tokens)?),
        Object::Set(set) => Token::Set(push_all(set.iter(), tokens)?),
        Object::Dict(dict) => {
            let entries = push_all(dict.iter().flat_map(|(key, value)| [key, value]), tokens)?;
            Token::Dict(entries / 2)
        }
    };
    tokens.push(token);
    Ok(())
}

fn push_all<'a>(objects: impl Iterator<Item = &'a Object>, tokens: &mut Vec<Token>) -> Result<u32> {
    let mut count = 0;
    for object in objects {
        push(object, tokens)?;
        count += 1;
    }
    Ok(count)
}

/// Builds the one value that tokens describe.
fn build(tokens: Vec<Token>) -> Result<Object> {
    let mut stack = Vec::new();
    let mut budget = free_budget();
    for token in tokens {
        let object = match token {
            Token::None => Object::None,
            Token::Bool(value) => Object::Bool(value),
            Token::Int(value) => Object::Int(value),
            Token::Float(value) => Object::Float(value),
            Token::Big(bytes) => from_big(BigInt::from_signed_bytes_le(&bytes), &mut budget)?,
            Token::Str(text) => Object::text(text),
            Token::Range(start, end, step) => Object::Range(Arc::new(Range::new(start, end, step)?)),
            Token::Tuple(count) => Object::tuple(take(&mut stack, count)?, &mut budget)?,
            Token::List(count) => Object::list(take(&mut stack, count)?, &mut budget)?,
            Token::Set(count) => {
                let mut builder = SetBuilder::default();
                for element in take(&mut stack, count)? {
                    builder.insert(element, &mut budget)?;
                }
                builder.finish(&mut budget)?
            }
            Token::Dict(count) => {
                let mut builder = DictBuilder::default();
                let mut items = take(&mut stack, count.saturating_mul(2))?.into_iter();
                while let (Some(key), Some(value)) = (items.next(), items.next()) {
                    builder.insert(key, value, &mut budget)?;
                }
                builder.finish(&mut budget)?
            }
        };
        stack.push(object);
    }
    match stack.pop() {
        Some(object) if stack.is_empty() => Ok(object),
        _ => Err(value_error("not the form of one value")),
    }
}

fn take(stack: &mut Vec<Object>, count: u32) -> Result<Vec<Object>> {
    match stack.len().checked_sub(count as usize) {
        Some(base) => Ok(stack.split_off(base)),
        None => Err(value_error("a container of more values than there are")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Expression, Limits, Names};

    #[test]
    fn values_round_trip() {
        for source in [
            "None",
            "True",
            "-7",
            "2**100",
            "-2**100",
            "1.5",
            "'é☃'",
            "()",
            "(1,)",
            "[1, [2, (3,)]]",
            "{3, 1, 'x'}",
            "{'a': {1: [2]}, (1, 2): None}",
            "range(1, 10, 3)",
            "float('inf')",
            "set()",
        ] {
            let value = Expression::parse(source)
                .unwrap()
                .evaluate(&Names::default(), &Limits::default())
                .unwrap();
            let mut tokens = Vec::new();
            push(value.object(), &mut tokens).unwrap();
            assert_eq!(Value::new(build(tokens).unwrap()).to_string(), value.to_string());
        }
    }

    #[test]
    fn invalid_tokens_are_rejected() {
        for tokens in [
            vec![],
            vec![Token::None, Token::None],
            vec![Token::List(1)],
            vec![Token::Dict(u32::MAX)],
            vec![Token::List(0), Token::Set(1)],
            vec![Token::Range(0, 1, 0)],
        ] {
            assert!(build(tokens).is_err());
        }
        let mut deep = vec![Token::None];
        deep.extend((0..100_000).map(|_| Token::List(1)));
        assert!(build(deep).is_err());
    }

    #[test]
    fn the_size_of_shared_structure_is_limited() {
        let mut value = Value::none();
        for _ in 0..5 {
            value = Value::list(vec![value; 1000]).unwrap();
        }
        assert!(push(value.object(), &mut Vec::new()).is_err());
    }
}
