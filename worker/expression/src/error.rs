//! Why an expression has no value.
//!
//! Owns the kinds of error, their messages and the source range they point at. It doesn't decide when an error is raised,
//! and it doesn't print source lines: an error has only offsets, the caller has the source.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The kind of an [`Error`]: the exception that Python would raise, `Unsupported` or `LimitExceeded`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The source is not an expression. Found before anything is evaluated.
    SyntaxError,
    /// A name without a value.
    NameError,
    /// An operation on a value of the wrong type.
    TypeError,
    /// An operation on an invalid value of the right type.
    ValueError,
    /// Division or modulo by zero.
    ZeroDivisionError,
    /// A number beyond what its type can hold.
    OverflowError,
    /// A sequence index out of range.
    IndexError,
    /// A key that is not in the dict.
    KeyError,
    /// A name that the `math` module does not have.
    AttributeError,
    /// Valid Python that is outside this language.
    Unsupported,
    /// One of the [`Limits`](super::Limits) was reached.
    LimitExceeded,
}

impl ErrorKind {
    /// The name of the kind: that of Python's exception, `Unsupported` or `LimitExceeded`.
    pub fn name(self) -> &'static str {
        match self {
            Self::SyntaxError => "SyntaxError",
            Self::NameError => "NameError",
            Self::TypeError => "TypeError",
            Self::ValueError => "ValueError",
            Self::ZeroDivisionError => "ZeroDivisionError",
            Self::OverflowError => "OverflowError",
            Self::IndexError => "IndexError",
            Self::KeyError => "KeyError",
            Self::AttributeError => "AttributeError",
            Self::Unsupported => "Unsupported",
            Self::LimitExceeded => "LimitExceeded",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Why an expression has no value: a kind, a message, and the range of the source that caused the error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    parts: Box<Parts>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Parts {
    kind: ErrorKind,
    message: Cow<'static, str>,
    /// `None` until a caller that knows the source adds it.
    range: Option<(u32, u32)>,
}

impl Error {
    #[cold]
    pub(crate) fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            parts: Box::new(Parts {
                kind,
                message: message.into(),
                range: None,
            }),
        }
    }

    /// Adds the source range, unless a more exact one is set already.
    #[cold]
    pub(crate) fn at(mut self, start: u32, end: u32) -> Self {
        self.parts.range.get_or_insert((start, end.max(start)));
        self
    }

    /// The kind of the error.
    pub fn kind(&self) -> ErrorKind {
        self.parts.kind
    }

    /// The message: Python's own, if Python has one for this error.
    pub fn message(&self) -> &str {
        &self.parts.message
    }

    /// The start of the source range that caused the error, as a byte offset.
    pub fn start(&self) -> usize {
        self.parts.range.map_or(0, |(start, _)| start as usize)
    }

    /// The end of the source range that caused the error, as a byte offset.
    pub fn end(&self) -> usize {
        self.parts.range.map_or(0, |(_, end)| end as usize)
    }

    /// The line of `source` in which the error starts, counted from 1.
    pub fn line(&self, source: &str) -> usize {
        line_at(source.as_bytes(), self.start())
    }

    /// The column in which the error starts, in characters, counted from 1.
    pub fn column(&self, source: &str) -> usize {
        let before = before(source, self.start());
        before
            .chars()
            .rev()
            .take_while(|&character| character != '\n' && character != '\r')
            .count()
            + 1
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.kind(), self.message())
    }
}

impl std::error::Error for Error {}

/// The line of an offset, counted from 1. Lines end as Python's do.
pub(crate) fn line_at(source: &[u8], offset: usize) -> usize {
    let before = &source[..offset.min(source.len())];
    let next = before.iter().skip(1).chain(&[0]);
    let is_end = |(byte, next): &(&u8, &u8)| **byte == b'\n' || (**byte == b'\r' && **next != b'\n');
    before.iter().zip(next).filter(is_end).count() + 1
}

/// The part of `source` before `offset`. An offset inside a character is moved to the character's start.
fn before(source: &str, offset: usize) -> &str {
    let mut offset = offset.min(source.len());
    while !source.is_char_boundary(offset) {
        offset -= 1;
    }
    &source[..offset]
}

macro_rules! shorthands {
    ($($name:ident => $kind:ident,)*) => {
        $(#[cold]
        pub(crate) fn $name(message: impl Into<Cow<'static, str>>) -> Error {
            Error::new(ErrorKind::$kind, message)
        })*
    };
}

shorthands! {
    syntax_error => SyntaxError,
    name_error => NameError,
    type_error => TypeError,
    value_error => ValueError,
    zero_division => ZeroDivisionError,
    overflow => OverflowError,
    index_error => IndexError,
    key_error => KeyError,
    attribute_error => AttributeError,
    unsupported => Unsupported,
    limit_exceeded => LimitExceeded,
}

/// The result of the evaluator's functions.
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_range_wins() {
        let error = type_error("no").at(3, 5).at(0, 9);
        assert_eq!((error.start(), error.end()), (3, 5));
    }

    #[test]
    fn shows_kind_and_message() {
        assert_eq!(
            zero_division("division by zero").to_string(),
            "ZeroDivisionError: division by zero"
        );
    }

    #[test]
    fn lines_and_columns_count_characters_from_one() {
        let source = "('é',\r\n 1/0)";
        let error = zero_division("").at(9, 12);
        assert_eq!((error.line(source), error.column(source)), (2, 2));
        let error = zero_division("").at(5, 6);
        assert_eq!((error.line(source), error.column(source)), (1, 5));
    }

    #[test]
    fn an_offset_outside_the_source_is_harmless() {
        let error = zero_division("").at(100, 101);
        assert_eq!((error.line("é"), error.column("é")), (1, 2));
        assert_eq!(zero_division("").at(1, 2).column("é"), 1);
    }

    #[test]
    fn an_error_is_one_pointer() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }
}
