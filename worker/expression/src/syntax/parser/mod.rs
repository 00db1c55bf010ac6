//! Parses a source into a [`Program`], in one pass, with operator precedence and an explicit stack.
//!
//! Owns the two states of the parser: it expects an operand, or an operator. Brackets are in `frame`, comprehensions in
//! `comprehension`, the emission of operators in `pending`. Nothing here recurses, so no source can overflow the thread's
//! stack.

mod call;
mod clauses;
mod comprehension;
mod frame;
mod operand;
mod operator;
mod pending;
mod subscript;
mod targets;

use self::frame::{Frame, FrameKind};
use self::pending::Pending;
use crate::error::{Error, Result, limit_exceeded, syntax_error};
use crate::limits::Limits;
use crate::machine::program::{Op, Program, small};
use crate::syntax::scan::Scanner;

/// The buffers of the parser, reused for the next source.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    pending: Vec<Pending>,
    operands: Vec<Operand>,
    frames: Vec<Frame>,
    text: Vec<u8>,
    string_end: u32,
}

/// A finished operand: its range in the source and the start of its code.
#[derive(Debug, Clone, Copy)]
struct Operand {
    start: u32,
    end: u32,
    code: u32,
}

/// What the parser expects next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expect {
    Operand,
    Operator,
    Done,
}

struct Parser<'a> {
    scanner: Scanner<'a>,
    program: &'a mut Program,
    workspace: &'a mut Workspace,
    depth: usize,
    max_depth: usize,
    max_int_bits: u64,
    /// The symbol, if the last token was a name that could be a function or a keyword.
    bare_name: Option<u32>,
}

/// Parses a source into an empty program.
pub(crate) fn parse(
    source: &[u8],
    limits: &Limits,
    program: &mut Program,
    workspace: &mut Workspace,
) -> Result<()> {
    if source.len() > limits.max_source {
        return Err(limit_exceeded(format!(
            "a source longer than {} bytes",
            limits.max_source
        )));
    }
    check_text(source)?;
    workspace.clear();
    let scanner = Scanner {
        source,
        position: 0,
        brackets: 0,
    };
    let mut parser = Parser {
        scanner,
        program,
        workspace,
        depth: 0,
        max_depth: limits.max_depth,
        max_int_bits: limits.max_int_bits,
        bare_name: None,
    };
    parser.run()
}

/// Checks that a source is UTF-8 without NUL.
fn check_text(source: &[u8]) -> Result<()> {
    if let Err(error) = std::str::from_utf8(source) {
        let start = error.valid_up_to();
        let end = error.error_len().map_or(source.len(), |length| start + length);
        return Err(
            syntax_error("(unicode error) 'utf-8' codec can't decode bytes: invalid UTF-8")
                .at(small(start), small(end)),
        );
    }
    if let Some(place) = source.iter().position(|&byte| byte == 0) {
        let place = small(place);
        return Err(syntax_error("source code string cannot contain null bytes").at(place, place + 1));
    }
    Ok(())
}

impl Workspace {
    fn clear(&mut self) {
        self.pending.clear();
        self.operands.clear();
        self.frames.clear();
        self.text.clear();
    }
}

impl Parser<'_> {
    fn run(&mut self) -> Result<()> {
        self.scanner.skip_head()?;
        self.workspace
            .frames
            .push(Frame::new(FrameKind::Top, self.scanner.offset(), 0));
        self.workspace.pending.push(Pending::Bracket);
        let mut expect = Expect::Operand;
        while expect != Expect::Done {
            expect = match expect {
                Expect::Operand => self.operand()?,
                _ => self.operator()?,
            };
        }
        Ok(())
    }

    /// Adds one level of nesting, unless it exceeds the limit.
    fn deepen(&mut self, start: u32) -> Result<()> {
        self.depth += 1;
        if self.depth > self.max_depth {
            let error = limit_exceeded(format!("an expression nested more than {} deep", self.max_depth));
            return Err(error.at(start, start + 1));
        }
        Ok(())
    }

    fn push_operand(&mut self, start: u32, end: u32, code: u32) {
        self.workspace.operands.push(Operand { start, end, code });
    }

    /// Emits an operation that is a whole operand.
    fn emit_operand(&mut self, op: Op, start: u32, end: u32) {
        let code = self.here();
        self.program.push(op, start, end);
        self.push_operand(start, end, code);
    }

    fn pop_operand(&mut self) -> Operand {
        let here = self.here();
        self.workspace.operands.pop().unwrap_or(Operand {
            start: 0,
            end: 0,
            code: here,
        })
    }

    /// The index of the next operation.
    fn here(&self) -> u32 {
        small(self.program.len())
    }

    fn offset(&self) -> u32 {
        self.scanner.offset()
    }

    /// The error for the character here.
    #[cold]
    fn invalid(&self) -> Error {
        let error = syntax_error("invalid syntax");
        error.at(
            self.offset(),
            self.offset() + u32::from(self.scanner.peek().is_some()),
        )
    }
}

#[cfg(test)]
mod tests;
