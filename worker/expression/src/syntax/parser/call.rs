//! Calls: what can be called, and keyword arguments.

use super::frame::{Frame, FrameKind};
use super::pending::Pending;
use super::{Expect, Parser};
use crate::error::{Result, syntax_error};
use crate::machine::program::{CallShape, Op, small};

impl Parser<'_> {
    /// Handles `(` after an operand.
    pub(super) fn open_call(&mut self) -> Result<Expect> {
        let Some(&callee) = self.workspace.operands.last() else {
            return Err(self.invalid());
        };
        let mut function = None;
        match self.program.ops.last_mut() {
            Some(op @ Op::Name(_)) if self.bare_name.is_some() => {
                if let Op::Name(symbol) = *op {
                    function = self.program.symbols[symbol as usize].function;
                    *op = Op::Callee(symbol);
                }
            }
            Some(Op::MathFunction(math)) => function = Some(math.function()),
            _ => {}
        }
        let kind = FrameKind::Call {
            function,
            keywords: Vec::new(),
            has_keyword: false,
        };
        self.push_frame(Frame::new(kind, callee.start, callee.code))
    }

    /// Handles `name=` in an argument list.
    pub(super) fn equals_sign(&mut self) -> Result<Expect> {
        let invalid = self.invalid();
        let Some(symbol) = self.bare_name else {
            return Err(invalid);
        };
        let is_bracket = matches!(self.top(), Pending::Bracket);
        let start = self.workspace.operands.last().map_or(0, |operand| operand.start);
        let program = &self.program;
        let source = self.scanner.source;
        let name = |symbol: u32| program.symbols[symbol as usize].text(source);
        let Some(Frame {
            kind:
                FrameKind::Call {
                    keywords,
                    has_keyword: has_keyword @ false,
                    ..
                },
            ..
        }) = self.workspace.frames.last_mut()
        else {
            return Err(invalid);
        };
        if !is_bracket {
            return Err(invalid);
        }
        if keywords.contains(&symbol) {
            return Err(
                syntax_error(format!("keyword argument repeated: {}", name(symbol)))
                    .at(start, self.scanner.offset()),
            );
        }
        if name(symbol) == "__debug__" {
            return Err(syntax_error("cannot assign to __debug__"));
        }
        keywords.push(symbol);
        *has_keyword = true;
        self.program.pop();
        self.pop_operand();
        self.bare_name = None;
        self.scanner.position += 1;
        Ok(Expect::Operand)
    }

    pub(super) fn call(&mut self, count: u32, keywords: Vec<u32>) -> Op {
        if keywords.is_empty() {
            return Op::Call(count);
        }
        let positional = (count as usize).saturating_sub(keywords.len());
        self.program.shapes.push(CallShape { positional, keywords });
        Op::CallKeywords(small(self.program.shapes.len() - 1))
    }
}
