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
