//! Subscripts: `value[index]` and `value[start:end:step]`.
//!
//! Owns the adjustment of indices to a length. Indices may be of any size, so all arithmetic is in 128 bits.

use crate::budget::Budget;
use crate::error::{Outcome, index_error, key_error, limit_exceeded, type_error, value_error};
use crate::object::Object;
use crate::object::text::Text;
use crate::text::repr::repr_short;

/// A slice adjusted to a length: `count` items from `start` on, in steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) start: i128,
    pub(crate) end: i128,
    pub(crate) step: i128,
    pub(crate) count: u64,
}

impl Bounds {
    /// Adjusts a slice to a length, as `slice.indices()` does.
    fn new(length: u64, parts: [&Object; 3]) -> Outcome<Self> {
        let length = i128::from(length);
        let step = slice_index(parts[2])?.unwrap_or(1);
        if step == 0 {
            return Err(value_error("slice step cannot be zero"));
        }
        let (lowest, highest) = if step > 0 { (0, length) } else { (-1, length - 1) };
        let adjust = |index: i128| (if index < 0 { index + length } else { index }).clamp(lowest, highest);
        let (first, last) = if step > 0 {
            (lowest, highest)
        } else {
            (highest, lowest)
        };
        let start = slice_index(parts[0])?.map_or(first, adjust);
        let end = slice_index(parts[1])?.map_or(last, adjust);
        let span = if step > 0 { end - start } else { start - end };
        let count = if span <= 0 { 0 } else { (span - 1) / step.abs() + 1 };
        Ok(Self {
            start,
            end,
            step,
            count: u64::try_from(count).unwrap_or(u64::MAX),
        })
    }

    /// The indices of the slice.
    fn indices(self) -> impl Iterator<Item = usize> {
        (0..i128::from(self.count))
            .map(move |place| usize::try_from(self.start + place * self.step).unwrap_or(0))
    }
}

/// A part of a slice, `None` where it is missing.
fn slice_index(part: &Object) -> Outcome<Option<i128>> {
    match part {
        Object::None => Ok(None),
        other => match other.integer() {
            Some(index) => Ok(Some(i128::from(index.saturate()))),
            None => Err(type_error(
                "slice indices must be integers or None or have an __index__ method",
            )),
        },
    }
}

/// `value[index]`.
pub(crate) fn subscript(value: &Object, index: &Object, budget: &mut Budget) -> Outcome<Object> {
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

/// An index counted from the start.
fn position(value: &Object, index: &Object, length: u64) -> Outcome<u64> {
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

fn not_subscriptable(value: &Object) -> crate::Error {
    type_error(format!("'{}' object is not subscriptable", value.type_name()))
}

/// `value[start:end:step]`.
pub(crate) fn slice(value: &Object, parts: [&Object; 3], budget: &mut Budget) -> Outcome<Object> {
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
            // In a sequence a longer step is as good as this one, but a range shows its step.
            if matches!(parts[2], Object::Big(_)) {
                return Err(limit_exceeded("a range beyond 64 bits"));
            }
            range.slice(bounds)
        }
        Object::Dict(_) => Err(type_error("unhashable type: 'slice'")),
        _ => Err(not_subscriptable(value)),
    }
}

/// Why a subscript that has slices among its items fails, whatever the value is.
pub(crate) fn slices_in_a_tuple(value: &Object) -> crate::Error {
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

fn pick(items: &[Object], parts: [&Object; 3], budget: &mut Budget) -> Outcome<Vec<Object>> {
    let bounds = Bounds::new(items.len() as u64, parts)?;
    let count = usize::try_from(bounds.count).unwrap_or(usize::MAX);
    budget.burn_items(count)?;
    budget.length(count)?;
    Ok(bounds
        .indices()
        .filter_map(|index| items.get(index).cloned())
        .collect())
}

fn slice_text(text: &Text, parts: [&Object; 3], budget: &mut Budget) -> Outcome<Object> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(length: u64, start: Option<i64>, end: Option<i64>, step: Option<i64>) -> (i128, i128, u64) {
        let object = |part: Option<i64>| part.map_or(Object::None, Object::Int);
        let bounds = Bounds::new(length, [&object(start), &object(end), &object(step)]).unwrap();
        (bounds.start, bounds.end, bounds.count)
    }

    #[test]
    fn bounds_are_those_of_slice_indices() {
        assert_eq!(bounds(5, None, None, None), (0, 5, 5));
        assert_eq!(bounds(5, None, None, Some(-1)), (4, -1, 5));
        assert_eq!(bounds(5, Some(-3), Some(100), None), (2, 5, 3));
        assert_eq!(bounds(5, Some(i64::MIN), None, Some(2)), (0, 5, 3));
        assert_eq!(bounds(5, None, None, Some(i64::MAX)), (0, 5, 1));
        assert_eq!(bounds(5, None, None, Some(i64::MIN)), (4, -1, 1));
        assert_eq!(bounds(0, None, None, Some(-1)), (-1, -1, 0));
        assert_eq!(bounds(5, Some(3), Some(1), None), (3, 1, 0));
        assert!(Bounds::new(5, [&Object::None, &Object::None, &Object::Int(0)]).is_err());
        assert!(Bounds::new(5, [&Object::Float(1.0), &Object::None, &Object::None]).is_err());
    }
}
