//! Tests of the whole language, from source to text.

use crate::*;

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

/// The source range of an error, and its message.
fn blamed(source: &str) -> (&str, String) {
    let error = Expression::parse(source)
        .and_then(|expression| expression.evaluate(&Names::default(), &Limits::default()))
        .unwrap_err();
    (&source[error.start()..error.end()], error.message().to_owned())
}

#[test]
fn errors_have_the_ranges_of_cpython() {
    for (source, part) in [
        (" (1 + 2) / (3 - 3) + 4", "(1 + 2) / (3 - 3)"),
        ("1 + r'a'[5]", "r'a'[5]"),
        ("u'a' 'b' [5], 2", "u'a' 'b' [5]"),
        ("[0 for a, in [(1, 2)]]", "a,"),
        ("[0 for  a , b in [1]]", "a , b"),
        ("[0 for a, (b, c) in [(1, 2)]]", "(b, c)"),
        ("2 * [0 for a in 5]", "[0 for a in 5]"),
        ("{0: a for b in [1] for a in b}", "{0: a for b in [1] for a in b}"),
        ("{a for a in [[]]}", "{a for a in [[]]}"),
        ("any(a for a in 5)", "(a for a in 5)"),
        ("[{b for b in a} for a in [[[]]]]", "{b for b in a}"),
        ("[[b for b in [1]] for a in 5]", "[[b for b in [1]] for a in 5]"),
        ("(len)(5)", "len"),
        ("len(5)[0]", "len(5)"),
        ("{1: 2}[3]", "{1: 2}[3]"),
        ("-'a'", "-'a'"),
        ("1 < 2 < 'a'", "1 < 2 < 'a'"),
    ] {
        assert_eq!(blamed(source).0, part, "{source}");
    }
}

#[test]
fn errors_have_the_messages_of_cpython() {
    for (source, message) in [
        ("math.sqrt()", "math.sqrt() takes exactly one argument (0 given)"),
        ("len()", "len() takes exactly one argument (0 given)"),
        ("math.sqrt(x=1)", "math.sqrt() takes no keyword arguments"),
        (
            "math.prod()",
            "prod() takes exactly 1 positional argument (0 given)",
        ),
        ("math.log(1, 2, 3)", "math.log requires 1 to 2 arguments"),
        ("math.perm(-1)", "factorial() not defined for negative values"),
        (
            "pow(bas=1, exp=2)",
            "pow() missing required argument 'base' (pos 1)",
        ),
        (
            "[a for a in [1] for b in [b]]",
            "cannot access local variable 'b' where it is not associated with a value",
        ),
        (
            "[[b for c in [b]] for a in [1] for d in [[b for d in [1]]] for b in [1]]",
            "cannot access free variable 'b' where it is not associated with a value in enclosing scope",
        ),
    ] {
        assert_eq!(blamed(source).1, message, "{source}");
    }
}

#[test]
fn a_range_never_shows_a_step_that_it_does_not_have() {
    check(&[
        ("range(3)[::10**30]", "LimitExceeded"),
        ("range(3)[::2**63 - 1]", "range(0, 3, 9223372036854775807)"),
        ("[1, 2, 3][::10**30]", "[1]"),
        ("range(3)[10**30:]", "range(3, 3)"),
    ]);
}
