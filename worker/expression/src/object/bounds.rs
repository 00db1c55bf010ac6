//! The bounds of a slice.
//!
//! Owns how a slice is clipped to a length. Indices may be of any size, so all arithmetic is in 128 bits.

use super::Object;
use crate::error::{Result, type_error, value_error};

/// A slice clipped to a length: `count` items from `start` on, in steps of `step`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) start: i128,
    pub(crate) end: i128,
    pub(crate) step: i128,
    pub(crate) count: u64,
}

impl Bounds {
    /// Clips a slice to a length, as `slice.indices()` does.
    pub(crate) fn new(length: u64, parts: [&Object; 3]) -> Result<Self> {
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
    pub(crate) fn indices(self) -> impl Iterator<Item = usize> {
        (0..i128::from(self.count))
            .map(move |place| usize::try_from(self.start + place * self.step).unwrap_or(0))
    }
}

/// A part of a slice, or `None` if it is missing.
fn slice_index(part: &Object) -> Result<Option<i128>> {
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
