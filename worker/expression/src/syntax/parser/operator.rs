//! Parses what follows an operand: operators, postfixes, separators and closing brackets.

use super::pending::{Pending, binding, precedence};
use super::{Expect, Parser};
use crate::error::{Error, Result, syntax_error, unsupported};
use crate::object::compare::Comparison;
use crate::operator::arithmetic::BinaryOperator;
use crate::syntax::keyword::{Keyword, keyword};

impl Parser<'_> {
    pub(super) fn operator(&mut self) -> Result<Expect> {
        let Some(byte) = self.scanner.token_start()? else {
            return self.finish_source();
        };
        match byte {
            b'+' => self.binary(BinaryOperator::Add, 1),
            b'-' => self.binary(BinaryOperator::Subtract, 1),
            b'*' if self.scanner.peek_second() == Some(b'*') => self.binary(BinaryOperator::Power, 2),
            b'*' => self.binary(BinaryOperator::Multiply, 1),
            b'/' if self.scanner.peek_second() == Some(b'/') => self.binary(BinaryOperator::FloorDivide, 2),
            b'/' => self.binary(BinaryOperator::Divide, 1),
            b'%' => self.binary(BinaryOperator::Modulo, 1),
            b'@' => self.binary(BinaryOperator::MatrixMultiply, 1),
            b'&' => self.binary(BinaryOperator::And, 1),
            b'|' => self.binary(BinaryOperator::Or, 1),
            b'^' => self.binary(BinaryOperator::Xor, 1),
            b'<' | b'>' | b'=' | b'!' => self.angle_or_equals(byte),
            b',' => self.comma(),
            b')' | b']' | b'}' => self.close(byte),
            b'(' => self.open_call(),
            b'[' => self.open_subscript(),
            b':' => self.colon(),
            b'.' => Err(self.attribute()),
            b'\n' | b'\r' => self.finish_source(),
            b'a'..=b'z' => self.word_operator(),
            _ => Err(self.no_operator()),
        }
    }

    #[inline]
    fn binary(&mut self, operator: BinaryOperator, length: usize) -> Result<Expect> {
        if operator == BinaryOperator::Power {
            // Right-associative: pending operators of the same level stay pending.
            self.reduce(precedence::POWER + 1)?;
            self.deepen(self.offset())?;
        } else {
            self.reduce(binding(operator))?;
        }
        self.scanner.position += length;
        self.workspace.pending.push(Pending::Binary(operator));
        Ok(Expect::Operand)
    }

    fn angle_or_equals(&mut self, byte: u8) -> Result<Expect> {
        let (comparison, length) = match (byte, self.scanner.peek_second()) {
            (b'<', Some(b'<')) => return self.binary(BinaryOperator::ShiftLeft, 2),
            (b'>', Some(b'>')) => return self.binary(BinaryOperator::ShiftRight, 2),
            (b'<', Some(b'=')) => (Comparison::LessEqual, 2),
            (b'>', Some(b'=')) => (Comparison::GreaterEqual, 2),
            (b'=', Some(b'=')) => (Comparison::Equal, 2),
            (b'!', Some(b'=')) => (Comparison::NotEqual, 2),
            (b'<', _) => (Comparison::Less, 1),
            (b'>', _) => (Comparison::Greater, 1),
            (b'=', _) => return self.equals_sign(),
            _ => return Err(self.invalid()),
        };
        self.comparison(comparison, length)
    }

    fn comparison(&mut self, comparison: Comparison, length: usize) -> Result<Expect> {
        self.push_comparison(comparison)?;
        self.scanner.position += length;
        Ok(Expect::Operand)
    }

    /// Handles `and or not-in in is is-not if else for`. The scanner is at the word.
    fn word_operator(&mut self) -> Result<Expect> {
        let mut scanner = self.scanner;
        let word = scanner.word();
        let length = word.len();
        match keyword(word) {
            Some(Keyword::And) => {
                self.push_logical(precedence::AND)?;
                self.scanner.position += length;
                Ok(Expect::Operand)
            }
            Some(Keyword::Or) => {
                self.push_logical(precedence::OR)?;
                self.scanner.position += length;
                Ok(Expect::Operand)
            }
            Some(Keyword::In) => self.comparison(Comparison::In, length),
            Some(Keyword::Is) => self.identity(),
            Some(Keyword::Not) => self.not_in(),
            Some(Keyword::If) => self.if_word(),
            Some(Keyword::Else) => {
                self.push_otherwise()?;
                self.scanner.position += length;
                Ok(Expect::Operand)
            }
            Some(Keyword::For) => self.for_word(),
            Some(Keyword::Outside) if word == b"async" => {
                Err(unsupported("asynchronous comprehensions").at(self.offset(), scanner.offset()))
            }
            None | Some(Keyword::None | Keyword::True | Keyword::False) => Err(self.no_operator()),
            _ => Err(self.misplaced_word(scanner.offset())),
        }
    }

    /// The error for anything but an operator: perhaps a second operand, with an operator missing before it.
    #[cold]
    fn no_operator(&mut self) -> Error {
        let mut ahead = self.scanner;
        let is_operand = match ahead.peek() {
            Some(b'\'' | b'"' | b'{' | b'~') => {
                ahead.position += 1;
                true
            }
            _ => !ahead.word().is_empty(),
        };
        if is_operand && self.reduce(precedence::OR).is_ok() {
            if matches!(self.top(), Pending::Condition) {
                return self.no_else();
            }
            if let (1.., Some(operand)) = (self.scanner.brackets, self.workspace.operands.last()) {
                return syntax_error("invalid syntax. Perhaps you forgot a comma?")
                    .at(operand.start, ahead.offset());
            }
        }
        self.misplaced_word(ahead.offset().max(self.offset() + 1))
    }

    /// The error for a point after an operand: `Unsupported` if a name follows, a `SyntaxError` otherwise.
    #[cold]
    fn attribute(&self) -> Error {
        let mut ahead = self.scanner;
        ahead.position += 1;
        match ahead.token_start() {
            Ok(Some(byte)) if byte.is_ascii_alphabetic() || byte == b'_' => {
                ahead.word();
                unsupported("attribute access").at(self.offset(), ahead.offset())
            }
            Err(error) => error,
            Ok(_) => self.invalid(),
        }
    }

    #[cold]
    fn misplaced_word(&self, end: u32) -> Error {
        syntax_error("invalid syntax").at(self.offset(), end)
    }

    /// Handles `is` or `is not`.
    fn identity(&mut self) -> Result<Expect> {
        self.push_comparison(Comparison::Is)?;
        self.scanner.position += 2;
        let mut ahead = self.scanner;
        if ahead.token_start()? == Some(b'n') && ahead.word() == b"not" {
            self.scanner = ahead;
            if let Some(Pending::Compare(comparison, _)) = self.workspace.pending.last_mut() {
                *comparison = Comparison::IsNot;
            }
        }
        Ok(Expect::Operand)
    }

    /// Handles `not`, which must be followed by `in` here.
    fn not_in(&mut self) -> Result<Expect> {
        let mut ahead = self.scanner;
        ahead.word();
        if ahead.token_start()? == Some(b'i') && ahead.word() == b"in" {
            self.push_comparison(Comparison::NotIn)?;
            self.scanner = ahead;
            return Ok(Expect::Operand);
        }
        Err(self.misplaced_word(self.offset() + 3))
    }
}
