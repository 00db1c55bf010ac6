//! The text of values, as Python's `repr()` writes it.
//!
//! Checks the output limit while it writes, because a small value that shares its parts may have a text of any length.
//! Quotes and escapes are in `quote`, float text is in `float_text`, digits of ints are in `int_text`.

use super::float_text::push_float;
use super::int_text::{decimal, push_small};
use super::quote::{Charset, into_string, push_quoted};
use crate::budget::Budget;
use crate::error::{Result, limit_exceeded};
use crate::object::Object;

/// Writes the text of a value, up to a length.
struct Writer<'a> {
    out: &'a mut Vec<u8>,
    /// The greatest length of `out`.
    end: usize,
    charset: Charset,
    budget: &'a mut Budget,
}

/// Appends the text of the final result, within the limit on output.
pub(crate) fn push_result(value: &Object, out: &mut Vec<u8>, budget: &mut Budget) -> Result<()> {
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

/// The text of a value, checked and paid for as a str.
pub(crate) fn text_of(value: &Object, charset: Charset, budget: &mut Budget) -> Result<String> {
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

/// The text of a value, for tests.
#[cfg(test)]
pub(crate) fn repr_text(value: &Object, budget: &mut Budget) -> Result<String> {
    text_of(value, Charset::Printable, budget)
}

/// A short text of a value, for a message. Never fails.
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

impl Writer<'_> {
    /// Writes a value. Its depth bounds recursion, the fuel and the output limit bound work.
    fn value(&mut self, value: &Object) -> Result<()> {
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
    ) -> Result<()> {
        self.out.extend_from_slice(open);
        for (index, item) in items.enumerate() {
            self.separate(index)?;
            self.value(item)?;
        }
        self.out.extend_from_slice(close);
        Ok(())
    }

    fn dict(&mut self, dict: &crate::object::dict::Dict) -> Result<()> {
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

    fn separate(&mut self, index: usize) -> Result<()> {
        self.budget.burn(1)?;
        if index > 0 {
            self.out.extend_from_slice(b", ");
        }
        Ok(())
    }

    /// Checks that `more` bytes fit.
    fn room(&self, more: usize) -> Result<()> {
        if self.out.len() + more > self.end {
            return Err(limit_exceeded("the text of the result is too long"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Limits;

    #[test]
    fn ascii_escapes_all_other_characters() {
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
