//! Brackets: displays, argument lists, subscripts, and the source as a whole.
//!
//! Owns what may be separated by commas and colons, and what is emitted when a bracket closes. What is special about
//! calls, subscripts and comprehensions is in files of their own.

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
    /// Where the value begins: at the bracket, or at what is called or subscripted.
    pub(super) start: u32,
    /// Where the bracket is.
    pub(super) bracket: u32,
    /// Where its code begins.
    pub(super) code: u32,
    /// Elements that are finished.
    pub(super) count: u32,
}

/// What a bracket is for.
#[derive(Debug)]
pub(super) enum FrameKind {
    /// The source as a whole.
    Top,
    Paren,
    List,
    /// `{`, as long as no element has shown whether it is a set or a dict.
    Brace,
    Set,
    Dict {
        /// A key and its colon are there, its value is not.
        has_key: bool,
    },
    Subscript {
        /// Colons in the item at hand.
        colons: u32,
        /// An item with colons is among those finished.
        has_slices: bool,
        /// Values above the subscripted one.
        values: u32,
    },
    Call {
        function: Option<&'static Function>,
        keywords: Vec<u32>,
        /// A keyword and its equals sign are there, its value is not.
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
    /// An opening bracket where an operand must follow.
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

    /// An element is finished: a comma or the closing bracket follows.
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

    /// A colon behind an operand: between key and value, or in a slice.
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

    /// A closing bracket behind an operand.
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

    /// A closing bracket where an element could be: the bracket is empty, or a comma was the last thing in it.
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
        // `x[1,]` is subscripted by a tuple.
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

    /// `(value)`: the value alone, whose place now includes the brackets.
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

    /// Steps over the closing bracket.
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

    /// All elements are finished.
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

    /// Has the source as a whole ended behind a comma?
    pub(super) fn ends_with_comma(&mut self) -> bool {
        let at_top = matches!(self.top(), Pending::Bracket);
        at_top
            && self
                .workspace
                .frames
                .last()
                .is_some_and(|frame| matches!(frame.kind, FrameKind::Top) && frame.count > 0)
    }

    /// The source has ended, or a line outside of brackets has.
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
