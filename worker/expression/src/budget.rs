//! Counts the cost of one evaluation.
//!
//! Owns the remaining fuel and memory, and the fixed limits. It doesn't know what the work is: callers estimate its cost
//! and pay before they do it.

use num_bigint::BigInt;

use crate::error::{Error, Result, limit_exceeded};
use crate::limits::{Limits, NAMES_DEPTH};

/// The remaining fuel and memory of one evaluation, and its fixed limits.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    fuel: u64,
    alloc: u64,
    max_len: usize,
    max_int_bits: u64,
    max_output: usize,
    max_depth: usize,
}

/// The memory of a value besides its contents: counts, lengths and the allocator's overhead.
const HEADER: usize = 64;

/// The number of bytes of text that one unit of fuel pays for.
const BYTES_PER_FUEL: usize = 16;

impl Budget {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            fuel: limits.fuel,
            alloc: limits.max_alloc,
            max_len: limits.max_len,
            max_int_bits: limits.max_int_bits,
            max_output: limits.max_output,
            max_depth: limits.max_depth + NAMES_DEPTH,
        }
    }

    /// Pays for `units` of work.
    #[inline]
    pub(crate) fn burn(&mut self, units: u64) -> Result<()> {
        match self.fuel.checked_sub(units) {
            Some(rest) => {
                self.fuel = rest;
                Ok(())
            }
            None => Err(self.empty()),
        }
    }

    #[cold]
    fn empty(&mut self) -> Error {
        self.fuel = 0;
        limit_exceeded("out of fuel")
    }

    /// Pays for visiting `count` items.
    #[inline]
    pub(crate) fn burn_items(&mut self, count: usize) -> Result<()> {
        self.burn(count as u64)
    }

    /// Pays for reading `bytes` of text.
    #[inline]
    pub(crate) fn burn_bytes(&mut self, bytes: usize) -> Result<()> {
        self.burn((bytes / BYTES_PER_FUEL) as u64)
    }

    /// Pays for a multiplication or division of numbers of these lengths.
    pub(crate) fn burn_product(&mut self, left_bits: u64, right_bits: u64) -> Result<()> {
        let limbs = (left_bits / 64 + 1).saturating_mul(right_bits / 64 + 1);
        self.burn(limbs / 16)
    }

    /// Pays for `bytes` of memory, before they are allocated.
    #[inline]
    pub(crate) fn allocate(&mut self, bytes: usize) -> Result<()> {
        match self.alloc.checked_sub(bytes as u64) {
            Some(rest) => {
                self.alloc = rest;
                Ok(())
            }
            None => Err(limit_exceeded("too much memory")),
        }
    }

    /// Checks the length of a str, in bytes, and pays for it.
    pub(crate) fn text(&mut self, bytes: usize) -> Result<()> {
        self.length(bytes)?;
        self.burn_bytes(bytes)?;
        self.value(bytes)
    }

    /// Pays for the memory of a value with contents of this size.
    #[inline]
    pub(crate) fn value(&mut self, bytes: usize) -> Result<()> {
        self.allocate(bytes.saturating_add(HEADER))
    }

    /// Checks the length of a list or tuple and pays for it.
    #[inline]
    pub(crate) fn sequence(&mut self, items: usize) -> Result<()> {
        self.length(items)?;
        self.burn((items / 4) as u64 + 1)?;
        self.value(items.saturating_mul(16))
    }

    /// Checks and pays for one more entry of a set or dict that has `length` entries.
    pub(crate) fn entry(&mut self, length: usize) -> Result<()> {
        self.length(length + 1)?;
        self.burn(1)?;
        self.allocate(64)
    }

    /// Checks the length of a value.
    #[inline]
    pub(crate) fn length(&self, length: usize) -> Result<()> {
        if length > self.max_len {
            return Err(limit_exceeded(format!("a value longer than {}", self.max_len)));
        }
        Ok(())
    }

    /// Checks the depth of a container.
    #[inline]
    pub(crate) fn depth(&self, depth: usize) -> Result<()> {
        if depth > self.max_depth {
            return Err(limit_exceeded(format!(
                "a value nested more than {} deep",
                self.max_depth
            )));
        }
        Ok(())
    }

    /// Checks the length of an int. A lower bound is enough, because the result is checked again.
    pub(crate) fn int_bits(&self, bits: u64) -> Result<()> {
        if bits > self.max_int_bits {
            return Err(limit_exceeded(format!(
                "an int longer than {} bits",
                self.max_int_bits
            )));
        }
        Ok(())
    }

    /// Checks and pays for a computed long int.
    pub(crate) fn big(&mut self, value: &BigInt) -> Result<()> {
        let bits = value.bits();
        self.int_bits(bits)?;
        self.burn(bits / 1024)?;
        self.value(usize::try_from(bits / 8).unwrap_or(usize::MAX))
    }

    /// The longest int allowed, in bits.
    pub(crate) fn max_int_bits(&self) -> u64 {
        self.max_int_bits
    }

    /// The longest result text allowed, in bytes.
    pub(crate) fn max_output(&self) -> usize {
        self.max_output
    }

    /// The longest str allowed, in bytes.
    pub(crate) fn max_len(&self) -> usize {
        self.max_len
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn fuel_ends_and_stays_ended() {
        let mut budget = Budget::new(&Limits::default().fuel(3));
        assert!(budget.burn(2).is_ok());
        assert_eq!(budget.burn(2).unwrap_err().kind(), ErrorKind::LimitExceeded);
        assert!(
            budget.burn(1).is_err(),
            "an evaluation cannot continue without fuel"
        );
    }

    #[test]
    fn allocation_is_a_sum() {
        let mut budget = Budget::new(&Limits::default().max_alloc(100));
        assert!(budget.allocate(60).is_ok());
        assert!(budget.allocate(60).is_err());
        assert!(budget.allocate(usize::MAX).is_err());
    }

    #[test]
    fn products_do_not_overflow() {
        let mut budget = Budget::new(&Limits::default());
        assert!(budget.burn_product(u64::MAX, u64::MAX).is_err());
        assert!(budget.burn_product(64, 64).is_ok());
    }
}
