//! Subscripts: `value[index]` and `value[start:end:step]`.
//!
//! `bounds` clips a slice to a length.

use crate::budget::Budget;
use crate::error::{Error, Result, index_error, key_error, limit_exceeded, type_error};
use crate::object::Object;
use crate::object::bounds::Bounds;
use crate::object::text::Text;
use crate::text::repr::repr_short;

/// Evaluates `value[index]`.
pub(crate) fn subscript(value: &Object, index: &Object, budget: &mut Budget) -> Result<Object> {
    match value {
        Object::Dict(dict) => match dict.get(index, budget)? {
            Some(found) => Ok(found.clone()),
            None => Err(key_error(repr_short(index, budget))),
        },
        Object::Tuple(items) | Object::List(items) => {
            let index = position(value, index, items.items().len() as u64)?;
            let found = usize::try_from(index)
                .ok()
                .and_then(|index| items.items().get(index));
            Ok(found.cloned().unwrap_or(Object::None))
        }
        Object::Str(text) => {
            let index = position(value, index, text.len() as u64)?;
            let found = text.character(usize::try_from(index).unwrap_or(0), budget)?;
            Object::character(found, budget)
        }
        Object::Range(range) => Ok(Object::Int(range.item(position(value, index, range.len())?))),
        _ => Err(not_subscriptable(value)),
    }
}

/// Converts an index that may be negative to one from the start, and checks it.
fn position(value: &Object, index: &Object, length: u64) -> Result<u64> {
    let name = match value {
        Object::Str(_) => "string",
        other => other.type_name(),
    };
    let Some(wanted) = index.integer() else {
        let found = index.type_name();
        return Err(type_error(match value {
            Object::Str(_) => format!("string indices must be integers, not '{found}'"),
            _ => format!("{name} indices must be integers or slices, not {found}"),
        }));
    };
    let Some(wanted) = wanted.small() else {
        return Err(index_error(match value {
            Object::Range(_) => "range object index out of range",
            _ => "cannot fit 'int' into an index-sized integer",
        }));
    };
    let wanted = i128::from(wanted);
    let place = if wanted < 0 {
        wanted + i128::from(length)
    } else {
        wanted
    };
    match u64::try_from(place) {
        Ok(place) if place < length => Ok(place),
        _ if name == "range" => Err(index_error("range object index out of range")),
        _ => Err(index_error(format!("{name} index out of range"))),
    }
}

fn not_subscriptable(value: &Object) -> Error {
    type_error(format!("'{}' object is not subscriptable", value.type_name()))
}

/// Evaluates `value[start:end:step]`.
pub(crate) fn slice(value: &Object, parts: [&Object; 3], budget: &mut Budget) -> Result<Object> {
    match value {
        Object::Tuple(items) => {
            let picked = pick(items.items(), parts, budget)?;
            Object::tuple(picked, budget)
        }
        Object::List(items) => {
            let picked = pick(items.items(), parts, budget)?;
            Object::list(picked, budget)
        }
        Object::Str(text) => slice_text(text, parts, budget),
        Object::Range(range) => {
            let bounds = Bounds::new(range.len(), parts)?;
            // The step is clipped to 64 bits, which doesn't matter in a sequence, but a range shows its step.
            if matches!(parts[2], Object::Big(_)) {
                return Err(limit_exceeded("a range beyond 64 bits"));
            }
            range.slice(bounds)
        }
        Object::Dict(_) => Err(type_error("unhashable type: 'slice'")),
        _ => Err(not_subscriptable(value)),
    }
}

/// The error of a subscript that is a tuple with slices, which no type supports.
pub(crate) fn slices_in_a_tuple(value: &Object) -> Error {
    match value {
        Object::Str(_) => type_error("string indices must be integers, not 'tuple'"),
        Object::Tuple(_) | Object::List(_) | Object::Range(_) => type_error(format!(
            "{} indices must be integers or slices, not tuple",
            value.type_name()
        )),
        Object::Dict(_) => type_error("unhashable type: 'slice'"),
        _ => not_subscriptable(value),
    }
}

fn pick(items: &[Object], parts: [&Object; 3], budget: &mut Budget) -> Result<Vec<Object>> {
    let bounds = Bounds::new(items.len() as u64, parts)?;
    let count = usize::try_from(bounds.count).unwrap_or(usize::MAX);
    budget.burn_items(count)?;
    budget.length(count)?;
    Ok(bounds
        .indices()
        .filter_map(|index| items.get(index).cloned())
        .collect())
}

fn slice_text(text: &Text, parts: [&Object; 3], budget: &mut Budget) -> Result<Object> {
    let bounds = Bounds::new(text.len() as u64, parts)?;
    let count = usize::try_from(bounds.count).unwrap_or(usize::MAX);
    budget.burn_bytes(text.as_str().len())?;
    if count == 0 {
        return Ok(Object::text(""));
    }
    if bounds.step == 1 {
        let first = usize::try_from(bounds.start).unwrap_or(0);
        let start = text.offset(first, budget)?;
        let end = text.offset(first + count, budget)?;
        budget.text(end - start)?;
        return Ok(Object::text(&text.as_str()[start..end]));
    }
    budget.text(count)?;
    if text.is_ascii() {
        let bytes = text.as_str().as_bytes();
        let picked: String = bounds
            .indices()
            .filter_map(|index| bytes.get(index))
            .map(|&byte| char::from(byte))
            .collect();
        return Ok(Object::text(picked));
    }
    let characters: Vec<char> = text.as_str().chars().collect();
    budget.allocate(characters.len() * 4)?;
    let picked: String = bounds
        .indices()
        .filter_map(|index| characters.get(index))
        .collect();
    Ok(Object::text(picked))
}
