//! The range type: start, end and step in 64 bits.
//!
//! Owns length, indexing and membership, none of which loops. Lengths are computed in 128 bits, so they never overflow.

use std::sync::Arc;

use super::Object;
use super::bounds::Bounds;
use crate::budget::Budget;
use crate::error::{Result, limit_exceeded, value_error};

/// An arithmetic progression.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Range {
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) step: i64,
}

impl Range {
    pub(crate) fn new(start: i64, end: i64, step: i64) -> Result<Self> {
        if step == 0 {
            return Err(value_error("range() arg 3 must not be zero"));
        }
        Ok(Self { start, end, step })
    }

    pub(crate) fn len(&self) -> u64 {
        let (start, end, step) = (
            i128::from(self.start),
            i128::from(self.end),
            i128::from(self.step),
        );
        let span = if step > 0 { end - start } else { start - end };
        if span <= 0 {
            return 0;
        }
        u64::try_from((span - 1) / step.abs() + 1).unwrap_or(u64::MAX)
    }

    /// The item at an index, which may be one past the last.
    fn item_wide(&self, index: i128) -> i128 {
        i128::from(self.start) + index * i128::from(self.step)
    }

    /// The item at an index below the length.
    pub(crate) fn item(&self, index: u64) -> i64 {
        i64::try_from(self.item_wide(i128::from(index))).unwrap_or(self.end)
    }

    /// Returns whether the range contains a value.
    pub(crate) fn contains(&self, value: i64) -> bool {
        let (first, last) = if self.step > 0 {
            (self.start, self.end)
        } else {
            (self.end, self.start)
        };
        let inside = if self.step > 0 {
            first <= value && value < last
        } else {
            first < value && value <= last
        };
        inside && (i128::from(value) - i128::from(self.start)) % i128::from(self.step) == 0
    }

    /// Two ranges are equal if they have the same items.
    pub(crate) fn same(&self, other: &Self) -> bool {
        let length = self.len();
        length == other.len()
            && (length == 0 || self.start == other.start)
            && (length <= 1 || self.step == other.step)
    }

    /// Evaluates `range[start:end:step]`, given the clipped bounds.
    pub(crate) fn slice(&self, bounds: Bounds) -> Result<Object> {
        let narrow = |value: i128| i64::try_from(value).map_err(|_| limit_exceeded("a range beyond 64 bits"));
        let step = narrow(i128::from(self.step) * bounds.step)?;
        let start = narrow(self.item_wide(bounds.start))?;
        let end = narrow(self.item_wide(bounds.end))?;
        Ok(Object::Range(Arc::new(Self { start, end, step })))
    }

    /// All items.
    pub(crate) fn items(&self, budget: &mut Budget) -> Result<Vec<Object>> {
        let length = usize::try_from(self.len()).unwrap_or(usize::MAX);
        budget.length(length)?;
        budget.burn_items(length)?;
        Ok((0..self.len())
            .map(|index| Object::Int(self.item(index)))
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(start: i64, end: i64, step: i64) -> Range {
        Range::new(start, end, step).unwrap()
    }

    #[test]
    fn lengths() {
        assert_eq!(range(0, 10, 3).len(), 4);
        assert_eq!(range(10, 0, -3).len(), 4);
        assert_eq!(range(0, 0, 1).len(), 0);
        assert_eq!(range(5, 0, 1).len(), 0);
        assert_eq!(range(i64::MIN, i64::MAX, 1).len(), u64::MAX);
        assert_eq!(range(i64::MAX, i64::MIN, i64::MIN).len(), 2);
        assert!(Range::new(1, 2, 0).is_err());
    }

    #[test]
    fn items_and_membership() {
        assert_eq!(range(0, i64::MAX, i64::MAX - 1).item(1), i64::MAX - 1);
        assert!(range(0, 10, 3).contains(9));
        assert!(!range(0, 10, 3).contains(10));
        assert!(range(10, 0, -3).contains(10));
        assert!(!range(10, 1, -3).contains(1));
        assert!(range(i64::MIN, i64::MAX, 2).contains(0));
    }

    #[test]
    fn equality_is_that_of_the_items() {
        assert!(range(0, 3, 2).same(&range(0, 4, 2)));
        assert!(range(0, 0, 2).same(&range(5, 1, 1)));
        assert!(range(1, 2, 5).same(&range(1, 3, 9)));
        assert!(!range(0, 3, 1).same(&range(0, 3, 2)));
    }
}
