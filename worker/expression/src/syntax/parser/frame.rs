//! Brackets: displays, argument lists, subscripts, and the whole source.
//!
//! Owns what commas and colons may separate, and what is emitted when a bracket closes. The specifics of calls, subscripts
//! and comprehensions are in modules of their own.

use super::clauses::Clauses;
use super::pending::Pending;
use super::{Expect, Operand, Parser};
use crate::error::{Error, Result, syntax_error, unsupported};
use crate::machine::program::Op;
use crate::object::function::Function;

/// An open bracket.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) kind: FrameKind,
    /// The start of the value: the bracket, or the start of what is called or subscripted.
    pub(super) start: u32,
    /// The offset of the bracket.
    pub(super) bracket: u32,
    /// The start of its code.
    pub(super) code: u32,
    /// The number of finished elements.
    pub(super) count: u32,
}

/// The kind of a bracket.
#[derive(Debug)]
pub(super) enum FrameKind {
    /// The whole source.
    Top,
    Paren,
    List,
    /// `{`, before an element shows whether it is a set or a dict.
    Brace,
    Set,
    Dict {
        /// Whether a key and its colon are parsed, and its value isn't.
        has_key: bool,
    },
    Subscript {
        /// The number of colons in the current item.
        colons: u32,
        /// Whether a finished item has colons.
        has_slices: bool,
        /// The number of values above the subscripted one.
        values: u32,
    },
    Call {
        function: Option<&'static Function>,
        keywords: Vec<u32>,
        /// Whether a keyword and its equals sign are parsed, and its value isn't.
        has_keyword: bool,
    },
    Comprehension(Box<Clauses>),
}

impl Frame {
    pub(super) fn new(kind: FrameKind, start: u32, code: u32) -> Self {
        Self {
            kind,
            start,
            bracket: start,
            code,
            count: 0,
        }
    }

    /// The opening bracket, if the frame has one.
    pub(super) fn opening(&self) -> Option<char> {
        Some(match self.closing()? {
            b')' => '(',
            b']' => '[',
            _ => '{',
        })
    }

    fn closing(&self) -> Option<u8> {
        Some(match &self.kind {
            FrameKind::Top => return None,
            FrameKind::Paren | FrameKind::Call { .. } => b')',
            FrameKind::List | FrameKind::Subscript { .. } => b']',
            FrameKind::Brace | FrameKind::Set | FrameKind::Dict { .. } => b'}',
            FrameKind::Comprehension(clauses) => clauses.closing(),
        })
    }
}

