//! Parses the start of an operand: literals, names, prefix operators and opening brackets.

use std::sync::Arc;

use super::frame::FrameKind;
use super::pending::Pending;
use super::{Expect, Parser};
use crate::builtins::math::{MathFunction, constant};
use crate::error::{Error, Result, limit_exceeded, syntax_error, unsupported};
use crate::machine::program::{Op, UnsupportedValue, small};
use crate::object::Object;
use crate::operator::arithmetic::UnaryOperator;
use crate::syntax::keyword::{Keyword, keyword};
use crate::syntax::number::{self, Literal};
use crate::syntax::scan::is_name_byte;
use crate::syntax::string_literal::{self, Prefix};

impl Parser<'_> {
    pub(super) fn operand(&mut self) -> Result<Expect> {
        self.bare_name = None;
        let Some(byte) = self.scanner.token_start()? else {
            return self.end_without_operand();
        };
        match byte {
            b'0'..=b'9' => self.number(),
            b'.' => self.point(),
            b'\'' | b'"' => self.string(Prefix::Plain, self.offset()),
            b'(' => self.open(FrameKind::Paren),
            b'[' => self.open(FrameKind::List),
            b'{' => self.open(FrameKind::Brace),
            b')' | b']' | b'}' => self.close_without_operand(byte),
            b'+' => self.prefix_operator(UnaryOperator::Plus),
            b'-' => self.prefix_operator(UnaryOperator::Minus),
            b'~' => self.prefix_operator(UnaryOperator::Invert),
            b':' => self.colon_without_operand(),
            b'*' => Err(self.starred()),
            b'\n' | b'\r' => self.end_without_operand(),
            _ if is_name_byte(byte) => self.word(),
            _ => Err(self.invalid()),
        }
    }

    /// Handles the end of the source where an operand must follow.
    fn end_without_operand(&mut self) -> Result<Expect> {
        if self.ends_with_comma() {
            self.finish_source()
        } else {
            Err(self.unfinished())
        }
    }

    #[cold]
    fn unfinished(&mut self) -> Error {
        if let Some(frame) = self.workspace.frames.last()
            && let Some(open) = frame.opening()
        {
            return syntax_error(format!("'{open}' was never closed")).at(frame.bracket, frame.bracket + 1);
        }
        self.invalid()
    }

    fn number(&mut self) -> Result<Expect> {
        let start = self.scanner.position;
        if let Some((value, end)) = number::scan_short(self.scanner.source, start) {
            self.scanner.position = end;
            self.emit_operand(Op::Integer(value), small(start), small(end));
            return Ok(Expect::Operator);
        }
        self.long_number(start)
    }

    fn long_number(&mut self, start: usize) -> Result<Expect> {
        let (literal, end) = number::scan(self.scanner.source, start)?;
        self.scanner.position = end;
        let op = match literal {
            Literal::Int(value) => match i32::try_from(value) {
                Ok(small) => Op::Integer(small),
                Err(_) => self.program.constant(Object::Int(value)),
            },
            Literal::Float(value) => self.program.constant(Object::Float(value)),
            Literal::Big(value) => {
                if value.bits() > self.max_int_bits {
                    let error = limit_exceeded(format!("an int longer than {} bits", self.max_int_bits));
                    return Err(error.at(small(start), small(end)));
                }
                self.program.constant(Object::Big(Arc::new(value)))
            }
        };
        self.emit_operand(op, small(start), small(end));
        Ok(Expect::Operator)
    }

    /// Handles a point: a number such as `.5`, or an ellipsis.
    fn point(&mut self) -> Result<Expect> {
        if self
            .scanner
            .peek_second()
            .is_some_and(|byte| byte.is_ascii_digit())
        {
            return self.number();
        }
        if self.scanner.source[self.scanner.position..].starts_with(b"...") {
            return Err(unsupported("the ellipsis").at(self.offset(), self.offset() + 3));
        }
        Err(self.invalid())
    }

    /// Reads a string and those adjacent to it. The scanner is at the quote, the prefix begins at `start`.
    fn string(&mut self, prefix: Prefix, start: u32) -> Result<Expect> {
        self.workspace.text.clear();
        self.string_part(prefix)?;
        while let Some(prefix) = self.another_string()? {
            self.string_part(prefix)?;
        }
        let text = std::str::from_utf8(&self.workspace.text).unwrap_or("");
        let op = self.program.constant(Object::text(text));
        // The range ends after the last quote, not after the whitespace that was skipped to look for another string.
        let end = self.workspace.string_end;
        self.emit_operand(op, start, end);
        Ok(Expect::Operator)
    }

    fn string_part(&mut self, prefix: Prefix) -> Result<()> {
        let start = self.scanner.position;
        let text = &mut self.workspace.text;
        self.scanner.position = string_literal::scan(self.scanner.source, start, prefix, text)?;
        self.workspace.string_end = self.offset();
        Ok(())
    }

    /// Skips to the quote of an adjacent string, if there is one.
    fn another_string(&mut self) -> Result<Option<Prefix>> {
        match self.scanner.token_start()? {
            Some(b'\'' | b'"') => Ok(Some(Prefix::Plain)),
            Some(byte) if byte.is_ascii_alphabetic() => {
                let start = self.scanner.position;
                let word = self.scanner.word();
                if matches!(self.scanner.peek(), Some(b'\'' | b'"'))
                    && let Some(prefix) = string_literal::prefix(word)
                {
                    return Ok(Some(prefix));
                }
                self.scanner.position = start;
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    fn word(&mut self) -> Result<Expect> {
        let start = self.scanner.position;
        let word = self.scanner.word();
        let (from, to) = (small(start), self.offset());
        if word.len() <= 2
            && matches!(self.scanner.peek(), Some(b'\'' | b'"'))
            && let Some(prefix) = string_literal::prefix(word)
        {
            return self.string(prefix, from);
        }
        let op = match keyword(word) {
            None => return self.name(word, start),
            Some(Keyword::None) => Op::None,
            Some(Keyword::True) => Op::Bool(true),
            Some(Keyword::False) => Op::Bool(false),
            Some(Keyword::Not) => return self.not(from),
            Some(Keyword::Outside) => {
                let word = String::from_utf8_lossy(word).into_owned();
                return Err(unsupported(format!("the keyword {word}")).at(from, to));
            }
            Some(_) => return Err(syntax_error("invalid syntax").at(from, to)),
        };
        self.emit_operand(op, from, to);
        Ok(Expect::Operator)
    }

    fn name(&mut self, word: &[u8], start: usize) -> Result<Expect> {
        if word == b"math" {
            return self.math(start);
        }
        let (from, to) = (small(start), self.offset());
        let symbol = self.program.symbol(self.scanner.source, start, to as usize);
        self.emit_operand(Op::Name(symbol), from, to);
        self.bare_name = Some(symbol);
        Ok(Expect::Operator)
    }

    /// Handles `math.NAME`: a constant, a function that must be called, or an unknown name.
    fn math(&mut self, start: usize) -> Result<Expect> {
        let from = small(start);
        let end = self.offset();
        let starts_name = |byte: u8| is_name_byte(byte) && !byte.is_ascii_digit();
        if self.scanner.token_start()? != Some(b'.') {
            self.emit_operand(Op::Fail(UnsupportedValue::Math), from, end);
            return Ok(Expect::Operator);
        }
        self.scanner.position += 1;
        if !self.scanner.token_start()?.is_some_and(starts_name) {
            return Err(self.invalid());
        }
        let place = self.scanner.position;
        let name = self.scanner.word();
        let end = self.offset();
        if keyword(name).is_some() {
            return Err(syntax_error("invalid syntax").at(small(place), end));
        }
        let op = if let Some(value) = constant(name) {
            self.program.constant(Object::Float(value))
        } else if let Some(function) = MathFunction::find(name) {
            if self.scanner.token_start()? == Some(b'(') {
                Op::MathFunction(function)
            } else {
                Op::Fail(UnsupportedValue::MathFunction)
            }
        } else {
            Op::NoSuchMath(self.program.symbol(self.scanner.source, place, end as usize))
        };
        self.emit_operand(op, from, end);
        Ok(Expect::Operator)
    }

    fn not(&mut self, start: u32) -> Result<Expect> {
        if matches!(
            self.top(),
            Pending::Binary(_) | Pending::Unary(..) | Pending::Compare(..)
        ) {
            return Err(syntax_error("invalid syntax").at(start, start + 3));
        }
        self.deepen(start)?;
        self.workspace.pending.push(Pending::Not(start));
        Ok(Expect::Operand)
    }

    fn prefix_operator(&mut self, operator: UnaryOperator) -> Result<Expect> {
        let start = self.offset();
        self.deepen(start)?;
        self.scanner.position += 1;
        self.workspace.pending.push(Pending::Unary(operator, start));
        Ok(Expect::Operand)
    }

    /// The error for `*` or `**` where an element could begin.
    fn starred(&self) -> Error {
        if matches!(self.top(), Pending::Bracket) {
            return unsupported("starred expressions").at(self.offset(), self.offset() + 1);
        }
        self.invalid()
    }
}
