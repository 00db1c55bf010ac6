//! [`Block`]: encoded outputs of consecutive inputs that came together.

use crate::{JobError, outcome::results::Rest};

/// Encoded outputs of consecutive inputs, returned by
/// [`StreamOutput::next_block`](crate::stream::StreamOutput::next_block).
///
/// An iterator over the outputs, and cheap to clone for a second pass.
#[derive(Debug, Clone)]
pub struct Block<'a> {
    next: u64,
    rest: Rest<'a>,
}

impl<'a> Block<'a> {
    pub(super) fn new(first: u64, rest: Rest<'a>) -> Self {
        Self { next: first, rest }
    }

    /// Returns the number, from 0, of the input to which the next output belongs.
    pub fn number(&self) -> u64 {
        self.next
    }

    /// Returns an upper bound of the size of all outputs left here, in bytes.
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