impl Parser<'_> {
    /// Handles an opening bracket where an operand must follow.
    pub(super) fn open(&mut self, kind: FrameKind) -> Result<Expect> {
        let start = self.offset();
        let code = self.here();
        self.push_frame(Frame::new(kind, start, code))
    }

    pub(super) fn push_frame(&mut self, mut frame: Frame) -> Result<Expect> {
        frame.bracket = self.offset();
        self.deepen(frame.bracket)?;
        self.scanner.position += 1;
        self.scanner.brackets += 1;
        self.workspace.frames.push(frame);
        self.workspace.pending.push(Pending::Bracket);
        Ok(Expect::Operand)
    }

    /// The innermost bracket.
    pub(super) fn frame(&mut self) -> Result<&mut Frame> {
        match self.workspace.frames.last_mut() {
            Some(frame) => Ok(frame),
            None => Err(syntax_error("invalid syntax")),
        }
    }

    pub(super) fn comma(&mut self) -> Result<Expect> {
        self.finish_element()?;
        self.bare_name = None;
        self.scanner.position += 1;
        Ok(Expect::Operand)
    }

    /// Ends an element: a comma or the closing bracket follows.
    fn finish_element(&mut self) -> Result<()> {
        self.finish_test()?;
        let offset = self.offset();
        let invalid = || Err(syntax_error("invalid syntax").at(offset, offset + 1));
        let frame = self.frame()?;
        match &mut frame.kind {
            FrameKind::Brace => frame.kind = FrameKind::Set,
            FrameKind::Top | FrameKind::Paren | FrameKind::List | FrameKind::Set => {}
            FrameKind::Dict {
                has_key: has_key @ true,
            } => {
                *has_key = false;
                self.pop_operand();
            }
            FrameKind::Dict { .. } => return invalid(),
            FrameKind::Subscript { .. } => {
                self.pop_operand();
                return self.finish_item();
            }
            FrameKind::Call {
                keywords,
                has_keyword,
                ..
            } => {
                if !*has_keyword && !keywords.is_empty() {
                    return Err(
                        syntax_error("positional argument follows keyword argument").at(offset, offset + 1)
                    );
                }
                *has_keyword = false;
            }
            FrameKind::Comprehension(clauses) => {
                let span = clauses.whole();
                return Err(syntax_error("Generator expression must be parenthesized")
                    .at(span.start, span.end.max(offset)));
            }
        }
        self.pop_operand();
        self.frame()?.count += 1;
        Ok(())
    }

    /// Handles a colon after an operand: between key and value, or in a slice.
    pub(super) fn colon(&mut self) -> Result<Expect> {
        if self.scanner.peek_second() == Some(b'=') {
            return Err(unsupported("assignment expressions").at(self.offset(), self.offset() + 2));
        }
        self.finish_test()?;
        let is_bracket = matches!(self.top(), Pending::Bracket);
        let frame = self.frame()?;
        match &mut frame.kind {
            FrameKind::Brace => frame.kind = FrameKind::Dict { has_key: true },
            FrameKind::Dict {
                has_key: has_key @ false,
            } => *has_key = true,
            FrameKind::Subscript { .. } if is_bracket => {
                self.pop_operand();
                return self.slice_colon();
            }
            _ => return Err(self.invalid()),
        }
        self.scanner.position += 1;
        Ok(Expect::Operand)
    }

    /// Handles a closing bracket after an operand.
    pub(super) fn close(&mut self, byte: u8) -> Result<Expect> {
        self.check_bracket(byte)?;
        if matches!(self.frame()?.kind, FrameKind::Comprehension(_)) {
            return self.close_comprehension();
        }
        let is_paren = matches!(self.frame()?.kind, FrameKind::Paren);
        if is_paren && self.frame()?.count == 0 {
            return self.close_group();
        }
        self.finish_element()?;
        self.end_bracket()
    }

    /// Handles a closing bracket where an element could be: the bracket is empty, or ends with a comma.
    pub(super) fn close_without_operand(&mut self, byte: u8) -> Result<Expect> {
        self.check_bracket(byte)?;
        if !matches!(self.top(), Pending::Bracket) {
            return Err(self.invalid());
        }
        let frame = self.frame()?;
        match &mut frame.kind {
            FrameKind::Brace => frame.kind = FrameKind::Dict { has_key: false },
            FrameKind::Subscript { colons: 0, .. } if frame.count > 0 => {}
            FrameKind::Paren
            | FrameKind::List
            | FrameKind::Set
            | FrameKind::Dict { has_key: false }
            | FrameKind::Call {
                has_keyword: false, ..
            } => {}
            _ => return Err(self.invalid()),
        }
        self.end_bracket_after_comma()
    }

    fn end_bracket_after_comma(&mut self) -> Result<Expect> {
        // The index of `x[1,]` is a tuple.
        if let FrameKind::Subscript { .. } = self.frame()?.kind {
            return self.end_subscript_by_tuple();
        }
        self.end_bracket()
    }

    fn check_bracket(&mut self, byte: u8) -> Result<()> {
        let (start, close) = (self.offset(), char::from(byte));
        let frame = self.frame()?;
        match frame.closing() {
            Some(closing) if closing == byte => Ok(()),
            Some(_) => {
                let open = frame.opening().unwrap_or('(');
                let message =
                    format!("closing parenthesis '{close}' does not match opening parenthesis '{open}'");
                Err(syntax_error(message).at(start, start + 1))
            }
            None => Err(syntax_error(format!("unmatched '{close}'")).at(start, start + 1)),
        }
    }

    /// Ends `(value)`: the range of the value now includes the brackets.
    fn close_group(&mut self) -> Result<Expect> {
        self.finish_test()?;
        let frame = self.pop_frame()?;
        let end = self.offset();
        if let Some(operand) = self.workspace.operands.last_mut() {
            *operand = Operand {
                start: frame.start,
                end,
                code: frame.code,
            };
        }
        self.bare_name = None;
        Ok(Expect::Operator)
    }

    /// Consumes the closing bracket.
    pub(super) fn pop_frame(&mut self) -> Result<Frame> {
        self.scanner.position += 1;
        self.scanner.brackets -= 1;
        self.depth -= 1;
        self.bare_name = None;
        self.workspace.pending.pop();
        self.workspace
            .frames
            .pop()
            .ok_or_else(|| syntax_error("invalid syntax"))
    }

    /// Ends a bracket whose elements are finished.
    fn end_bracket(&mut self) -> Result<Expect> {
        if matches!(self.frame()?.kind, FrameKind::Subscript { .. }) {
            return self.end_subscript();
        }
        let frame = self.pop_frame()?;
        let end = self.offset();
        let op = match frame.kind {
            FrameKind::Paren => Op::Tuple(frame.count),
            FrameKind::List => Op::List(frame.count),
            FrameKind::Set => Op::Set(frame.count),
            FrameKind::Dict { .. } => Op::Dict(frame.count),
            FrameKind::Call { keywords, .. } => {
                self.pop_operand();
                self.call(frame.count, keywords)
            }
            _ => return Err(self.invalid()),
        };
        self.program.push(op, frame.start, end);
        self.push_operand(frame.start, end, frame.code);
        Ok(Expect::Operator)
    }

    /// Returns whether the source ends after a comma.
    pub(super) fn ends_with_comma(&mut self) -> bool {
        let at_top = matches!(self.top(), Pending::Bracket);
        at_top
            && self
                .workspace
                .frames
                .last()
                .is_some_and(|frame| matches!(frame.kind, FrameKind::Top) && frame.count > 0)
    }

    /// Ends the source, or a line outside of brackets.
    pub(super) fn finish_source(&mut self) -> Result<Expect> {
        let after_comma = self.workspace.operands.is_empty();
        if !matches!(self.frame()?.kind, FrameKind::Top) {
            return Err(self.never_closed());
        }
        self.finish_test()?;
        let frame = self.frame()?;
        let (start, count) = (frame.start, frame.count + u32::from(!after_comma));
        if after_comma || frame.count > 0 {
            let end = self.program.spans.last().map_or(start, |span| span.end);
            self.program.push(Op::Tuple(count), start, end);
        }
        self.scanner.check_tail()?;
        Ok(Expect::Done)
    }

    #[cold]
    fn never_closed(&self) -> Error {
        let (open, place) = match self.workspace.frames.last() {
            Some(frame) => (frame.opening().unwrap_or('('), frame.bracket),
            None => ('(', 0),
        };
        syntax_error(format!("'{open}' was never closed")).at(place, place + 1)
    }
}
