//! Comprehensions, and generators as the only argument of a function.
//!
//! Owns the order of their code, which is not that of the source: the element comes first in the source and last in
//! the program. It is parsed once, in place, and moved when the bracket closes.
//!
//! ```text
//!     first iterable; Iterate; Enter
//!     next:  Next -> exit; targets; filters (back to next); further loops, nested
//!            element; Append; back to the innermost next
//!     exit:  Leave
//! ```

use super::frame::{Frame, FrameKind};
use super::{Parser, State};
use crate::expression::error::{Outcome, syntax_error, unsupported};
use crate::expression::functions::Function;
use crate::expression::keyword::{Keyword, keyword};
use crate::expression::program::{Collector, Op, Program, Scope, Span, small};
use crate::expression::scan::is_name_byte;

/// The clauses of a comprehension under construction.
#[derive(Debug)]
pub(super) struct Clauses {
    collector: Collector,
    /// Is this the argument of a call, and not a bracket of its own?
    is_argument: bool,
    /// Where the element's code is, until it is moved.
    element: u32,
    element_span: Span,
    /// Where the code of the clauses begins.
    code: u32,
    /// The first and the last `Next` so far.
    loops: Option<(u32, u32)>,
    clause: Clause,
    /// The targets of the clause at hand, whose code comes behind that of its iterable.
    targets: Vec<(Op, Span)>,
    variables: Vec<u32>,
}

/// Whose operand is being parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Clause {
    Iterable,
    Filter,
}

/// A bracket in the targets of a loop.
struct Group {
    /// The place of its `Unpack`.
    place: usize,
    count: u32,
    /// Is it a list, which unpacks even a single target?
    is_list: bool,
    after_comma: bool,
}

impl Clauses {
    pub(super) fn closing(&self) -> u8 {
        match self.collector {
            _ if self.is_argument => b')',
            Collector::Set | Collector::Dict => b'}',
            _ => b']',
        }
    }
}

