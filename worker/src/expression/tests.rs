//! The language as a whole, from source to text.

use super::*;

/// The text of a value, or the name of the error's kind.
pub(super) fn eval(source: &str) -> String {
    let mut out = Vec::new();
    match Evaluator::new(Limits::default()).eval_into(source.as_bytes(), &Names::default(), &mut out) {
        Ok(()) => String::from_utf8(out).unwrap(),
        Err(error) => error.kind().to_string(),
    }
}

#[track_caller]
fn check(cases: &[(&str, &str)]) {
    for (source, expected) in cases {
        assert_eq!(eval(source), *expected, "{source}");
    }
}

#[test]
fn arithmetic() {
    check(&[
        ("1+2+3", "6"),
        ("2 + 3 * 4 ** 2 // 5 - -1", "12"),
        ("-2 ** 2", "-4"),
        ("2 ** -1", "0.5"),
        ("2 ** 3 ** 2", "512"),
        ("not 1 == 2", "True"),
        ("1 < 2 < 3 != 4", "True"),
        ("1 < 3 < 2 < 1/0", "False"),
        ("0 or '' or [] or 'x'", "'x'"),
        ("1 and 0 and 1/0", "0"),
        ("1 if 0 else 2 if 0 else 3", "3"),
        ("9223372036854775807 + 1 - 1", "9223372036854775807"),
        (
            "7 // -2, -7 % 3, 7.5 // 2",
            "(-4, -1 + 3, 3.0)".replace("-1 + 3", "2").as_str(),
        ),
        ("1 / 0", "ZeroDivisionError"),
        ("True & False, True | 2, True + True", "(False, 3, 2)"),
        ("None is None, 1 is not None", "(True, True)"),
        ("1 is 1", "Unsupported"),
        ("'a' + 1", "TypeError"),
        ("undefined", "NameError"),
        ("len", "Unsupported"),
    ]);
}
