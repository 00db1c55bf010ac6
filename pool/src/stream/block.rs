//! Outputs of consecutive inputs that have come together, still encoded.

use crate::{JobError, outcome::results::Rest};

/// Outputs of consecutive inputs, still encoded: see [`StreamOutput::next_block`](crate::stream::StreamOutput::next_block).
///
/// It is an iterator over them, and cheap to clone for a second look.
#[derive(Debug, Clone)]
pub struct Block<'a> {
    next: u64,
    rest: Rest<'a>,
}

impl<'a> Block<'a> {
    pub(super) fn new(first: u64, rest: Rest<'a>) -> Self {
        Self { next: first, rest }
    }

    /// The number of the input, from 0, to which the next output belongs.
    pub fn number(&self) -> u64 {
        self.next
    }

    /// At least as many bytes as all outputs have that are left here.
    pub fn bytes(&self) -> usize {
        self.rest.bytes()
    }
}

impl<'a> Iterator for Block<'a> {
    type Item = Result<&'a [u8], JobError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let seen = self.rest.next()?;
        self.next += 1;
        Some(seen.encoded())
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.rest.size_hint()
    }
}

impl ExactSizeIterator for Block<'_> {}
