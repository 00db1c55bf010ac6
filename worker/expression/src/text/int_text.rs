//! Conversion between ints and text.
//!
//! Owns decimal output with its digit limit, `bin`, `oct`, `hex`, and `int(text, base)`. Number literals are in `number`
//! and share the digit limit.

use num_bigint::BigInt;

use crate::error::{Result, value_error};
use crate::object::int::Integer;

/// The most digits of a decimal text, in either direction: Python's protection against quadratic conversions.
pub(crate) const MAX_DIGITS: usize = 4300;

/// Appends a 64-bit int in decimal.
#[inline]
pub(crate) fn push_small(value: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// The decimal text of a long int.
pub(crate) fn decimal(value: &BigInt) -> Result<String> {
    // MAX_DIGITS digits fit in fewer than 14,300 bits, so a longer int has more digits.
    let bits = value.bits();
    let too_long = || {
        value_error(format!(
            "Exceeds the limit ({MAX_DIGITS} digits) for integer string conversion; use sys.set_int_max_str_digits() to increase the limit"
        ))
    };
    if bits > 14_300 {
        return Err(too_long());
    }
    let text = value.to_string();
    if text.trim_start_matches('-').len() > MAX_DIGITS {
        return Err(too_long());
    }
    Ok(text)
}

/// The text of `bin()`, `oct()` and `hex()`.
pub(crate) fn prefixed(value: Integer<'_>, base: u32) -> String {
    let prefix = match base {
        2 => "0b",
        8 => "0o",
        _ => "0x",
    };
    let digits = value.to_big().magnitude().to_str_radix(base);
    format!("{}{prefix}{digits}", if value.is_negative() { "-" } else { "" })
}

/// Returns whether `int()` and `float()` ignore this character around the digits.
pub(crate) fn is_blank(character: char) -> bool {
    matches!(character, '\t'..='\r' | ' ') || (!character.is_ascii() && character.is_whitespace())
}

/// Evaluates `int(text, base)`. The base is 2 to 36, or 0 to read the text as a literal.
pub(crate) fn parse(text: &str, base: u32) -> Result<BigInt> {
    let invalid = || {
        value_error(format!(
            "invalid literal for int() with base {base}: {}",
            super::quote::quoted(text)
        ))
    };
    let body = text.trim_matches(is_blank);
    let (negative, body) = match body.as_bytes().first() {
        Some(b'-') => (true, &body[1..]),
        Some(b'+') => (false, &body[1..]),
        _ => (false, body),
    };
    let (base, digits, prefixed) = split_base(body, base);
    let digits = if prefixed {
        digits.strip_prefix('_').unwrap_or(digits)
    } else {
        digits
    };
    let digits = plain_digits(digits).ok_or_else(invalid)?;
    let literal_base = base == 0;
    let base = if literal_base { 10 } else { base };
    if !digits.bytes().all(|digit| char::from(digit).is_digit(base)) {
        return Err(invalid());
    }
    if literal_base && digits.starts_with('0') && digits.bytes().any(|digit| digit != b'0') {
        return Err(invalid());
    }
    if !base.is_power_of_two() && digits.len() > MAX_DIGITS {
        return Err(value_error(format!(
            "Exceeds the limit ({MAX_DIGITS} digits) for integer string conversion: value has {} digits; use sys.set_int_max_str_digits() to increase the limit",
            digits.len()
        )));
    }
    let value = BigInt::parse_bytes(digits.as_bytes(), base).ok_or_else(invalid)?;
    Ok(if negative { -value } else { value })
}

/// Strips the prefix of a base, if it matches the base. Returns the base, which stays 0 if the text has no prefix.
fn split_base(text: &str, base: u32) -> (u32, &str, bool) {
    let found = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => 16,
        [b'0', b'o' | b'O', ..] => 8,
        [b'0', b'b' | b'B', ..] => 2,
        _ => return (base, text, false),
    };
    if base == 0 || base == found {
        (found, &text[2..], true)
    } else {
        (base, text, false)
    }
}

/// Removes underscores from digits. Each must be between two digits.
pub(crate) fn plain_digits(text: &str) -> Option<std::borrow::Cow<'_, str>> {
    if text.is_empty() || text.starts_with('_') || text.ends_with('_') || text.contains("__") {
        return None;
    }
    if text.contains('_') {
        return Some(text.replace('_', "").into());
    }
    Some(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn small_ints() {
        for value in [0, 7, -7, 10, 99, 100, i64::MAX, i64::MIN] {
            let mut out = Vec::new();
            push_small(value, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), value.to_string());
        }
    }

    #[test]
    fn the_digit_limit_is_exact() {
        let longest = BigInt::from(10).pow(4300) - 1;
        assert_eq!(decimal(&longest).unwrap().len(), 4300);
        assert_eq!(decimal(&-longest.clone()).unwrap().len(), 4301);
        assert_eq!(decimal(&(longest + 1)).unwrap_err().kind(), ErrorKind::ValueError);
        assert!(parse(&"9".repeat(4300), 10).is_ok());
        assert!(parse(&"9".repeat(4301), 10).is_err());
        assert!(parse(&"1".repeat(5000), 2).is_ok());
    }

    #[test]
    fn texts_and_bases() {
        for (text, base, value) in [
            (" 12\n", 10, 12),
            ("\u{2003}-7\u{a0}", 10, -7),
            ("1_000", 10, 1000),
            ("0x_f", 16, 15),
            ("0x_f", 0, 15),
            ("0b1", 16, 0xb1),
            ("00_0", 0, 0),
            ("z", 36, 35),
            ("+0o17", 0, 15),
        ] {
            assert_eq!(parse(text, base).unwrap(), BigInt::from(value), "{text} {base}");
        }
        for (text, base) in [
            ("", 10),
            ("_1", 10),
            ("1_", 10),
            ("1__0", 10),
            ("- 1", 10),
            ("09", 0),
            ("0x", 16),
            ("0x__f", 16),
            ("2", 2),
            ("\u{1c}5", 10),
            ("٣", 10),
            ("0_x1", 0),
            ("--1", 10),
            ("_0", 10),
        ] {
            assert!(parse(text, base).is_err(), "{text} {base}");
        }
    }
}
