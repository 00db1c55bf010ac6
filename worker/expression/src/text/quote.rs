//! Quoted strings.
//!
//! Owns the choice of the quote, and which characters are escaped and how.

use super::nonprintable::NONPRINTABLE;

/// Which characters are escaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Charset {
    /// `repr()`: escapes what Unicode 14 calls not printable.
    Printable,
    /// `ascii()`: escapes everything except printable ASCII.
    Ascii,
}

/// Quotes a text for a message, and cuts it.
pub(crate) fn quoted(text: &str) -> String {
    const LONGEST: usize = 200;
    let mut out = Vec::new();
    push_quoted(text, Charset::Printable, &mut out);
    into_string(out).chars().take(LONGEST).collect()
}

pub(super) fn into_string(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_default()
}

/// Appends a str in quotes: single quotes, unless the str has single quotes and no double quotes.
pub(super) fn push_quoted(text: &str, charset: Charset, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') {
        b'"'
    } else {
        b'\''
    };
    out.push(quote);
    let mut plain = 0;
    for (offset, character) in text.char_indices() {
        if is_plain(character, quote, charset) {
            continue;
        }
        out.extend_from_slice(&bytes[plain..offset]);
        push_escape(character, out);
        plain = offset + character.len_utf8();
    }
    out.extend_from_slice(&bytes[plain..]);
    out.push(quote);
}

fn is_plain(character: char, quote: u8, charset: Charset) -> bool {
    match character {
        '\\' => false,
        ' '..='~' => character != char::from(quote),
        _ if character.is_ascii() => false,
        _ => charset == Charset::Printable && is_printable(character),
    }
}

/// Returns whether Unicode 14 calls this character printable. Bidirectional controls and most blanks aren't.
pub(crate) fn is_printable(character: char) -> bool {
    let point = u32::from(character);
    let index = NONPRINTABLE.partition_point(|&(_, last)| last < point);
    NONPRINTABLE.get(index).is_none_or(|&(first, _)| point < first)
}

fn push_escape(character: char, out: &mut Vec<u8>) {
    let escape = match (character, u32::from(character)) {
        ('\n', _) => "\\n".to_owned(),
        ('\r', _) => "\\r".to_owned(),
        ('\t', _) => "\\t".to_owned(),
        ('\\' | '\'' | '"', _) => format!("\\{character}"),
        (_, point @ 0..=0xff) => format!("\\x{point:02x}"),
        (_, point @ 0x100..=0xffff) => format!("\\u{point:04x}"),
        (_, point) => format!("\\U{point:08x}"),
    };
    out.extend_from_slice(escape.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes() {
        for (text, expected) in [
            ("a", "'a'"),
            ("O'Brien", "\"O'Brien\""),
            ("'\"", "'\\'\"'"),
            ("\"", "'\"'"),
            ("a\\b\t\n\r\u{0}\u{7f}", "'a\\\\b\\t\\n\\r\\x00\\x7f'"),
            ("é☃", "'é☃'"),
            (
                "\u{85}\u{ad}\u{200b}\u{e000}\u{10ffff}",
                "'\\x85\\xad\\u200b\\ue000\\U0010ffff'",
            ),
            ("\u{a0}\u{2028}", "'\\xa0\\u2028'"),
        ] {
            assert_eq!(quoted(text), expected);
        }
    }
}
