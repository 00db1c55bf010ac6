//! String literals.
//!
//! Owns quotes, prefixes and escapes. The parser joins adjacent literals.

use crate::error::{Error, Result, line_at, syntax_error, unsupported};

/// The prefix of a string literal, if the word is one.
pub(crate) fn prefix(word: &[u8]) -> Option<Prefix> {
    let mut lower = [0; 2];
    let lower = lower.get_mut(..word.len())?;
    lower.copy_from_slice(word);
    lower.make_ascii_lowercase();
    match &*lower {
        b"r" => Some(Prefix::Raw),
        b"u" => Some(Prefix::Plain),
        b"b" | b"br" | b"rb" => Some(Prefix::Bytes),
        b"f" | b"fr" | b"rf" => Some(Prefix::Format),
        _ => None,
    }
}

/// The meaning of the letters before a quote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Prefix {
    Plain,
    Raw,
    Bytes,
    Format,
}

/// Reads the literal whose opening quote is at `start` and appends its text. Returns the offset after it.
///
/// The source must be valid UTF-8.
pub(crate) fn scan(source: &[u8], start: usize, prefix: Prefix, text: &mut Vec<u8>) -> Result<usize> {
    match prefix {
        Prefix::Bytes => return Err(unsupported("bytes literals").at(offset(start), offset(start + 1))),
        Prefix::Format => return Err(unsupported("f-strings").at(offset(start), offset(start + 1))),
        Prefix::Plain | Prefix::Raw => {}
    }
    let quote = source[start];
    let triple = source[start..].starts_with(&[quote; 3]);
    let width = if triple { 3 } else { 1 };
    let mut place = start + width;
    loop {
        let Some(&byte) = source.get(place) else {
            return Err(unterminated(source, start, source.len(), triple));
        };
        match byte {
            _ if byte == quote && (!triple || source[place..].starts_with(&[quote; 3])) => {
                return Ok(place + width);
            }
            b'\\' if prefix == Prefix::Raw => place = raw_escape(source, place, text),
            b'\\' => place = escape(source, place, text)?,
            b'\n' | b'\r' if !triple => return Err(unterminated(source, start, place, triple)),
            b'\r' => {
                text.push(b'\n');
                place += line_end(source, place);
            }
            _ => {
                text.push(byte);
                place += 1;
            }
        }
    }
}

fn unterminated(source: &[u8], start: usize, end: usize, triple: bool) -> Error {
    let kind = if triple { "triple-quoted string" } else { "string" };
    let line = line_at(source, end);
    syntax_error(format!("unterminated {kind} literal (detected at line {line})"))
        .at(offset(start), offset(end))
}

