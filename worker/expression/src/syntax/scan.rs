//! Whitespace, comments, line ends and words.
//!
//! Owns where an expression begins and ends in its source. Number and string literals are in modules of their own.

use crate::error::{Error, Result, syntax_error};
use crate::text::quote::is_printable;

/// A position in a source that is valid UTF-8.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scanner<'a> {
    pub(crate) source: &'a [u8],
    pub(crate) position: usize,
    /// The number of open brackets, inside of which line ends are whitespace.
    pub(crate) brackets: usize,
}

pub(crate) fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

impl<'a> Scanner<'a> {
    /// The position as an offset of an error range, which fits because sources are limited to 31 bits.
    pub(crate) fn offset(&self) -> u32 {
        u32::try_from(self.position).unwrap_or(u32::MAX)
    }

    #[inline]
    pub(crate) fn peek(&self) -> Option<u8> {
        self.source.get(self.position).copied()
    }

    /// The byte after the next one.
    #[inline]
    pub(crate) fn peek_second(&self) -> Option<u8> {
        self.source.get(self.position + 1).copied()
    }

    /// Skips whitespace, and line ends inside brackets. Returns the next byte.
    #[inline]
    pub(crate) fn token_start(&mut self) -> Result<Option<u8>> {
        match self.peek() {
            Some(byte) if byte > b' ' && byte < 0x7f && byte != b'#' && byte != b'\\' => Ok(Some(byte)),
            _ => self.skip_blank(),
        }
    }

    fn skip_blank(&mut self) -> Result<Option<u8>> {
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b'\t' | 0x0c => self.position += 1,
                b'\n' | b'\r' if self.brackets > 0 => self.position += 1,
                b'#' => self.skip_comment(),
                b'\\' => self.join_lines()?,
                b'\n' | b'\r' | b'!'..=b'~' => return Ok(Some(byte)),
                _ => return Err(self.invalid_character()),
            }
        }
        Ok(None)
    }

    fn skip_comment(&mut self) {
        while self.peek().is_some_and(|byte| !is_line_end(byte)) {
            self.position += 1;
        }
    }

    /// Skips a backslash and the line end after it. The source must not end there.
    fn join_lines(&mut self) -> Result<()> {
        let start = self.offset();
        self.position += 1;
        if !self.step_line_end() {
            let error = syntax_error("unexpected character after line continuation character");
            return Err(error.at(start, self.offset()));
        }
        if self.peek().is_none() {
            return Err(syntax_error("unexpected EOF while parsing").at(start, self.offset()));
        }
        Ok(())
    }

    fn step_line_end(&mut self) -> bool {
        let length = match (self.peek(), self.peek_second()) {
            (Some(b'\r'), Some(b'\n')) => 2,
            (Some(b'\n' | b'\r'), _) => 1,
            _ => 0,
        };
        self.position += length;
        length > 0
    }

    /// The error for the character here, which starts no token.
    #[cold]
    pub(crate) fn invalid_character(&self) -> Error {
        let rest = std::str::from_utf8(&self.source[self.position..]).unwrap_or("");
        let character = rest.chars().next().unwrap_or('\u{fffd}');
        let end = self.offset() + u32::try_from(character.len_utf8()).unwrap_or(1);
        let point = u32::from(character);
        let error = match character {
            _ if !is_printable(character) => {
                syntax_error(format!("invalid non-printable character U+{point:04X}"))
            }
            _ if character.is_ascii() => syntax_error("invalid syntax"),
            _ => syntax_error(format!("invalid character '{character}' (U+{point:04X})")),
        };
        error.at(self.offset(), end)
    }

    /// Skips to the first token. Leading whitespace is allowed, except after a leading line end.
    pub(crate) fn skip_head(&mut self) -> Result<()> {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.position += 1;
        }
        let mut indented = false;
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b'\t' => {
                    indented = true;
                    self.position += 1;
                }
                0x0c => {
                    indented = false;
                    self.position += 1;
                }
                b'#' => self.skip_comment(),
                b'\\' => self.join_lines()?,
                b'\n' | b'\r' => {
                    self.step_line_end();
                    indented = false;
                }
                _ if indented => {
                    return Err(syntax_error("unexpected indent").at(self.offset(), self.offset() + 1));
                }
                _ => return Ok(()),
            }
        }
        Err(syntax_error("invalid syntax").at(self.offset(), self.offset()))
    }

    /// Checks that only blank lines and comments are left.
    pub(crate) fn check_tail(&mut self) -> Result<()> {
        loop {
            match self.token_start()? {
                None => return Ok(()),
                Some(byte) if is_line_end(byte) => self.position += 1,
                Some(_) => return Err(syntax_error("invalid syntax").at(self.offset(), self.offset() + 1)),
            }
        }
    }

    /// Reads a word: letters, digits and underscores.
    #[inline]
    pub(crate) fn word(&mut self) -> &'a [u8] {
        let start = self.position;
        while self.peek().is_some_and(is_name_byte) {
            self.position += 1;
        }
        &self.source[start..self.position]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(source: &str) -> Option<usize> {
        let mut scanner = Scanner {
            source: source.as_bytes(),
            position: 0,
            brackets: 0,
        };
        scanner.skip_head().ok().map(|()| scanner.position)
    }

    #[test]
    fn heads() {
        assert_eq!(head(" \t1"), Some(2));
        assert_eq!(head("\n\n1"), Some(2));
        assert_eq!(head("# c\r\n1"), Some(5));
        assert_eq!(head("\n # c\n1"), Some(6));
        assert_eq!(head("\\\n1"), Some(2));
        assert_eq!(head("\n \u{c}1"), Some(3));
        for source in ["", "  ", "\n 1", "\\\n 1", "\u{c} 1", "# only", "\\\n", "\\"] {
            assert_eq!(head(source), None, "{source:?}");
        }
    }

    #[test]
    fn tails() {
        for (source, fine) in [
            ("", true),
            (" # c", true),
            ("\n\n", true),
            ("\n ", true),
            ("\n # c\n", true),
            (" 2", false),
            ("\n2", false),
            ("\\", false),
            ("\\\n", false),
            ("\\\n\n", true),
            ("\u{0}", false),
        ] {
            let mut scanner = Scanner {
                source: source.as_bytes(),
                position: 0,
                brackets: 0,
            };
            assert_eq!(scanner.check_tail().is_ok(), fine, "{source:?}");
        }
    }

    #[test]
    fn line_ends_are_whitespace_in_brackets() {
        let mut scanner = Scanner {
            source: b" \r\n # c\n 1",
            position: 0,
            brackets: 1,
        };
        assert_eq!(scanner.token_start().unwrap(), Some(b'1'));
        let mut scanner = Scanner {
            source: b" \n1",
            position: 0,
            brackets: 0,
        };
        assert_eq!(scanner.token_start().unwrap(), Some(b'\n'));
    }
}
