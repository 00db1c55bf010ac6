//! Subscripts: indices, slices, and tuples of them.
//!
//! Owns the meaning of their colons and commas.

use super::frame::{Frame, FrameKind};
use super::pending::Pending;
use super::{Expect, Parser};
use crate::error::Result;
use crate::machine::program::Op;

impl Parser<'_> {
    /// Handles `[` after an operand.
    pub(super) fn open_subscript(&mut self) -> Result<Expect> {
        let Some(&value) = self.workspace.operands.last() else {
            return Err(self.invalid());
        };
        let kind = FrameKind::Subscript {
            colons: 0,
            has_slices: false,
            values: 0,
        };
        self.push_frame(Frame::new(kind, value.start, value.code))
    }

    /// Handles a colon where an operand could be: a part of a slice is missing.
    pub(super) fn colon_without_operand(&mut self) -> Result<Expect> {
        if !matches!(self.top(), Pending::Bracket) || self.scanner.peek_second() == Some(b'=') {
            return Err(self.invalid());
        }
        let (start, is_subscript) = (
            self.offset(),
            matches!(self.frame()?.kind, FrameKind::Subscript { .. }),
        );
        if !is_subscript {
            return Err(self.invalid());
        }
        self.program.push(Op::None, start, start);
        self.slice_colon()
    }

    pub(super) fn slice_colon(&mut self) -> Result<Expect> {
        if let FrameKind::Subscript { colons, .. } = &mut self.frame()?.kind {
            *colons += 1;
            if *colons > 2 {
                return Err(self.invalid());
            }
        }
        self.scanner.position += 1;
        // A part may also be missing before a comma or the bracket. Another colon is handled where operands are.
        match self.scanner.token_start()? {
            Some(byte @ (b',' | b']')) => {
                self.program.push(Op::None, self.offset(), self.offset());
                self.finish_item()?;
                if byte == b']' {
                    return self.end_subscript();
                }
                self.scanner.position += 1;
                Ok(Expect::Operand)
            }
            _ => Ok(Expect::Operand),
        }
    }

    /// Ends an item of a subscript. Its values are on the stack, except for missing parts.
    pub(super) fn finish_item(&mut self) -> Result<()> {
        let offset = self.offset();
        let frame = self.frame()?;
        frame.count += 1;
        let mut missing = false;
        if let FrameKind::Subscript {
            colons,
            has_slices,
            values,
        } = &mut frame.kind
        {
            missing = *colons == 1;
            *values += if *colons > 0 { 3 } else { 1 };
            *has_slices |= *colons > 0;
            *colons = 0;
        }
        if missing {
            self.program.push(Op::None, offset, offset);
        }
        Ok(())
    }

    pub(super) fn end_subscript(&mut self) -> Result<Expect> {
        if self.frame()?.count > 1 {
            return self.end_subscript_by_tuple();
        }
        let frame = self.pop_frame()?;
        let is_slice = matches!(frame.kind, FrameKind::Subscript { has_slices: true, .. });
        self.emit_subscript(&frame, if is_slice { Op::Slice } else { Op::Subscript });
        Ok(Expect::Operator)
    }

    pub(super) fn end_subscript_by_tuple(&mut self) -> Result<Expect> {
        let frame = self.pop_frame()?;
        let FrameKind::Subscript {
            has_slices, values, ..
        } = frame.kind
        else {
            return Err(self.invalid());
        };
        if has_slices {
            self.emit_subscript(&frame, Op::SliceTuple(values));
        } else {
            self.program
                .push(Op::Tuple(frame.count), frame.bracket + 1, self.offset() - 1);
            self.emit_subscript(&frame, Op::Subscript);
        }
        Ok(Expect::Operator)
    }

    fn emit_subscript(&mut self, frame: &Frame, op: Op) {
        let end = self.offset();
        self.pop_operand();
        self.program.push(op, frame.start, end);
        self.push_operand(frame.start, end, frame.code);
    }
}
