//! Conversion between floats and text, in both directions.
//!
//! Owns the layout of float text. The crate `zmij` finds the digits.

use super::int_text::{is_blank, plain_digits, push_small};
use crate::error::{Result, value_error};

/// Appends the repr of a float.
pub(crate) fn push_float(value: f64, out: &mut Vec<u8>) {
    if !value.is_finite() {
        let text = match (value.is_nan(), value < 0.0) {
            (true, _) => "nan",
            (false, true) => "-inf",
            (false, false) => "inf",
        };
        out.extend_from_slice(text.as_bytes());
        return;
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the range is tested in the same expression"
    )]
    #[expect(clippy::float_cmp, reason = "the test for a fraction is exact")]
    if value.abs() < 1e15 && value.trunc() == value {
        if value == 0.0 && value.is_sign_negative() {
            out.push(b'-');
        }
        push_small(value as i64, out);
        out.extend_from_slice(b".0");
        return;
    }
    let mut buffer = zmij::Buffer::new();
    lay_out(buffer.format_finite(value).as_bytes(), out);
}

/// Converts a number in any notation to Python's.
fn lay_out(text: &[u8], out: &mut Vec<u8>) {
    let (negative, text) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    let (mantissa, exponent) = match text.iter().position(|&byte| byte == b'e') {
        Some(place) => (&text[..place], parse_exponent(&text[place + 1..])),
        None => (text, 0),
    };
    let whole = mantissa
        .iter()
        .position(|&byte| byte == b'.')
        .unwrap_or(mantissa.len());
    let mut digits = [0_u8; 40];
    let mut count = 0;
    let mut leading = 0;
    for &digit in mantissa.iter().filter(|&&byte| byte != b'.') {
        if count == 0 && digit == b'0' {
            leading += 1;
        } else if count < digits.len() {
            digits[count] = digit;
            count += 1;
        }
    }
    while count > 1 && digits[count - 1] == b'0' {
        count -= 1;
    }
    let point = i32::try_from(whole).unwrap_or(0) + exponent - leading;
    if negative {
        out.push(b'-');
    }
    push_digits(&digits[..count], point, out);
}

fn parse_exponent(text: &[u8]) -> i32 {
    std::str::from_utf8(text)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(0)
}

/// Appends digits with the decimal point after the first `point` of them.
fn push_digits(digits: &[u8], point: i32, out: &mut Vec<u8>) {
    if !(-3..=16).contains(&point) {
        out.push(digits[0]);
        if digits.len() > 1 {
            out.push(b'.');
            out.extend_from_slice(&digits[1..]);
        }
        let exponent = point - 1;
        out.extend_from_slice(if exponent < 0 { b"e-" } else { b"e+" });
        if exponent.abs() < 10 {
            out.push(b'0');
        }
        push_small(i64::from(exponent.abs()), out);
        return;
    }
    let whole = usize::try_from(point).unwrap_or(0);
    if whole == 0 {
        out.extend_from_slice(b"0.");
        out.resize(out.len() + usize::try_from(-point).unwrap_or(0), b'0');
        out.extend_from_slice(digits);
    } else if whole < digits.len() {
        out.extend_from_slice(&digits[..whole]);
        out.push(b'.');
        out.extend_from_slice(&digits[whole..]);
    } else {
        out.extend_from_slice(digits);
        out.resize(out.len() + whole - digits.len(), b'0');
        out.extend_from_slice(b".0");
    }
}

/// Evaluates `float(text)`.
pub(crate) fn parse(text: &str) -> Result<f64> {
    let invalid = || {
        value_error(format!(
            "could not convert string to float: {}",
            super::quote::quoted(text)
        ))
    };
    let body = text.trim_matches(is_blank);
    let unsigned = body.strip_prefix(['+', '-']).unwrap_or(body);
    if ["inf", "infinity", "nan"]
        .iter()
        .any(|word| unsigned.eq_ignore_ascii_case(word))
    {
        return body.parse().map_err(|_| invalid());
    }
    if !unsigned.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        return Err(invalid());
    }
    decimal(body).ok_or_else(invalid)
}

/// Parses a decimal float that may have underscores between digits, as a literal may.
pub(crate) fn decimal(text: &str) -> Option<f64> {
    if !text.contains('_') {
        return text.parse().ok();
    }
    let between_digits = text
        .split(['.', 'e', 'E', '+', '-'])
        .all(|part| part.is_empty() || plain_digits(part).is_some());
    if between_digits {
        text.replace('_', "").parse().ok()
    } else {
        None
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn text(value: f64) -> String {
        let mut out = Vec::new();
        push_float(value, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn layout_is_that_of_cpython() {
        for (value, expected) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (0.1, "0.1"),
            (1e15, "1000000000000000.0"),
            (9_999_999_999_999_998.0, "9999999999999998.0"),
            (1e16, "1e+16"),
            (1.5e16, "1.5e+16"),
            (123_456_789_012_345_680.0, "1.2345678901234568e+17"),
            (1e-4, "0.0001"),
            (0.000_123_4, "0.0001234"),
            (1e-5, "1e-05"),
            (-1.25e-7, "-1.25e-07"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (1e22, "1e+22"),
            (100.5, "100.5"),
            (f64::NAN, "nan"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(text(value), expected);
        }
    }

    #[test]
    fn texts() {
        for (source, value) in [
            (" 1_0.5 ", "10.5"),
            ("1e400", "inf"),
            ("-INFINITY", "-inf"),
            ("+nan", "nan"),
            (".5", "0.5"),
            ("5.", "5.0"),
            ("\u{3000}1\u{85}", "1.0"),
            ("1_0e1_0", "100000000000.0"),
        ] {
            assert_eq!(text(parse(source).unwrap()), value);
        }
        for source in [
            "", " ", ".", "1_", "_1", "1__0", "1_.5", "1._5", "1e", "e5", "1e_5", "infinit", "--1", "+-1",
            "0x1", "1e5_", "٣", "in", "1 2", "1_e5",
        ] {
            assert!(parse(source).is_err(), "{source}");
        }
    }
}
