//! The counting of one evaluation.
//!
//! Owns what is left of fuel and allocation, and the fixed limits that are asked before work is done. It does not
//! know what the work is: callers estimate, the budget refuses.

use num_bigint::BigInt;

use crate::error::{Error, Result, limit_exceeded};
use crate::limits::{Limits, NAMES_DEPTH};

/// What is left for one evaluation.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    fuel: u64,
    alloc: u64,
    max_len: usize,
    max_int_bits: u64,
    max_output: usize,
    max_depth: usize,
}

/// What a value takes beside its contents: counts, lengths, and what the allocator needs.
const HEADER: usize = 64;

/// Bytes of fuel-free text work: one unit pays for this many.
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

    /// Pays for a visit of `count` items.
    #[inline]
    pub(crate) fn burn_items(&mut self, count: usize) -> Result<()> {
        self.burn(count as u64)
    }

    /// Pays for a walk over `bytes` of text.
    #[inline]
    pub(crate) fn burn_bytes(&mut self, bytes: usize) -> Result<()> {
        self.burn((bytes / BYTES_PER_FUEL) as u64)
    }

    /// Pays for a multiplication or division of numbers with so many bits.
    pub(crate) fn burn_product(&mut self, left_bits: u64, right_bits: u64) -> Result<()> {
        let limbs = (left_bits / 64 + 1).saturating_mul(right_bits / 64 + 1);
        self.burn(limbs / 16)
    }

    /// Pays for `bytes` of memory, before they are taken.
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

    /// Admits a str of so many bytes and pays for it.
    pub(crate) fn text(&mut self, bytes: usize) -> Result<()> {
        self.length(bytes)?;
        self.burn_bytes(bytes)?;
        self.value(bytes)
    }

    /// Pays for a value with so many bytes of contents.
    #[inline]
    pub(crate) fn value(&mut self, bytes: usize) -> Result<()> {
        self.allocate(bytes.saturating_add(HEADER))
    }

    /// Admits a list or tuple of so many items and pays for it.
    #[inline]
    pub(crate) fn sequence(&mut self, items: usize) -> Result<()> {
        self.length(items)?;
        self.burn((items / 4) as u64 + 1)?;
        self.value(items.saturating_mul(16))
    }

    /// Admits one more entry of a set or dict, which has `length` of them already, and pays for it.
    pub(crate) fn entry(&mut self, length: usize) -> Result<()> {
        self.length(length + 1)?;
        self.burn(1)?;
        self.allocate(64)
    }

    /// Admits a value of this length.
    #[inline]
    pub(crate) fn length(&self, length: usize) -> Result<()> {
        if length > self.max_len {
            return Err(limit_exceeded(format!("a value longer than {}", self.max_len)));
        }
        Ok(())
    }

    /// Admits a container of this depth.
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

    /// Admits an int of this many bits (an estimate from below is enough, the result is asked again).
    pub(crate) fn int_bits(&self, bits: u64) -> Result<()> {
        if bits > self.max_int_bits {
            return Err(limit_exceeded(format!(
                "an int longer than {} bits",
                self.max_int_bits
            )));
        }
        Ok(())
    }

    /// Admits a finished long int and pays for it.
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
            "an evaluation cannot go on after it ran dry"
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
