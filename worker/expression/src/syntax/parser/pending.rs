//! Pending operators, whose right operand is not finished.
//!
//! Owns precedence, and the code that is emitted once an operator has both operands.

use super::Parser;
use crate::error::{Error, Result, syntax_error, unsupported};
use crate::machine::program::{Op, Program, small};
use crate::object::compare::Comparison;
use crate::operator::arithmetic::{BinaryOperator, UnaryOperator};

/// An entry of the operator stack.
#[derive(Debug, Clone, Copy)]
pub(super) enum Pending {
    /// A bracket or the start of the source. The frame has its contents.
    Bracket,
    Binary(BinaryOperator),
    Unary(UnaryOperator, u32),
    Not(u32),
    /// The index of the jump that skips the right operand.
    And(u32),
    /// The index of the jump that skips the right operand.
    Or(u32),
    /// A comparison, and the jump of the one before it in a chain.
    Compare(Comparison, Option<u32>),
    /// `value if`, waiting for the condition.
    Condition,
    /// `value if condition else`, with the jump that skips the other value.
    Otherwise(u32),
}

/// The precedence of operators. Brackets and conditionals have the lowest, and are never reduced as operators.
pub(super) mod precedence {
    pub(in super::super) const NONE: u8 = 0;
    pub(in super::super) const OR: u8 = 1;
    pub(in super::super) const AND: u8 = 2;
    pub(in super::super) const NOT: u8 = 3;
    pub(in super::super) const COMPARE: u8 = 4;
    pub(in super::super) const UNARY: u8 = 11;
    pub(in super::super) const POWER: u8 = 12;
}

/// The precedence of a binary operator.
pub(super) fn binding(operator: BinaryOperator) -> u8 {
    match operator {
        BinaryOperator::Or => 5,
        BinaryOperator::Xor => 6,
        BinaryOperator::And => 7,
        BinaryOperator::ShiftLeft | BinaryOperator::ShiftRight => 8,
        BinaryOperator::Add | BinaryOperator::Subtract => 9,
        BinaryOperator::Multiply
        | BinaryOperator::MatrixMultiply
        | BinaryOperator::Divide
        | BinaryOperator::FloorDivide
        | BinaryOperator::Modulo => 10,
        BinaryOperator::Power => precedence::POWER,
    }
}

impl Pending {
    pub(super) fn precedence(self) -> u8 {
        match self {
            Self::Bracket | Self::Condition | Self::Otherwise(_) => precedence::NONE,
            Self::Or(_) => precedence::OR,
            Self::And(_) => precedence::AND,
            Self::Not(_) => precedence::NOT,
            Self::Compare(..) => precedence::COMPARE,
            Self::Unary(..) => precedence::UNARY,
            Self::Binary(operator) => binding(operator),
        }
    }
}

