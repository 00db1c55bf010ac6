//! The shape of programs, and what is no expression.

use super::*;
use crate::expression::ErrorKind;

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
    assert_eq!(program.ops.len(), 5);
    assert_eq!(program.ops[..3], [Op::Integer(1), Op::Integer(2), Op::Integer(3)]);
    assert_eq!((program.spans[4].start, program.spans[4].end), (0, 9));
}

#[test]
fn what_follows_a_point_decides_what_is_wrong_with_it() {
    for source in ["x.y", "x . y", "(x\n.y)", "1 .real", "'a'.upper()", "x.a.b"] {
        assert_eq!(kind(source), Some(ErrorKind::Unsupported), "{source}");
    }
    for source in ["0x1.0", "7.77.", "x.", "x.1", "x.if", "x..y", "x.(y)", "0x1.0p-3"] {
        assert_eq!(kind(source), Some(ErrorKind::SyntaxError), "{source}");
    }
}

#[test]
fn what_is_no_expression_is_refused_before_anything_is_evaluated() {
    for source in [
        "",
        "1 +",
        "1 2",
        "(1",
        "1)",
        "1/0 +",
        "a b",
        "if",
        "1 if 2",
        "[1, 2",
        "x = 1",
        "{1: 2, 3}",
    ] {
        assert_eq!(kind(source), Some(ErrorKind::SyntaxError), "{source:?}");
    }
    for source in ["lambda: 1", "f'{x}'", "b''", "1j", "(yield)", "x := 1", "..."] {
        assert!(
            matches!(
                kind(source),
                Some(ErrorKind::Unsupported | ErrorKind::SyntaxError)
            ),
            "{source}"
        );
    }
}
