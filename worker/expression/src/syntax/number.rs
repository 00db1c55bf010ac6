//! Number literals.
//!
//! Owns the syntax of int and float literals and what may directly follow one. The arguments of `int()` and `float()`
//! follow other rules: see `int_text` and `float_text`.

use num_bigint::BigInt;

use super::scan::is_name_byte;
use crate::error::{Result, syntax_error, unsupported};
use crate::text::float_text::decimal;
use crate::text::int_text::{MAX_DIGITS, plain_digits};

/// The value of a number literal.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Literal {
    Int(i64),
    Big(BigInt),
    Float(f64),
}

/// Reads an int of a few digits, the most common number by far. Also returns the offset after it.
#[inline]
pub(crate) fn scan_short(source: &[u8], start: usize) -> Option<(i32, usize)> {
    const LONGEST: usize = 9;
    let mut end = start;
    let mut value = 0;
    loop {
        match source.get(end) {
            Some(digit @ b'0'..=b'9') if end - start < LONGEST => {
                value = value * 10 + i32::from(digit - b'0');
                end += 1;
            }
            // A leading zero, or the start of a longer number.
            Some(b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'_' | b'.' | 0x80..) => return None,
            _ => break,
        }
    }
    let is_octal_of_old = end - start > 1 && source[start] == b'0';
    (end > start && !is_octal_of_old).then_some((value, end))
}

/// Reads the number at `start`, which is a digit, or a point and a digit. Also returns the offset after it.
pub(crate) fn scan(source: &[u8], start: usize) -> Result<(Literal, usize)> {
    let (literal, end) = match source.get(start..start + 2) {
        Some([b'0', b'x' | b'X']) => prefixed(source, start, 16)?,
        Some([b'0', b'o' | b'O']) => prefixed(source, start, 8)?,
        Some([b'0', b'b' | b'B']) => prefixed(source, start, 2)?,
        _ => decimal_number(source, start)?,
    };
    check_end(source, start, end, literal)
}

/// Checks that no letter or digit directly follows a number, except the start of a keyword.
fn check_end(source: &[u8], start: usize, end: usize, literal: Literal) -> Result<(Literal, usize)> {
    const MAY_FOLLOW: [&[u8]; 8] = [b"and", b"else", b"for", b"if", b"in", b"is", b"not", b"or"];
    let rest = &source[end..];
    let Some(&next) = rest.first() else {
        return Ok((literal, end));
    };
    if matches!(next, b'j' | b'J') {
        return Err(unsupported("complex numbers").at(offset(start), offset(end + 1)));
    }
    if (is_name_byte(next) || !next.is_ascii()) && !MAY_FOLLOW.iter().any(|word| rest.starts_with(word)) {
        let kind = match source.get(start..start + 2) {
            Some([b'0', b'x' | b'X']) => "hexadecimal",
            Some([b'0', b'o' | b'O']) => "octal",
            Some([b'0', b'b' | b'B']) => "binary",
            _ => "decimal",
        };
        return Err(syntax_error(format!("invalid {kind} literal")).at(offset(start), offset(end + 1)));
    }
    Ok((literal, end))
}

