//! Comprehensions, and generators as the only argument of a function.
//!
//! Owns the order of their code: the element comes first in the source and last in the program. It is parsed once, in
//! place, and moved when the bracket closes.
//!
//! ```text
//!     first iterable; Iterate; Enter
//!     next:  Next -> exit; targets; filters (back to next); further loops, nested
//!            element; Append; back to the innermost next
//!     exit:  Leave
//! ```

use super::clauses::{Clause, Clauses};
use super::frame::{Frame, FrameKind};
use super::{Expect, Parser};
use crate::builtins::{ALL, ANY};
use crate::error::{Result, syntax_error, unsupported};
use crate::machine::program::{Collector, Op, Program, Scope, Span, small};
use crate::object::function::Function;

impl Parser<'_> {
    /// Handles `for`, which ends the element of a comprehension or a clause.
    pub(super) fn for_word(&mut self) -> Result<Expect> {
        if let FrameKind::Comprehension(_) = self.frame()?.kind {
            self.finish_clause()?;
        } else {
            self.begin_comprehension()?;
        }
        self.scanner.position += 3;
        let targets = self.targets()?;
        self.with_clauses(|clauses| {
            clauses.clause = Clause::Iterable;
            for variable in targets.variables {
                if !clauses.variables.contains(&variable) {
                    clauses.variables.push(variable);
                }
            }
            clauses.targets = targets.code;
        })?;
        Ok(Expect::Operand)
    }

    /// Handles `if`: a filter, or a conditional expression.
    pub(super) fn if_word(&mut self) -> Result<Expect> {
        if matches!(self.frame()?.kind, FrameKind::Comprehension(_)) {
            self.finish_clause()?;
            self.with_clauses(|clauses| clauses.clause = Clause::Filter)?;
        } else {
            self.push_condition()?;
        }
        self.scanner.position += 2;
        Ok(Expect::Operand)
    }

    fn with_clauses<T>(&mut self, change: impl FnOnce(&mut Clauses) -> T) -> Result<T> {
        match &mut self.frame()?.kind {
            FrameKind::Comprehension(clauses) => Ok(change(clauses)),
            _ => Err(syntax_error("invalid syntax")),
        }
    }

    /// Turns a bracket with one element into a comprehension.
    fn begin_comprehension(&mut self) -> Result<()> {
        self.finish_test()?;
        let offset = self.offset();
        let invalid = || syntax_error("invalid syntax").at(offset, offset + 3);
        let frame = self.frame()?;
        if frame.count > 0 {
            return Err(match frame.kind {
                FrameKind::Call { .. } => {
                    syntax_error("Generator expression must be parenthesized").at(offset, offset + 3)
                }
                _ => invalid(),
            });
        }
        let (collector, is_argument) = match &frame.kind {
            FrameKind::List => (Collector::List, false),
            FrameKind::Brace => (Collector::Set, false),
            FrameKind::Dict { has_key: true } => (Collector::Dict, false),
            FrameKind::Call {
                function, keywords, ..
            } if keywords.is_empty() => (Self::generator(*function), true),
            FrameKind::Paren => return Err(unsupported("generator expressions").at(offset, offset + 3)),
            _ => return Err(invalid()),
        };
        let mut element = self.pop_operand();
        if collector == Collector::Dict {
            let key = self.pop_operand();
            (element.start, element.code) = (key.start, key.code);
        }
        let clauses = Clauses {
            collector,
            is_argument,
            element: element.code,
            element_span: Span {
                start: element.start,
                end: element.end,
            },
            code: self.here(),
            loops: None,
            clause: Clause::Iterable,
            targets: Vec::new(),
            variables: Vec::new(),
        };
        self.frame()?.kind = FrameKind::Comprehension(Box::new(clauses));
        Ok(())
    }

    /// How a generator is collected, given the function that it is the argument of.
    fn generator(function: Option<&'static Function>) -> Collector {
        match function {
            Some(function) if std::ptr::eq(function, ANY) => Collector::Any,
            Some(function) if std::ptr::eq(function, ALL) => Collector::All,
            _ => Collector::List,
        }
    }

    /// Ends the iterable or the filter.
    fn finish_clause(&mut self) -> Result<()> {
        self.reduce(super::pending::precedence::OR)?;
        let operand = self.pop_operand();
        let Some(Frame {
            kind: FrameKind::Comprehension(clauses),
            ..
        }) = self.workspace.frames.last_mut()
        else {
            return Err(self.invalid());
        };
        let program = &mut *self.program;
        let here = program.len();
        if clauses.clause == Clause::Filter {
            let innermost = clauses.loops.map_or(here, |(_, last)| last as usize);
            program.push(
                Op::JumpIfFalse(Program::distance(here, innermost)),
                operand.start,
                operand.end,
            );
            return Ok(());
        }
        program.push(Op::Iterate, operand.start, operand.end);
        if clauses.loops.is_none() {
            if clauses.is_argument {
                program.push(Op::CheckConsumer, clauses.element_span.start, operand.end);
            }
            // The scope's number is set when the bracket closes.
            program.push(Op::Enter(0), operand.start, operand.end);
        }
        let next = program.len();
        let outer = clauses
            .loops
            .map_or(0, |(_, last)| Program::distance(next, last as usize));
        program.push(Op::Next(outer), operand.start, operand.end);
        clauses.loops = Some((clauses.loops.map_or(small(next), |(first, _)| first), small(next)));
        for (op, span) in clauses.targets.drain(..) {
            program.push(op, span.start, span.end);
        }
        Ok(())
    }

    /// Closes the bracket of a comprehension, and moves the element's code after that of its loops.
    pub(super) fn close_comprehension(&mut self) -> Result<Expect> {
        self.finish_clause()?;
        let frame = self.pop_frame()?;
        let end = self.offset();
        let FrameKind::Comprehension(clauses) = frame.kind else {
            return Err(self.invalid());
        };
        let Some((first, last)) = clauses.loops else {
            return Err(self.invalid());
        };
        let moved = (clauses.code - clauses.element) as usize;
        self.program.rotate(clauses.element as usize, moved);
        let (first, last) = (first as usize - moved, last as usize - moved);
        if let Some(Op::Enter(scope)) = self.program.ops.get_mut(first - 1) {
            *scope = small(self.program.scopes.len());
        }
        self.program.scopes.push(Scope {
            collector: clauses.collector,
            variables: clauses.variables,
        });
        let whole = Span {
            start: frame.bracket,
            end,
        };
        self.set_loop_ranges(first, last, whole);
        self.program
            .push(append(clauses.collector), whole.start, whole.end);
        let jump = self.program.len();
        self.program
            .push(Op::Jump(Program::distance(jump, last)), whole.start, whole.end);
        self.program.land(first);
        self.program.push(Op::Leave, frame.start, end);
        if clauses.is_argument {
            self.pop_operand();
            let decided = matches!(clauses.collector, Collector::Any | Collector::All);
            self.program.push(
                if decided { Op::DropCallee } else { Op::Call(1) },
                frame.start,
                end,
            );
        }
        self.push_operand(frame.start, end, frame.code);
        Ok(Expect::Operator)
    }

    /// Sets the source range of each `Iterate` to the whole comprehension, as in CPython's errors. Finds the loops by the
    /// jump from the end of each to the loop around it.
    fn set_loop_ranges(&mut self, first: usize, last: usize, whole: Span) {
        let mut next = last;
        loop {
            let before = self.program.ops[..next].iter().rposition(|op| *op == Op::Iterate);
            if let Some(span) = before.and_then(|place| self.program.spans.get_mut(place)) {
                *span = whole;
            }
            match self.program.ops.get(next) {
                Some(&Op::Next(outer)) if next > first => next = next.saturating_add_signed(outer as isize),
                _ => break,
            }
        }
    }
}

fn append(collector: Collector) -> Op {
    match collector {
        Collector::List | Collector::Set => Op::Append,
        Collector::Dict => Op::AppendPair,
        Collector::Any => Op::Decide(true),
        Collector::All => Op::Decide(false),
    }
}