impl Parser<'_> {
    /// `for`: the element of a comprehension has ended, or a clause has.
    pub(super) fn for_word(&mut self) -> Outcome<State> {
        if let FrameKind::Comprehension(_) = self.frame()?.kind {
            self.finish_clause()?;
        } else {
            self.begin_comprehension()?;
        }
        self.scanner.position += 3;
        self.targets()?;
        self.with_clauses(|clauses| clauses.clause = Clause::Iterable)?;
        Ok(State::Operand)
    }

    /// `if`: a filter, or a conditional expression.
    pub(super) fn if_word(&mut self) -> Outcome<State> {
        if matches!(self.frame()?.kind, FrameKind::Comprehension(_)) {
            self.finish_clause()?;
            self.with_clauses(|clauses| clauses.clause = Clause::Filter)?;
        } else {
            self.push_condition()?;
        }
        self.scanner.position += 2;
        Ok(State::Operand)
    }

    fn with_clauses<T>(&mut self, change: impl FnOnce(&mut Clauses) -> T) -> Outcome<T> {
        match &mut self.frame()?.kind {
            FrameKind::Comprehension(clauses) => Ok(change(clauses)),
            _ => Err(syntax_error("invalid syntax")),
        }
    }

    /// Makes a comprehension of a bracket with one element.
    fn begin_comprehension(&mut self) -> Outcome<()> {
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

    /// What a generator is collected into, by the function it is given to.
    fn generator(function: Option<Function>) -> Collector {
        match function {
            Some(function) if function == Function::ANY => Collector::Any,
            Some(function) if function == Function::ALL => Collector::All,
            _ => Collector::List,
        }
    }

    /// The targets of a loop and the `in` behind them.
    fn targets(&mut self) -> Outcome<()> {
        let start = self.offset();
        let mut groups = vec![self.open_group(start, false)?];
        loop {
            let Some(byte) = self.scanner.token_start()? else {
                return Err(self.invalid());
            };
            let offset = self.offset();
            let expects_target = groups
                .last()
                .is_some_and(|group| group.count == 0 || group.after_comma);
            match byte {
                b'(' | b'[' if expects_target => {
                    self.scanner.position += 1;
                    self.scanner.brackets += 1;
                    self.deepen(offset)?;
                    let group = self.open_group(offset, byte == b'[')?;
                    groups.push(group);
                }
                b')' | b']' if groups.len() > 1 => self.close_group_of_targets(&mut groups, byte)?,
                b',' if !expects_target => {
                    self.scanner.position += 1;
                    if let Some(group) = groups.last_mut() {
                        group.after_comma = true;
                    }
                }
                b'*' if expects_target => return Err(unsupported("starred targets").at(offset, offset + 1)),
                b'.' | b'[' => {
                    return Err(unsupported("loops over anything but names").at(offset, offset + 1));
                }
                _ if is_name_byte(byte) && !byte.is_ascii_digit() => {
                    if self.target_word(&mut groups, expects_target)? {
                        return Ok(());
                    }
                }
                _ => return Err(self.invalid()),
            }
        }
    }

    fn open_group(&mut self, start: u32, is_list: bool) -> Outcome<Group> {
        let place = self.with_clauses(|clauses| {
            clauses.targets.push((
                Op::Unpack(0),
                Span {
                    start,
                    end: start + 1,
                },
            ));
            clauses.targets.len() - 1
        })?;
        Ok(Group {
            place,
            count: 0,
            is_list,
            after_comma: false,
        })
    }

    fn close_group_of_targets(&mut self, groups: &mut Vec<Group>, byte: u8) -> Outcome<()> {
        let Some(group) = groups.pop() else {
            return Err(self.invalid());
        };
        if group.is_list != (byte == b']') {
            return Err(self.invalid());
        }
        self.scanner.position += 1;
        self.scanner.brackets -= 1;
        self.depth -= 1;
        self.end_group(&group, group.count == 0)?;
        count_target(groups);
        Ok(())
    }

    /// Sets the number of targets of a group, which unpacks unless it is one target in plain brackets.
    fn end_group(&mut self, group: &Group, is_empty_tuple: bool) -> Outcome<()> {
        let end = self.offset();
        self.with_clauses(|clauses| {
            if group.after_comma || group.is_list || group.count > 1 || is_empty_tuple {
                if let Some((op, span)) = clauses.targets.get_mut(group.place) {
                    *op = Op::Unpack(group.count);
                    span.end = end;
                }
            } else {
                clauses.targets.remove(group.place);
            }
        })
    }

    /// A name to bind, or the `in` at the end.
    fn target_word(&mut self, groups: &mut Vec<Group>, expects_target: bool) -> Outcome<bool> {
        let start = self.scanner.position;
        let word = self.scanner.word();
        let (from, to) = (small(start), self.offset());
        let invalid = || syntax_error("invalid syntax").at(from, to);
        if keyword(word) == Some(Keyword::In) {
            return match groups.pop() {
                Some(group) if groups.is_empty() && group.count > 0 => {
                    self.end_group(&group, false).map(|()| true)
                }
                _ => Err(invalid()),
            };
        }
        if !expects_target || keyword(word).is_some() || word == b"__debug__" {
            return Err(invalid());
        }
        let symbol = self.program.symbol(self.scanner.source, start, to as usize);
        if word == b"math" || self.program.symbols[symbol as usize].function.is_some() {
            let word = String::from_utf8_lossy(word).into_owned();
            return Err(
                unsupported(format!("a loop over {word}, which is a name of the language")).at(from, to),
            );
        }
        self.with_clauses(|clauses| {
            clauses
                .targets
                .push((Op::Store(symbol), Span { start: from, end: to }));
            if !clauses.variables.contains(&symbol) {
                clauses.variables.push(symbol);
            }
        })?;
        count_target(groups);
        Ok(false)
    }

    /// The iterable or the filter is finished.
    fn finish_clause(&mut self) -> Outcome<()> {
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
            // The number of the scope is set when the bracket closes.
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

    /// The bracket of a comprehension closes: the element's code moves behind that of its loops.
    pub(super) fn close_comprehension(&mut self) -> Outcome<State> {
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
        let span = clauses.element_span;
        self.program.push(append(clauses.collector), span.start, span.end);
        let jump = self.program.len();
        self.program
            .push(Op::Jump(Program::distance(jump, last)), span.start, span.end);
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
        Ok(State::Operator)
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

fn count_target(groups: &mut [Group]) {
    if let Some(group) = groups.last_mut() {
        group.count += 1;
        group.after_comma = false;
    }
}
