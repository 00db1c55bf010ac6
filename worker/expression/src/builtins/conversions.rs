//! The types as functions: `bool dict float int list range set tuple`. `str` is in `texts`.

use std::sync::Arc;

use num_traits::ToPrimitive;

use super::numbers::index;
use crate::budget::Budget;
use crate::error::{Result, limit_exceeded, type_error, value_error};
use crate::object::arguments::CallArguments;
use crate::object::dict::DictBuilder;
use crate::object::int::{self, from_big};
use crate::object::iterate::{Cursor, collect};
use crate::object::range::Range;
use crate::object::set::SetBuilder;
use crate::object::{Number, Object};
use crate::operator::division::to_float;
use crate::operator::round::check_finite;
use crate::text::int_text;

pub(super) fn bool(arguments: &CallArguments<'_>, _: &mut Budget) -> Result<Object> {
    Ok(Object::Bool(arguments.optional()?.is_some_and(Object::is_true)))
}

pub(super) fn float(arguments: &CallArguments<'_>, budget: &mut Budget) -> Result<Object> {
    let Some(value) = arguments.optional()? else {
        return Ok(Object::Float(0.0));
    };
    match (value.number(), value) {
        (Some(Number::Float(value)), _) => Ok(Object::Float(value)),
        (Some(Number::Int(value)), _) => to_float(value).map(Object::Float),
        (None, Object::Str(text)) => {
            // Parsing digits costs more than reading text.
            budget.burn_bytes(text.as_str().len().saturating_mul(8))?;
            crate::text::float_text::parse(text.as_str()).map(Object::Float)
        }
        _ => Err(type_error(format!(
            "float() argument must be a string or a real number, not '{}'",
            value.type_name()
        ))),
    }
}

pub(super) fn int(arguments: &CallArguments<'_>, budget: &mut Budget) -> Result<Object> {
    let [value, base] = arguments.bind(["", "base"], 2, 0)?;
    let base = match (value, base) {
        (None, None) => return Ok(Object::Int(0)),
        (None, Some(_)) => return Err(type_error("int() missing string argument")),
        (Some(_), base) => base.map(int_base).transpose()?,
    };
    let value = value.unwrap_or(&Object::None);
    match (value, base) {
        (Object::Str(text), base) => int_from_text(text.as_str(), base.unwrap_or(10), budget),
        (_, Some(_)) => Err(type_error("int() can't convert non-string with explicit base")),
        (_, None) => match value.number() {
            Some(Number::Int(value)) => value.to_object(budget),
            Some(Number::Float(value)) => {
                check_finite(value)?;
                int::from_float(value, budget)
            }
            None => Err(type_error(format!(
                "int() argument must be a string, a bytes-like object or a real number, not '{}'",
                value.type_name()
            ))),
        },
    }
}

/// Checks the base of an int's text: 0, or from 2 to 36.
fn int_base(base: &Object) -> Result<u32> {
    match u32::try_from(index(base)?.saturate()) {
        Ok(base @ (0 | 2..=36)) => Ok(base),
        _ => Err(value_error("int() base must be >= 2 and <= 36, or 0")),
    }
}

fn int_from_text(text: &str, base: u32, budget: &mut Budget) -> Result<Object> {
    budget.burn_bytes(text.len().saturating_mul(8))?;
    // Each digit has at least one bit. Prefixes, signs, blanks and underscores have none.
    let least = text
        .bytes()
        .filter(u8::is_ascii_alphanumeric)
        .count()
        .saturating_sub(2);
    if base.is_power_of_two() && least as u64 > budget.max_int_bits().saturating_mul(2) {
        return Err(limit_exceeded("the int is too long"));
    }
    from_big(int_text::parse(text, base)?, budget)
}

pub(super) fn list(arguments: &CallArguments<'_>, budget: &mut Budget) -> Result<Object> {
    let items = collect_optional(arguments, budget)?;
    Object::list(items, budget)
}

pub(super) fn tuple(arguments: &CallArguments<'_>, budget: &mut Budget) -> Result<Object> {
    if let [tuple @ Object::Tuple(_)] = arguments.any_number()? {
        return Ok(tuple.clone());
    }
    let items = collect_optional(arguments, budget)?;
    Object::tuple(items, budget)
}

fn collect_optional(arguments: &CallArguments<'_>, budget: &mut Budget) -> Result<Vec<Object>> {
    match arguments.optional()? {
        None => Ok(Vec::new()),
        Some(source) => {
            Cursor::new(source.clone())?;
            collect(source, budget)
        }
    }
}

pub(super) fn set(arguments: &CallArguments<'_>, budget: &mut Budget) -> Result<Object> {
    let mut builder = SetBuilder::default();
    if let Some(source) = arguments.optional()? {
        let mut cursor = Cursor::new(source.clone())?;
        while let Some(element) = cursor.next(budget)? {
            builder.insert(element, budget)?;
        }
    }
    builder.finish(budget)
}

pub(super) fn dict(arguments: &CallArguments<'_>, budget: &mut Budget) -> Result<Object> {
    let mut builder = DictBuilder::default();
    match arguments.positional() {
        [] => {}
        [Object::Dict(dict)] => {
            for (key, value) in dict.iter() {
                budget.burn(1)?;
                builder.insert(key.clone(), value.clone(), budget)?;
            }
        }
        [source] => insert_pairs(source, &mut builder, budget)?,
        other => return Err(arguments.too_many(1, other.len())),
    }
    for (name, value) in arguments.named() {
        builder.insert(Object::text(name), value.clone(), budget)?;
    }
    builder.finish(budget)
}

fn insert_pairs(source: &Object, builder: &mut DictBuilder, budget: &mut Budget) -> Result<()> {
    let mut cursor = Cursor::new(source.clone())?;
    let mut place = 0_usize;
    while let Some(pair) = cursor.next(budget)? {
        let mut pair = Cursor::new(pair).map_err(|_| {
            type_error(format!(
                "cannot convert dictionary update sequence element #{place} to a sequence"
            ))
        })?;
        let (mut items, mut length) = (Vec::with_capacity(2), 0_usize);
        while let Some(item) = pair.next(budget)? {
            if length < 2 {
                items.push(item);
            }
            length += 1;
        }
        let (2, Ok([key, value])) = (length, <[Object; 2]>::try_from(items)) else {
            return Err(value_error(format!(
                "dictionary update sequence element #{place} has length {length}; 2 is required"
            )));
        };
        builder.insert(key, value, budget)?;
        place += 1;
    }
    Ok(())
}

pub(super) fn range(arguments: &CallArguments<'_>, budget: &mut Budget) -> Result<Object> {
    budget.value(0)?;
    let bound = |value: &Object| -> Result<i64> {
        index(value)?
            .to_big()
            .to_i64()
            .ok_or_else(|| limit_exceeded("a range beyond 64 bits"))
    };
    let range = match arguments.any_number()? {
        [] => return Err(type_error("range expected at least 1 argument, got 0")),
        [end] => Range::new(0, bound(end)?, 1)?,
        [start, end] => Range::new(bound(start)?, bound(end)?, 1)?,
        [start, end, step] => Range::new(bound(start)?, bound(end)?, bound(step)?)?,
        other => return Err(arguments.too_many(3, other.len())),
    };
    Ok(Object::Range(Arc::new(range)))
}