fn offset(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

/// Reads a number with the prefix `0x`, `0o` or `0b`.
fn prefixed(source: &[u8], start: usize, base: u32) -> Result<(Literal, usize)> {
    let kind = match base {
        16 => "hexadecimal",
        8 => "octal",
        _ => "binary",
    };
    let invalid = |end| syntax_error(format!("invalid {kind} literal")).at(offset(start), offset(end));
    let first = start + 2;
    let is_digit = |byte: u8| char::from(byte).is_digit(base);
    let end = skip(source, first, |byte| is_digit(byte) || byte == b'_');
    if source.get(end).is_some_and(u8::is_ascii_digit) {
        let digit = char::from(source[end]);
        return Err(syntax_error(format!("invalid digit '{digit}' in {kind} literal"))
            .at(offset(start), offset(end + 1)));
    }
    let text = ascii(&source[first..end]);
    let digits = plain_digits(text.strip_prefix('_').unwrap_or(text)).ok_or_else(|| invalid(end))?;
    let value = match i64::from_str_radix(&digits, base) {
        Ok(small) => Literal::Int(small),
        Err(_) => Literal::Big(BigInt::parse_bytes(digits.as_bytes(), base).ok_or_else(|| invalid(end))?),
    };
    Ok((value, end))
}

/// Reads a decimal int or a float.
fn decimal_number(source: &[u8], start: usize) -> Result<(Literal, usize)> {
    let invalid = |end| syntax_error("invalid decimal literal").at(offset(start), offset(end));
    let whole_end = digits_end(source, start).ok_or_else(|| invalid(start + 1))?;
    let mut end = whole_end;
    if source.get(end) == Some(&b'.') {
        end = digits_end(source, end + 1).ok_or_else(|| invalid(whole_end + 1))?;
    }
    if matches!(source.get(end), Some(b'e' | b'E')) {
        let signed = matches!(source.get(end + 1), Some(b'+' | b'-'));
        let first = end + 1 + usize::from(signed);
        if source.get(first).is_some_and(u8::is_ascii_digit) {
            end = digits_end(source, first).ok_or_else(|| invalid(first + 1))?;
        } else if signed {
            return Err(invalid(first));
        }
    }
    let text = ascii(&source[start..end]);
    if end > whole_end {
        return Ok((Literal::Float(decimal(text).ok_or_else(|| invalid(end))?), end));
    }
    if text.starts_with('0')
        && text.bytes().any(|digit| !matches!(digit, b'0' | b'_'))
        && !is_imaginary(source, end)
    {
        return Err(syntax_error(
            "leading zeros in decimal integer literals are not permitted; use an 0o prefix for octal integers",
        )
        .at(offset(start), offset(end)));
    }
    decimal_int(text)
        .map(|value| (value, end))
        .map_err(|error| error.at(offset(start), offset(end)))
}

fn is_imaginary(source: &[u8], end: usize) -> bool {
    matches!(source.get(end), Some(b'j' | b'J'))
}

fn decimal_int(text: &str) -> Result<Literal> {
    let digits = plain_digits(text).ok_or_else(|| syntax_error("invalid decimal literal"))?;
    if let Ok(small) = digits.parse() {
        return Ok(Literal::Int(small));
    }
    if digits.len() > MAX_DIGITS {
        return Err(syntax_error(format!(
            "Exceeds the limit ({MAX_DIGITS} digits) for integer string conversion: value has {} digits; use sys.set_int_max_str_digits() to increase the limit - Consider hexadecimal for huge integer literals to avoid decimal conversion limits.",
            digits.len()
        )));
    }
    let value =
        BigInt::parse_bytes(digits.as_bytes(), 10).ok_or_else(|| syntax_error("invalid decimal literal"))?;
    Ok(Literal::Big(value))
}

/// The offset after digits with single underscores between them; `None` for misplaced underscores.
fn digits_end(source: &[u8], start: usize) -> Option<usize> {
    let end = skip(source, start, |byte| byte.is_ascii_digit() || byte == b'_');
    if end == start || plain_digits(ascii(&source[start..end])).is_some() {
        Some(end)
    } else {
        None
    }
}

fn skip(source: &[u8], mut place: usize, wanted: impl Fn(u8) -> bool) -> usize {
    while source.get(place).is_some_and(|&byte| wanted(byte)) {
        place += 1;
    }
    place
}

fn ascii(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    fn literal(source: &str) -> (Literal, usize) {
        let (literal, end) = scan(source.as_bytes(), 0).unwrap();
        if let Some((value, short_end)) = scan_short(source.as_bytes(), 0) {
            assert_eq!(
                (Literal::Int(value.into()), short_end),
                (literal.clone(), end),
                "{source}"
            );
        }
        (literal, end)
    }

    #[test]
    fn short_numbers_are_recognised() {
        for (source, expected) in [
            ("0", Some((0, 1))),
            ("7)", Some((7, 1))),
            ("123456789+", Some((123_456_789, 9))),
            ("1234567890", None),
            ("00", None),
            ("1if", None),
            ("1.", None),
            ("1é", None),
            (".5", None),
        ] {
            assert_eq!(scan_short(source.as_bytes(), 0), expected, "{source}");
        }
    }

    #[test]
    fn ints() {
        for (source, value, end) in [
            ("0", 0, 1),
            ("00_0", 0, 4),
            ("1_000", 1000, 5),
            ("0xFf", 255, 4),
            ("0x_f", 15, 4),
            ("0o17", 15, 4),
            ("0b1_0", 2, 5),
            ("9223372036854775807", i64::MAX, 19),
            ("1if", 1, 1),
            ("1else", 1, 1),
            ("0x1for", 0x1f, 4),
            ("0xfor", 0xf, 3),
            ("7)", 7, 1),
        ] {
            assert_eq!(literal(source), (Literal::Int(value), end), "{source}");
        }
        assert_eq!(
            literal("9223372036854775808").0,
            Literal::Big(BigInt::from(1_u64 << 63))
        );
    }

    #[test]
    fn floats() {
        for (source, value, end) in [
            ("1.", 1.0, 2),
            (".5", 0.5, 2),
            ("1e5", 1e5, 3),
            ("1_0.5_0E-1_0", 10.5e-10, 12),
            ("007.5", 7.5, 5),
            ("09e1", 90.0, 4),
            ("1e400", f64::INFINITY, 5),
            ("1.else", 1.0, 2),
            ("1.5if", 1.5, 3),
        ] {
            assert_eq!(literal(source), (Literal::Float(value), end), "{source}");
        }
    }

    #[test]
    fn refusals() {
        for source in [
            "1_", "1__0", "0777", "0_7", "0b2", "0o8", "0x", "0xg", "0b", "1e+", "1.e", "12abc", "1_.5",
            "1._5", "1e1_", "1é", "0b12", "1e5x", "0x_", "0x1_", "1.5e", "08",
        ] {
            assert_eq!(
                scan(source.as_bytes(), 0).unwrap_err().kind(),
                ErrorKind::SyntaxError,
                "{source}"
            );
        }
        for source in ["1j", "1.5J", "09j", "1e5j"] {
            assert_eq!(
                scan(source.as_bytes(), 0).unwrap_err().kind(),
                ErrorKind::Unsupported,
                "{source}"
            );
        }
        assert!(scan("9".repeat(4301).as_bytes(), 0).is_err());
        assert!(scan("9".repeat(4300).as_bytes(), 0).is_ok());
    }
}
