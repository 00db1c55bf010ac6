//! The str type: UTF-8, indexed by code point.
//!
//! Owns the text and its length in characters. Quotes and escapes are in `quote`.

use crate::budget::Budget;
use crate::error::Result;

/// An immutable str. Indexing is free for ASCII text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Text {
    data: Box<str>,
    characters: usize,
}

impl Text {
    pub(crate) fn new(data: impl Into<Box<str>>) -> Self {
        let data = data.into();
        let characters = if data.is_ascii() {
            data.len()
        } else {
            data.chars().count()
        };
        Self { data, characters }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.data
    }

    /// The length in characters.
    pub(crate) fn len(&self) -> usize {
        self.characters
    }

    pub(crate) fn is_ascii(&self) -> bool {
        self.characters == self.data.len()
    }

    /// The byte offset of a character; the length in bytes for the index after the last.
    pub(crate) fn offset(&self, character: usize, budget: &mut Budget) -> Result<usize> {
        if self.is_ascii() {
            return Ok(character.min(self.data.len()));
        }
        budget.burn_bytes(self.data.len())?;
        Ok(self
            .data
            .char_indices()
            .nth(character)
            .map_or(self.data.len(), |(offset, _)| offset))
    }

    /// The character at an index, which must be in range.
    pub(crate) fn character(&self, index: usize, budget: &mut Budget) -> Result<char> {
        let start = self.offset(index, budget)?;
        Ok(self.data[start..].chars().next().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Limits;

    #[test]
    fn counts_and_finds_characters() {
        let mut budget = Budget::new(&Limits::default());
        let text = Text::new("aé☃");
        assert_eq!((text.len(), text.is_ascii()), (3, false));
        assert_eq!(text.character(1, &mut budget).unwrap(), 'é');
        assert_eq!(text.offset(3, &mut budget).unwrap(), 6);
        let text = Text::new("abc");
        assert_eq!(text.character(2, &mut budget).unwrap(), 'c');
        assert_eq!(text.offset(9, &mut budget).unwrap(), 3);
    }
}
