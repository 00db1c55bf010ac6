//! Results as lines of text: a value, or `Kind: message`.
//!
//! A result is always exactly one line.

use std::io::Write;

use protocol::job::eval::value_text;

use crate::failure::Failure;

/// Appends the lines of several outputs if all of them are values whose texts are single lines; returns whether they
/// were. `bytes` is their approximate total size.
pub(crate) fn append_values<'a, E>(
    lines: &mut Vec<u8>,
    outputs: impl ExactSizeIterator<Item = Result<&'a [u8], E>>,
    bytes: usize,
) -> bool {
    let (start, count) = (lines.len(), outputs.len());
    lines.reserve(bytes + count);
    for output in outputs {
        let Some(text) = output.ok().and_then(value_text) else {
            lines.truncate(start);
            return false;
        };
        lines.extend_from_slice(text);
        lines.push(b'\n');
    }
    let are_lines = are_lines(&lines[start..], count);
    if !are_lines {
        lines.truncate(start);
    }
    are_lines
}

/// Whether `text` is valid UTF-8 of `count` lines. Checking all lines together is much faster than one by one.
fn are_lines(text: &[u8], count: usize) -> bool {
    std::str::from_utf8(text).is_ok()
        && memchr::memchr(b'\r', text).is_none()
        && memchr::memchr_iter(b'\n', text).count() == count
}

/// Appends the line of a value.
pub(crate) fn append_value(line: &mut Vec<u8>, value: &str) {
    // A value's text contains no line ends, but another worker program may not respect that.
    if memchr::memchr2(b'\n', b'\r', value.as_bytes()).is_some() {
        append_escaped(line, value);
    } else {
        line.extend_from_slice(value.as_bytes());
    }
    line.push(b'\n');
}

/// Appends the line of a failure.
pub(crate) fn append_failure(line: &mut Vec<u8>, failure: &Failure) {
    append_escaped(line, &failure.kind);
    line.extend_from_slice(b": ");
    append_escaped(line, &failure.message);
    line.push(b'\n');
}

/// Appends a text with control characters and line separators escaped as in Python.
fn append_escaped(line: &mut Vec<u8>, text: &str) {
    for character in text.chars() {
        let written = match character {
            '\n' => line.write_all(b"\\n"),
            '\r' => line.write_all(b"\\r"),
            '\t' => line.write_all(b"\t"),
            '\u{2028}' | '\u{2029}' => write!(line, "\\u{:04x}", character as u32),
            character if character.is_control() => write!(line, "\\x{:02x}", character as u32),
            character => line.write_all(character.encode_utf8(&mut [0; 4]).as_bytes()),
        };
        written.expect("writing to memory succeeds");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(message: &str) -> Failure {
        Failure {
            kind: "ValueError".into(),
            message: message.to_owned(),
            details: None,
            span: None,
        }
    }

    #[test]
    fn a_failure_is_always_one_line() {
        let mut line = Vec::new();
        append_failure(&mut line, &failure("a\nb\r\n\tc\u{1b}[m\u{85}\u{2028}é\\"));
        let line = String::from_utf8(line).unwrap();
        assert_eq!(line, "ValueError: a\\nb\\r\\n\tc\\x1b[m\\x85\\u2028é\\\n");
    }

    #[test]
    fn values_are_appended_together_or_not_at_all() {
        let together = |outputs: &[Result<&[u8], ()>]| {
            let mut lines = b"before\n".to_vec();
            assert!(append_values(&mut lines, outputs.iter().copied(), 10));
            String::from_utf8(lines).unwrap()
        };
        assert_eq!(together(&[]), "before\n");
        assert_eq!(
            together(&[Ok(b"\x006"), Ok(b"\0"), Ok("\0'é'".as_bytes())]),
            "before\n6\n\n'é'\n"
        );
        for odd in [
            Ok(&b"\0a\nb"[..]),
            Ok(b"\0a\rb"),
            Ok(b"\0\xc3"),
            Ok(b"\x01error"),
            Ok(b""),
            Err(()),
        ] {
            let mut lines = b"before\n".to_vec();
            assert!(!append_values(
                &mut lines,
                [Ok(&b"\x001"[..]), odd, Ok(b"\x002")].into_iter(),
                10
            ));
            assert_eq!(lines, b"before\n", "{odd:?} leaves nothing behind");
        }
    }

    #[test]
    fn a_value_is_unchanged_and_one_line() {
        let mut line = Vec::new();
        append_value(&mut line, "'é'");
        append_value(&mut line, "a\nb");
        assert_eq!(line, "'é'\na\\nb\n".as_bytes());
    }
}
