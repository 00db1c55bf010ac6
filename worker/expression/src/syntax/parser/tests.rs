//! The shape of programs, and sources that are no expressions.

use super::*;
use crate::ErrorKind;
use crate::operator::arithmetic::BinaryOperator;

fn kind(source: &str) -> Option<ErrorKind> {
    let outcome = parse(
        source.as_bytes(),
        &Limits::default(),
        &mut Program::default(),
        &mut Workspace::default(),
    );
    outcome.err().map(|error| error.kind())
}

#[test]
fn postfix_order() {
    let mut program = Program::default();
    parse(
        b"1 + 2 * 3",
        &Limits::default(),
        &mut program,
        &mut Workspace::default(),
    )
    .unwrap();
    let expected = [
        Op::Integer(1),
        Op::Integer(2),
        Op::BinaryInteger(BinaryOperator::Multiply, 3),
        Op::Binary(BinaryOperator::Add),
    ];
    assert_eq!(program.ops, expected);
    assert_eq!((program.spans[3].start, program.spans[3].end), (0, 9));
}

#[test]
fn operators_hold_a_literal_only_if_it_is_their_whole_operand() {
    let ops = |source: &str| {
        let mut program = Program::default();
        parse(
            source.as_bytes(),
            &Limits::default(),
            &mut program,
            &mut Workspace::default(),
        )
        .unwrap();
        program.ops
    };
    assert_eq!(ops("-7"), [Op::Integer(-7)]);
    let carried = Op::BinaryInteger(BinaryOperator::Add, 1);
    assert_eq!(ops("x + 1").last(), Some(&carried));
    for source in [
        "x + (1 if y else 1)",
        "x + (y and 1)",
        "x + [1][1]",
        "x + 5000000000",
    ] {
        assert_eq!(
            ops(source).last(),
            Some(&Op::Binary(BinaryOperator::Add)),
            "{source}"
        );
    }
}

#[test]
fn invalid_sources_are_syntax_errors() {
    for source in [
        "",
        " ",
        "+",
        "1 +",
        "(1",
        "1)",
        "(1]",
        "[1,,2]",
        "{1, 2: 3}",
        "{1: 2, 3}",
        "{1:}",
        "1 not 2",
        "not",
        "1 < not 2",
        "- not 1",
        "1 2",
        "1\n2",
        "x = 1",
        "x += 1",
        "f(a=)",
        "f(1=2)",
        "f((a)=1)",
        "f(a=1, 2)",
        "f(a=1, a=2)",
        "f(,)",
        "(,)",
        "x[]",
        "x[1:2:3:4]",
        "1 if 2",
        "1 if 2 else",
        "1 else 2",
        "1 if 2 if 3 else 4 else 5",
        "[x for x in a if b else c]",
        "[for x in l]",
        "[x for in l]",
        "[x for x l]",
        "[x for 1 in l]",
        "[x, y for x in l]",
        "f(x for x in l, 1)",
        "f(1, x for x in l)",
        "[x for x in l, 1]",
        "x for x in l",
        "print 1",
        "if 1: 2",
        "a b",
        "import x",
        "1 <> 2",
        "1 && 2",
        "$1",
        "a?",
        "1;",
        "'a' 1",
        "x.",
        "f(a=x for x in l)",
        "é",
        "1 = 2",
        "[x for (x in l]",
        "[x for (x] in l]",
        "[x for x, , y in l]",
    ] {
        let found = kind(source);
        assert!(
            matches!(found, Some(ErrorKind::SyntaxError | ErrorKind::Unsupported)),
            "{source}: {found:?}"
        );
    }
}

#[test]
fn python_outside_the_language_is_unsupported() {
    for source in [
        "lambda: 1",
        "(y := 1)",
        "[y := 1, y]",
        "x[a := 1]",
        "await x",
        "(yield)",
        "[x async for x in l]",
        "(*l,)",
        "{*l}",
        "f(*l)",
        "f(**d)",
        "{**d}",
        "(x for x in l)",
        "...",
        "x.y",
        "x.y()",
        "math.pi.real",
        "f'x'",
        "b'x'",
        "1j",
        "[max for max in l]",
        "[math for math in l]",
        "x is y",
        "x is 1 is None",
        "[x for x[0] in l]",
        "[x for *x in l]",
    ] {
        assert_eq!(kind(source), Some(ErrorKind::Unsupported), "{source}");
    }
}