impl Parser<'_> {
    pub(super) fn top(&self) -> Pending {
        self.workspace.pending.last().copied().unwrap_or(Pending::Bracket)
    }

    /// Emits the pending operators of at least this precedence.
    #[inline]
    pub(super) fn reduce(&mut self, least: u8) -> Result<()> {
        while let Some(&pending) = self.workspace.pending.last()
            && pending.precedence() >= least
        {
            self.workspace.pending.pop();
            self.emit(pending)?;
        }
        Ok(())
    }

    fn emit(&mut self, pending: Pending) -> Result<()> {
        match pending {
            Pending::Binary(operator) => {
                self.depth -= usize::from(operator == BinaryOperator::Power);
                let op = match self.take_literal() {
                    Some(value) => Op::BinaryInteger(operator, value),
                    None => Op::Binary(operator),
                };
                self.emit_binary(op);
            }
            Pending::Unary(operator, start) => {
                self.depth -= 1;
                let literal = (operator == UnaryOperator::Minus).then(|| self.take_literal());
                let op = match literal.flatten() {
                    Some(value) => Op::Integer(-value),
                    None => Op::Unary(operator),
                };
                self.emit_prefix(op, start);
            }
            Pending::Not(start) => {
                self.depth -= 1;
                self.emit_prefix(Op::Not, start);
            }
            Pending::And(jump) | Pending::Or(jump) => {
                self.program.land(jump as usize);
                self.merge_operands();
            }
            Pending::Compare(comparison, chain) => {
                self.check_identity(comparison)?;
                let place = self.program.len();
                self.emit_binary(Op::Compare(comparison));
                self.finish_chain(chain, place);
            }
            Pending::Bracket | Pending::Condition | Pending::Otherwise(_) => {}
        }
        Ok(())
    }

    /// Removes the last operand from the program if it is only a small literal, which an operator can hold. No jump leads
    /// past it, because an operand that contains a jump has more than one operation.
    #[inline]
    fn take_literal(&mut self) -> Option<i32> {
        let operand = self.workspace.operands.last()?;
        match self.program.ops.get(operand.code as usize..) {
            Some(&[Op::Integer(value)]) => {
                self.program.pop();
                Some(value)
            }
            _ => None,
        }
    }

    /// Merges the last two operands.
    fn merge_operands(&mut self) -> (u32, u32) {
        let right = self.pop_operand();
        match self.workspace.operands.last_mut() {
            Some(left) => {
                left.end = right.end;
                (left.start, left.end)
            }
            None => (right.start, right.end),
        }
    }

    fn emit_binary(&mut self, op: Op) {
        let (start, end) = self.merge_operands();
        self.program.push(op, start, end);
    }

    fn emit_prefix(&mut self, op: Op, start: u32) {
        let mut end = start;
        if let Some(operand) = self.workspace.operands.last_mut() {
            operand.start = start;
            end = operand.end;
        }
        self.program.push(op, start, end);
    }

    /// Handles `and` and `or`, whose left operand is finished.
    pub(super) fn push_logical(&mut self, binding: u8) -> Result<()> {
        self.reduce(binding)?;
        let jump = self.here();
        let (op, pending) = if binding == precedence::AND {
            (Op::JumpIfFalseOrPop(0), Pending::And(jump))
        } else {
            (Op::JumpIfTrueOrPop(0), Pending::Or(jump))
        };
        self.program.push(op, 0, 0);
        self.workspace.pending.push(pending);
        Ok(())
    }

    /// Handles a comparison operator, whose left operand is finished, and so is the comparison before it in a chain.
    pub(super) fn push_comparison(&mut self, comparison: Comparison) -> Result<()> {
        self.reduce(precedence::COMPARE + 1)?;
        let chain = match self.top() {
            Pending::Compare(previous, link) => {
                self.check_identity(previous)?;
                self.workspace.pending.pop();
                let place = self.here();
                // Until its target is known, a jump holds the distance to the one before it in the chain.
                let link = link.map_or(0, |link| Program::distance(place as usize, link as usize));
                self.emit_binary(Op::CompareChain(previous, link));
                Some(place)
            }
            _ => None,
        };
        self.workspace.pending.push(Pending::Compare(comparison, chain));
        Ok(())
    }

    /// Sets the targets of a chain's jumps to after its last comparison, and their ranges to the whole chain.
    fn finish_chain(&mut self, mut chain: Option<u32>, last: usize) {
        let whole = self.program.spans[last];
        while let Some(place) = chain {
            let place = place as usize;
            let Op::CompareChain(_, link) = self.program.ops[place] else {
                return;
            };
            chain = (link != 0).then(|| small(place.saturating_sub(link.unsigned_abs() as usize)));
            self.program.redirect(place, last + 1);
            self.program.spans[place] = whole;
        }
    }

    /// Checks that `is` has a literal None, True or False on its right.
    fn check_identity(&self, comparison: Comparison) -> Result<()> {
        if !matches!(comparison, Comparison::Is | Comparison::IsNot) {
            return Ok(());
        }
        let Some(operand) = self.workspace.operands.last() else {
            return Ok(());
        };
        match self.program.ops.get(operand.code as usize..) {
            Some([Op::None | Op::Bool(_)]) => Ok(()),
            _ => {
                Err(unsupported("'is' with anything but None, True and False").at(operand.start, operand.end))
            }
        }
    }

    /// Handles `value if`: the condition follows.
    pub(super) fn push_condition(&mut self) -> Result<()> {
        self.reduce(precedence::OR)?;
        if matches!(self.top(), Pending::Condition) {
            return Err(self.no_else());
        }
        self.workspace.pending.push(Pending::Condition);
        Ok(())
    }

    /// The error for `value if condition` without `else`.
    #[cold]
    pub(super) fn no_else(&self) -> Error {
        let error = syntax_error("expected 'else' after 'if' expression");
        match self.workspace.operands.as_slice() {
            [.., value, condition] => error.at(value.start, condition.end),
            _ => error.at(self.offset(), self.offset()),
        }
    }

    /// Handles `value if condition else`: the condition must run first, so the value's code moves after it.
    pub(super) fn push_otherwise(&mut self) -> Result<()> {
        self.reduce(precedence::OR)?;
        if !matches!(self.top(), Pending::Condition) {
            return Err(self.invalid());
        }
        self.workspace.pending.pop();
        let condition = self.pop_operand();
        let value = self.pop_operand();
        self.program
            .push(Op::JumpIfFalse(0), condition.start, condition.end);
        let (value_code, condition_code) = (value.code as usize, condition.code as usize);
        self.program.rotate(value_code, condition_code - value_code);
        let branch = value_code + self.program.len() - condition_code - 1;
        let jump = self.here();
        self.program.push(Op::Jump(0), value.start, value.end);
        self.program.land(branch);
        self.workspace.pending.push(Pending::Otherwise(jump));
        self.push_operand(value.start, value.end, value.code);
        Ok(())
    }

    /// Emits all pending operators down to the bracket, which ends one whole expression.
    pub(super) fn finish_test(&mut self) -> Result<()> {
        loop {
            self.reduce(precedence::OR)?;
            match self.top() {
                Pending::Otherwise(jump) => {
                    self.workspace.pending.pop();
                    self.program.land(jump as usize);
                    self.merge_operands();
                }
                Pending::Condition => return Err(self.no_else()),
                _ => return Ok(()),
            }
        }
    }
}