fn offset(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

/// The length of the line end at `place`.
fn line_end(source: &[u8], place: usize) -> usize {
    if source[place..].starts_with(b"\r\n") {
        2
    } else {
        1
    }
}

/// Copies a backslash in a raw string and the character after it, even a quote.
fn raw_escape(source: &[u8], place: usize, text: &mut Vec<u8>) -> usize {
    text.push(b'\\');
    match source.get(place + 1) {
        Some(b'\r') => {
            text.push(b'\n');
            place + 1 + line_end(source, place + 1)
        }
        Some(&byte) => {
            text.push(byte);
            place + 2
        }
        None => place + 1,
    }
}

/// Reads an escape. Returns the offset after it.
fn escape(source: &[u8], place: usize, text: &mut Vec<u8>) -> Result<usize> {
    let Some(&byte) = source.get(place + 1) else {
        return Ok(place + 1);
    };
    let plain = match byte {
        b'\\' | b'\'' | b'"' => byte,
        b'a' => 7,
        b'b' => 8,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 11,
        b'\n' | b'\r' => return Ok(place + 1 + line_end(source, place + 1)),
        b'0'..=b'7' => return octal(source, place, text),
        b'x' => return hexadecimal(source, place, 2, text),
        b'u' => return hexadecimal(source, place, 4, text),
        b'U' => return hexadecimal(source, place, 8, text),
        b'N' => return Err(unsupported("\\N escapes").at(offset(place), offset(place + 2))),
        _ => {
            // An unknown escape keeps its backslash. The byte may be the first of a longer character.
            text.extend_from_slice(&[b'\\', byte]);
            return Ok(place + 2);
        }
    };
    text.push(plain);
    Ok(place + 2)
}

fn octal(source: &[u8], place: usize, text: &mut Vec<u8>) -> Result<usize> {
    let digits = source[place + 1..]
        .iter()
        .take(3)
        .take_while(|byte| (b'0'..=b'7').contains(*byte));
    let (mut value, mut end) = (0, place + 1);
    for &digit in digits {
        value = value * 8 + u32::from(digit - b'0');
        end += 1;
    }
    push(value, text).map_err(|error| error.at(offset(place), offset(end)))?;
    Ok(end)
}

fn hexadecimal(source: &[u8], place: usize, length: usize, text: &mut Vec<u8>) -> Result<usize> {
    let end = place + 2 + length;
    let digits = source
        .get(place + 2..end)
        .and_then(|digits| std::str::from_utf8(digits).ok());
    let value = digits
        .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
        .and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let Some(value) = value else {
        let kind = char::from(source[place + 1]);
        let truncated = format!(
            "(unicode error) 'unicodeescape' codec can't decode bytes: truncated \\{kind}{} escape",
            "X".repeat(length)
        );
        return Err(syntax_error(truncated).at(offset(place), offset(end.min(source.len()))));
    };
    push(value, text).map_err(|error| error.at(offset(place), offset(end)))?;
    Ok(end)
}

fn push(point: u32, text: &mut Vec<u8>) -> Result<()> {
    match char::from_u32(point) {
        Some(character) => {
            text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            Ok(())
        }
        None if point <= 0xffff => Err(unsupported("surrogate escapes")),
        None => Err(syntax_error(
            "(unicode error) 'unicodeescape' codec can't decode bytes: illegal Unicode character",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    fn read(source: &str, prefix: Prefix) -> Result<String> {
        let mut text = Vec::new();
        let end = scan(source.as_bytes(), 0, prefix, &mut text)?;
        assert_eq!(end, source.len(), "{source}");
        Ok(String::from_utf8(text).unwrap())
    }

    #[test]
    fn escapes() {
        for (source, expected) in [
            (r"''", ""),
            (r"'\x41\101\u00e9\U0001f600\7'", "AAé😀\u{7}"),
            (r#"'\'\"\\\a\b\f\n\r\t\v'"#, "'\"\\\u{7}\u{8}\u{c}\n\r\t\u{b}"),
            (r"'\q\é'", "\\q\\é"),
            (r"'\777\400'", "\u{1ff}\u{100}"),
            ("'a\\\nb\\\r\nc'", "abc"),
            ("'''a\r\nb\rc\n'\"'''", "a\nb\nc\n'\""),
            ("\"\"\"\"a\"\"\"", "\"a"),
            ("'\u{1}\t'", "\u{1}\t"),
            (r"'\08'", "\u{0}8"),
        ] {
            assert_eq!(read(source, Prefix::Plain).unwrap(), expected, "{source}");
        }
        assert_eq!(read(r"'\n\'é'", Prefix::Raw).unwrap(), r"\n\'é");
    }

    #[test]
    fn refusals() {
        for source in [
            "'",
            "'a",
            "'''a''",
            "'\\",
            "'\\'",
            "'a\n'",
            r"'\x4'",
            r"'\xg1'",
            r"'\u123'",
            r"'\U00110000'",
            r"'\x+1'",
            "'\\x",
        ] {
            assert_eq!(
                read(source, Prefix::Plain).unwrap_err().kind(),
                ErrorKind::SyntaxError,
                "{source}"
            );
        }
        for source in [r"'\ud800'", r"'\N{BULLET}'", r"'\U0000dfff'"] {
            assert_eq!(
                read(source, Prefix::Plain).unwrap_err().kind(),
                ErrorKind::Unsupported,
                "{source}"
            );
        }
        assert_eq!(
            read(r"'\'", Prefix::Raw).unwrap_err().kind(),
            ErrorKind::SyntaxError
        );
        assert_eq!(
            read("''", Prefix::Format).unwrap_err().kind(),
            ErrorKind::Unsupported
        );
    }

    #[test]
    fn prefixes() {
        assert_eq!(prefix(b"R"), Some(Prefix::Raw));
        assert_eq!(prefix(b"U"), Some(Prefix::Plain));
        assert_eq!(prefix(b"Rb"), Some(Prefix::Bytes));
        assert_eq!(prefix(b"fR"), Some(Prefix::Format));
        assert_eq!(prefix(b"ur"), None);
        assert_eq!(prefix(b"abc"), None);
    }
}
