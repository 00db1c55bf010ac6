//! The text of values, as Python's `repr()` writes it.
//!
//! Owns quoting and escapes and the output limit, which is checked while the text is written: a small value that
//! shares its parts may have a text of any length. Float text is in `float`, digits of ints are in `int_text`.

use super::float_text::push_float;
use super::int_text::{decimal, push_small};
use super::nonprintable::NONPRINTABLE;
use crate::budget::Budget;
use crate::error::{Outcome, limit_exceeded};
use crate::object::Object;

/// Which characters are escaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Charset {
    /// `repr()`: what Unicode 14 calls printable stays.
    Printable,
    /// `ascii()`: only ASCII stays.
    Ascii,
}

/// Where a text goes and how long it may get.
struct Writer<'a> {
    out: &'a mut Vec<u8>,
    /// The length of `out` that must not be passed.
    end: usize,
    charset: Charset,
    budget: &'a mut Budget,
}

/// Appends the text of the final result, within the limit on output.
pub(crate) fn push_result(value: &Object, out: &mut Vec<u8>, budget: &mut Budget) -> Outcome<()> {
    if let Object::Int(value) = value {
        push_small(*value, out);
        return Ok(());
    }
    let end = out.len().saturating_add(budget.max_output());
    Writer {
        out,
        end,
        charset: Charset::Printable,
        budget,
    }
    .value(value)
}

/// The text of a value as a str of the language.
pub(crate) fn text_of(value: &Object, charset: Charset, budget: &mut Budget) -> Outcome<String> {
    let mut out = Vec::new();
    let end = budget.max_len();
    Writer {
        out: &mut out,
        end,
        charset,
        budget,
    }
    .value(value)?;
    budget.text(out.len())?;
    Ok(into_string(out))
}

/// The text of a value for tests and for people.
#[cfg(test)]
pub(crate) fn repr_text(value: &Object, budget: &mut Budget) -> Outcome<String> {
    text_of(value, Charset::Printable, budget)
}

/// The text of a value for a message: cut, and never an error.
pub(crate) fn repr_short(value: &Object, budget: &mut Budget) -> String {
    const LONGEST: usize = 200;
    let mut out = Vec::new();
    let outcome = Writer {
        out: &mut out,
        end: LONGEST,
        charset: Charset::Printable,
        budget,
    }
    .value(value);
    match outcome {
        Ok(()) => into_string(out),
        Err(_) => format!("a {}", value.type_name()),
    }
}

/// A text in quotes for a message, cut.
pub(crate) fn quoted(text: &str) -> String {
    const LONGEST: usize = 200;
    let mut out = Vec::new();
    push_quoted(text, Charset::Printable, &mut out);
    into_string(out).chars().take(LONGEST).collect()
}

fn into_string(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_default()
}

impl Writer<'_> {
    /// Recursion is bounded by the depth of the value, work by the fuel and the limit on output.
    fn value(&mut self, value: &Object) -> Outcome<()> {
        match value {
            Object::None => self.out.extend_from_slice(b"None"),
            Object::Bool(true) => self.out.extend_from_slice(b"True"),
            Object::Bool(false) => self.out.extend_from_slice(b"False"),
            Object::Int(value) => push_small(*value, self.out),
            Object::Float(value) => push_float(*value, self.out),
            Object::Big(value) => {
                self.budget.burn_product(value.bits(), value.bits())?;
                self.out.extend_from_slice(decimal(value)?.as_bytes());
            }
            Object::Str(text) => {
                self.room(text.as_str().len())?;
                self.budget.burn_bytes(text.as_str().len())?;
                push_quoted(text.as_str(), self.charset, self.out);
            }
            Object::Tuple(items) => {
                self.sequence(
                    b"(",
                    items.items().iter(),
                    if items.items().len() == 1 { b",)" } else { b")" },
                )?;
            }
            Object::List(items) => self.sequence(b"[", items.items().iter(), b"]")?,
            Object::Set(set) if set.len() == 0 => self.out.extend_from_slice(b"set()"),
            Object::Set(set) => self.sequence(b"{", set.iter(), b"}")?,
            Object::Dict(dict) => self.dict(dict)?,
            Object::Range(range) => {
                let step = if range.step == 1 {
                    String::new()
                } else {
                    format!(", {}", range.step)
                };
                self.out
                    .extend_from_slice(format!("range({}, {}{step})", range.start, range.end).as_bytes());
            }
            Object::Function(function) => {
                self.out
                    .extend_from_slice(format!("<built-in function {}>", function.name()).as_bytes());
            }
        }
        self.room(0)
    }

    fn sequence<'b>(
        &mut self,
        open: &[u8],
        items: impl Iterator<Item = &'b Object>,
        close: &[u8],
    ) -> Outcome<()> {
        self.out.extend_from_slice(open);
        for (index, item) in items.enumerate() {
            self.separate(index)?;
            self.value(item)?;
        }
        self.out.extend_from_slice(close);
        Ok(())
    }

    fn dict(&mut self, dict: &crate::object::dict::Dict) -> Outcome<()> {
        self.out.push(b'{');
        for (index, (key, value)) in dict.iter().enumerate() {
            self.separate(index)?;
            self.value(key)?;
            self.out.extend_from_slice(b": ");
            self.value(value)?;
        }
        self.out.push(b'}');
        Ok(())
    }

    fn separate(&mut self, index: usize) -> Outcome<()> {
        self.budget.burn(1)?;
        if index > 0 {
            self.out.extend_from_slice(b", ");
        }
        Ok(())
    }

    /// Refuses a text that would get too long.
    fn room(&self, more: usize) -> Outcome<()> {
        if self.out.len() + more > self.end {
            return Err(limit_exceeded("the text of the result is too long"));
        }
        Ok(())
    }
}

/// Appends a str in quotes: single ones, unless it has single and no double ones.
fn push_quoted(text: &str, charset: Charset, out: &mut Vec<u8>) {
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

/// Does Unicode 14 call this character printable? Bidirectional controls, blanks and their like are not.
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
    use crate::Limits;

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
        let mut budget = Budget::new(&Limits::default());
        assert_eq!(
            text_of(&Object::text("é☃😀"), Charset::Ascii, &mut budget).unwrap(),
            "'\\xe9\\u2603\\U0001f600'"
        );
    }

    #[test]
    fn shared_structure_cannot_explode() {
        let mut budget = Budget::new(&Limits::default());
        let mut value = Object::Int(1);
        for _ in 0..5 {
            value = Object::list(vec![value; 1000], &mut budget).unwrap();
        }
        let mut out = b"kept".to_vec();
        assert!(push_result(&value, &mut out, &mut budget).is_err());
        assert!(out.len() < 1 << 21);
        assert_eq!(repr_short(&value, &mut Budget::new(&Limits::default())), "a list");
    }

    #[test]
    fn the_output_limit_counts_what_is_appended() {
        let mut budget = Budget::new(&Limits::default().max_output(3));
        let mut out = b"before".to_vec();
        assert!(push_result(&Object::text("a"), &mut out, &mut budget).is_ok());
        assert!(push_result(&Object::text("ab"), &mut out, &mut budget).is_err());
    }
}
