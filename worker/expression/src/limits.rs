//! The limits of one evaluation.
//!
//! Owns the limits and their defaults. `budget` does the counting.

/// The limits of one evaluation. Exceeding one is an error of kind
/// [`ErrorKind::LimitExceeded`](super::ErrorKind::LimitExceeded).
///
/// ```
/// use expression::{ErrorKind, Expression, Limits, Names};
///
/// let limits = Limits::default().fuel(100);
/// let endless = Expression::parse("sum(range(10 ** 12))").unwrap();
/// assert_eq!(endless.evaluate(&Names::default(), &limits).unwrap_err().kind(), ErrorKind::LimitExceeded);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    pub(crate) max_source: usize,
    pub(crate) max_depth: usize,
    pub(crate) max_int_bits: u64,
    pub(crate) max_len: usize,
    pub(crate) max_alloc: u64,
    pub(crate) fuel: u64,
    pub(crate) max_output: usize,
}

/// The deepest nesting at which functions that recurse over a value fit the stack of a thread with 2 MiB.
pub(crate) const HIGHEST_DEPTH: usize = 400;

/// The deepest nesting of a bound value.
pub(crate) const NAMES_DEPTH: usize = 100;

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_source: 16_384,
            max_depth: 200,
            max_int_bits: 65_536,
            max_len: 1_000_000,
            max_alloc: 64 << 20,
            fuel: 1_000_000,
            max_output: 1 << 20,
        }
    }
}

impl Limits {
    /// The longest source, in bytes. Default: 16,384. Values above 2 GiB count as 2 GiB.
    #[must_use]
    pub fn max_source(mut self, bytes: usize) -> Self {
        self.max_source = bytes.min(u32::MAX as usize >> 1);
        self
    }

    /// The deepest nesting of brackets, unary operators, powers, calls and comprehensions. Default: 200. More than
    /// 400 counts as 400.
    #[must_use]
    pub fn max_depth(mut self, levels: usize) -> Self {
        self.max_depth = levels.min(HIGHEST_DEPTH);
        self
    }

    /// The longest int, in bits. Default: 65,536.
    #[must_use]
    pub fn max_int_bits(mut self, bits: u64) -> Self {
        self.max_int_bits = bits;
        self
    }

    /// The longest str (in bytes), list, tuple, set or dict (in items). Default: 1,000,000.
    #[must_use]
    pub fn max_len(mut self, length: usize) -> Self {
        self.max_len = length;
        self
    }

    /// The memory of all values made, in bytes, including values dropped since. Default: 64 MiB.
    #[must_use]
    pub fn max_alloc(mut self, bytes: u64) -> Self {
        self.max_alloc = bytes;
        self
    }

    /// The amount of work: 1 unit per loop step, visited item and comparison, more for long ints and strs. Default:
    /// 1,000,000.
    #[must_use]
    pub fn fuel(mut self, units: u64) -> Self {
        self.fuel = units;
        self
    }

    /// The longest result text, in bytes. Default: 1 MiB.
    #[must_use]
    pub fn max_output(mut self, bytes: usize) -> Self {
        self.max_output = bytes;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_is_capped_so_that_recursion_fits_the_stack() {
        assert_eq!(Limits::default().max_depth(usize::MAX).max_depth, HIGHEST_DEPTH);
    }

    #[test]
    fn every_limit_has_its_builder() {
        let limits = Limits::default()
            .max_source(1)
            .max_depth(2)
            .max_int_bits(3)
            .max_len(4)
            .max_alloc(5)
            .fuel(6)
            .max_output(7);
        assert_eq!(
            (limits.max_source, limits.max_depth, limits.max_int_bits),
            (1, 2, 3)
        );
        assert_eq!(
            (limits.max_len, limits.max_alloc, limits.fuel, limits.max_output),
            (4, 5, 6, 7)
        );
    }
}
