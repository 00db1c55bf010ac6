//! Why an expression has no value.
//!
//! Owns the kinds of error, their messages and the source range they point at. It does not decide when an error is
//! raised, and it does not render source lines: the caller has the source, this type only has offsets.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The kind of an [`Error`]: the exception that Python would raise, or one of the two refusals of this evaluator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The text is not an expression. Decided before anything is evaluated.
    SyntaxError,
    /// A name that is bound to nothing.
    NameError,
    /// An operation on a value of the wrong type.
    TypeError,
    /// An operation on a value of the right type but of no use.
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
    /// The name as it is shown: Python's name of the exception, `Unsupported` or `LimitExceeded`.
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

/// Why an expression has no value: a kind, a message, and the bytes of the source that are to blame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    parts: Box<Parts>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Parts {
    kind: ErrorKind,
    message: Cow<'static, str>,
    /// `None` until the place that knows the source adds it.
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

    /// Adds the source range, unless a more exact one is known already.
    #[cold]
    pub(crate) fn at(mut self, start: u32, end: u32) -> Self {
        self.parts.range.get_or_insert((start, end.max(start)));
        self
    }

    /// The kind of the error.
    pub fn kind(&self) -> ErrorKind {
        self.parts.kind
    }

    /// What went wrong, in the words of Python where it has words for it.
    pub fn message(&self) -> &str {
        &self.parts.message
    }

    /// The offset of the first byte of the source that is to blame.
    pub fn start(&self) -> usize {
        self.parts.range.map_or(0, |(start, _)| start as usize)
    }

    /// The offset behind the last byte of the source that is to blame.
    pub fn end(&self) -> usize {
        self.parts.range.map_or(0, |(_, end)| end as usize)
    }

    /// The line of `source` in which the error starts, counted from 1.
    pub fn line(&self, source: &str) -> usize {
        line_at(source.as_bytes(), self.start())
    }

    /// The place in its line at which the error starts, counted in characters from 1.
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

/// The line of a place in a source, counted from 1. Lines end as Python's do.
pub(crate) fn line_at(source: &[u8], offset: usize) -> usize {
    let before = &source[..offset.min(source.len())];
    let next = before.iter().skip(1).chain(&[0]);
    let is_end = |(byte, next): &(&u8, &u8)| **byte == b'\n' || (**byte == b'\r' && **next != b'\n');
    before.iter().zip(next).filter(is_end).count() + 1
}

/// The part of `source` before `offset`, which is moved back to the start of a character.
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

/// What the functions of the evaluator return.
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