#[test]
fn valid_expressions_are_accepted() {
    for source in [
        "()",
        "(1,)",
        "1,",
        "1, 2,\n",
        "[]",
        "{}",
        "{1}",
        "{1,}",
        "{1: 2,}",
        "f()",
        "f(1,)",
        "f(a=1,)",
        "f(1, a=1, b=2)",
        "x[:]",
        "x[::]",
        "x[1:]",
        "x[:1]",
        "x[::1]",
        "x[1:2:3]",
        "x[1,]",
        "x[1:2,]",
        "x[:, :]",
        "x[1, 2:3]",
        "x()()[0](1)",
        "[x for x in l]",
        "[x for x, in l]",
        "[x for (x) in l]",
        "[x for [x] in l]",
        "[x for () in l]",
        "[x for x, (y, [z]) in l if x if y for w in x]",
        "{x: y for x, y in l}",
        "{x for x in l}",
        "sum(x for x in l)",
        "f(x for x in l)",
        "not not 1",
        "- - + ~ 1",
        "2 ** -1",
        "1 not in x",
        "1 is not None",
        "1 < 2 < 3",
        "[a if b else c for d in e]",
        "a if b else c if d else e",
        "(a if b else c) if d else e",
        "(1\n+\n2)",
        "1 + \\\n 2",
        "[x for x in not y]",
        "[x for x in a or b if not c]",
        "math . pi",
        "math.sqrt(2)",
        "'a' r'b' \"c\"",
        "('a'\n'b')",
        "u'a'",
        "match",
        "_",
        "1if x else 2",
        "[1for x in l]",
        "0x1or x",
    ] {
        assert_eq!(kind(source), None, "{source}");
    }
}

#[test]
fn nesting_is_limited_and_chains_are_not() {
    for (open, close) in [
        ("(", ")"),
        ("[", "]"),
        ("-", ""),
        ("not ", ""),
        ("abs(", ")"),
        ("{1:", "}"),
        ("1**", ""),
    ] {
        let nested = |depth: usize| kind(&format!("{}1{}", open.repeat(depth), close.repeat(depth)));
        assert_eq!(nested(200), None, "{open}");
        assert_eq!(nested(201), Some(ErrorKind::LimitExceeded), "{open}");
    }
    for link in ["1+", "0 or ", "1 and ", "1<", "0 if 0 else ", "1,"] {
        assert_eq!(kind(&format!("{}1", link.repeat(1000))), None, "{link}");
    }
    assert_eq!(kind(&format!("x{}", "[0]".repeat(3000))), None);
    assert_eq!(kind(&format!("x{}", "()".repeat(3000))), None);
}

#[test]
fn sources_are_utf8_of_limited_length() {
    let parse = |source: &[u8]| {
        let mut program = Program::default();
        parse(
            source,
            &Limits::default(),
            &mut program,
            &mut Workspace::default(),
        )
        .unwrap_err()
    };
    assert_eq!(parse(b"'\xff'").kind(), ErrorKind::SyntaxError);
    assert_eq!((parse(b"'\xff'").start(), parse(b"'\xff'").end()), (1, 2));
    assert_eq!(parse(b"1 #\0").kind(), ErrorKind::SyntaxError);
    assert_eq!(
        parse(" ".repeat(20_000).as_bytes()).kind(),
        ErrorKind::LimitExceeded
    );
}

#[test]
fn syntax_errors_have_exact_ranges() {
    let range = |source: &str| {
        let mut program = Program::default();
        let error = parse(
            source.as_bytes(),
            &Limits::default(),
            &mut program,
            &mut Workspace::default(),
        )
        .unwrap_err();
        (error.start(), error.end())
    };
    assert_eq!(range("1 + )"), (4, 5));
    assert_eq!(range("(1, [2"), (4, 5));
    assert_eq!(range("1 + f'x'"), (5, 6));
    assert_eq!(range("a b"), (2, 3));
}
