//! Runs programs.
//!
//! Owns the stack of values, the jumps, and the buffers of a run, which the next run reuses. The meaning of operations on
//! values is in `operator` and `object`.

pub(crate) mod bindings;
mod call;
pub(crate) mod program;
mod scope;
mod slot;

use self::bindings::Bindings;
use self::program::{Op, Program};
use self::scope::ActiveScope;
use self::slot::Slot;
use crate::budget::Budget;
use crate::error::Result;
use crate::object::Object;
use crate::object::compare::Comparison;
use crate::object::dict::DictBuilder;
use crate::object::iterate::Cursor;
use crate::object::set::SetBuilder;
use crate::operator::arithmetic::{BinaryOperator, binary, unary};
use crate::operator::comparison::compare;
use crate::operator::slice::{slice, slices_in_a_tuple, subscript};

/// The state of a run, whose buffers are reused.
#[derive(Debug, Default)]
pub(crate) struct Machine {
    stack: Vec<Object>,
    cursors: Vec<Cursor>,
    scopes: Vec<ActiveScope>,
    /// The current binding of each symbol.
    slots: Vec<Slot>,
    /// The bindings that variables of open scopes hide.
    hidden: Vec<Slot>,
}

/// The input of a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) program: &'a Program,
    pub(crate) source: &'a [u8],
    pub(crate) names: &'a Bindings,
}

impl Machine {
    /// Runs a program to its end. An error carries the range of the operation that failed.
    pub(crate) fn run(&mut self, context: Context<'_>, budget: &mut Budget) -> Result<Object> {
        self.slots.resize(context.program.symbols.len(), Slot::Global);
        let outcome = self.run_all(context, budget);
        self.clear();
        outcome
    }

    fn clear(&mut self) {
        self.stack.clear();
        self.cursors.clear();
        self.scopes.clear();
        self.slots.clear();
        self.hidden.clear();
    }

    fn run_all(&mut self, context: Context<'_>, budget: &mut Budget) -> Result<Object> {
        let ops = context.program.ops.as_slice();
        let mut place = 0;
        while let Some(&op) = ops.get(place) {
            if self.quick_step(op) {
                place += 1;
                continue;
            }
            match self.step(op, place, context, budget) {
                Ok(next) => place = next,
                Err(error) => {
                    let span = context.program.spans.get(place).copied().unwrap_or_default();
                    return Err(error.at(span.start, span.end));
                }
            }
        }
        Ok(self.pop())
    }

    /// Performs an operation of plain arithmetic that needs no budget and cannot fail. Returns whether this was one.
    #[inline]
    fn quick_step(&mut self, op: Op) -> bool {
        match op {
            Op::Integer(value) => {
                self.stack.push(Object::Int(i64::from(value)));
                true
            }
            Op::Binary(operator) => self.quick_binary(operator),
            Op::BinaryInteger(operator, right) => match self.stack.last_mut() {
                Some(Object::Int(left)) => quick_int(operator, left, i64::from(right)),
                _ => false,
            },
            _ => false,
        }
    }

    /// Evaluates an operator on two numbers of one type, if the result is of that type too.
    #[inline]
    fn quick_binary(&mut self, operator: BinaryOperator) -> bool {
        match self.stack.as_mut_slice() {
            [.., Object::Int(left), Object::Int(right)] => {
                if !quick_int(operator, left, *right) {
                    return false;
                }
            }
            [.., Object::Float(left), Object::Float(right)] => match operator {
                BinaryOperator::Add => *left += *right,
                BinaryOperator::Subtract => *left -= *right,
                BinaryOperator::Multiply => *left *= *right,
                _ => return false,
            },
            _ => return false,
        }
        // A number owns no memory, so there is nothing to drop.
        std::mem::forget(self.stack.pop());
        true
    }

    #[inline]
    fn pop(&mut self) -> Object {
        self.stack.pop().unwrap_or(Object::None)
    }

    /// Performs one operation. Returns the index of the next.
    #[inline]
    fn step(&mut self, op: Op, place: usize, context: Context<'_>, budget: &mut Budget) -> Result<usize> {
        match op {
            Op::Constant(index) => self.stack.push(context.program.constants[index as usize].clone()),
            Op::None => self.stack.push(Object::None),
            Op::Bool(value) => self.stack.push(Object::Bool(value)),
            Op::Name(symbol) => self.name(symbol, context)?,
            Op::Binary(operator) => {
                let right = self.pop();
                self.binary(operator, &right, budget)?;
            }
            Op::BinaryInteger(operator, right) => {
                self.binary(operator, &Object::Int(i64::from(right)), budget)?;
            }
            Op::Unary(operator) => {
                let operand = self.pop();
                self.stack.push(unary(operator, &operand, budget)?);
            }
            Op::Not => {
                let operand = self.pop();
                self.stack.push(Object::Bool(!operand.is_true()));
            }
            Op::Compare(comparison) => self.compare(comparison, budget)?,
            Op::CompareChain(..)
            | Op::JumpIfFalseOrPop(_)
            | Op::JumpIfTrueOrPop(_)
            | Op::JumpIfFalse(_)
            | Op::Jump(_)
            | Op::Next(_)
            | Op::Decide(_) => return self.jump(op, place, budget),
            Op::Tuple(_) | Op::List(_) | Op::Set(_) | Op::Dict(_) => self.display(op, budget)?,
            Op::Subscript | Op::Slice | Op::SliceTuple(_) => self.subscript(op, budget)?,
            Op::Call(count) => self.call(count as usize, &[], context, budget)?,
            Op::CallKeywords(shape) => {
                let shape = &context.program.shapes[shape as usize];
                self.call(shape.positional, &shape.keywords, context, budget)?;
            }
            Op::Callee(_) | Op::MathFunction(_) | Op::Fail(_) | Op::NoSuchMath(_) => {
                self.callee(op, context)?;
            }
            _ => self.comprehension(op, context, budget)?,
        }
        Ok(place + 1)
    }

    fn binary(&mut self, operator: BinaryOperator, right: &Object, budget: &mut Budget) -> Result<()> {
        if let Some(left) = self.stack.last_mut() {
            *left = binary(operator, left, right, budget)?;
        }
        Ok(())
    }

    #[inline]
    fn compare(&mut self, comparison: Comparison, budget: &mut Budget) -> Result<()> {
        let right = self.pop();
        let left = self.pop();
        let truth = match (&left, &right) {
            (Object::Int(left), Object::Int(right)) if is_order(comparison) => {
                comparison.accepts(left.cmp(right))
            }
            _ => compare(comparison, &left, &right, budget)?,
        };
        self.stack.push(Object::Bool(truth));
        Ok(())
    }

    /// Performs an operation that may jump.
    fn jump(&mut self, op: Op, place: usize, budget: &mut Budget) -> Result<usize> {
        let distance = match op {
            Op::CompareChain(comparison, distance) => {
                self.compare_chain(comparison, budget)?.then_some(distance)
            }
            Op::JumpIfFalseOrPop(distance) => self.keep_if(false).then_some(distance),
            Op::JumpIfTrueOrPop(distance) => self.keep_if(true).then_some(distance),
            Op::JumpIfFalse(distance) => (!self.pop().is_true()).then_some(distance),
            Op::Jump(distance) => Some(distance),
            Op::Next(distance) => self.next(budget)?.then_some(distance),
            // Skips one operation: the jump at the end of the loop.
            Op::Decide(decisive) => self.decide(decisive).then_some(2),
            _ => None,
        };
        match distance {
            None => Ok(place + 1),
            Some(distance) => {
                if distance < 0 {
                    // A loop step pays for itself and for the length of the loop.
                    budget.burn(1 + u64::from(distance.unsigned_abs() / 8))?;
                }
                Ok(place.saturating_add_signed(distance as isize))
            }
        }
    }

    /// Keeps the value if it has this truth value, drops it otherwise. Returns whether it was kept.
    fn keep_if(&mut self, truth: bool) -> bool {
        let keep = self.stack.last().is_some_and(|value| value.is_true() == truth);
        if !keep {
            self.stack.pop();
        }
        keep
    }

    /// Performs a comparison of a chain. Returns whether it is false, which ends the chain.
    fn compare_chain(&mut self, comparison: Comparison, budget: &mut Budget) -> Result<bool> {
        let right = self.pop();
        let left = self.pop();
        let truth = compare(comparison, &left, &right, budget)?;
        self.stack.push(if truth { right } else { Object::Bool(false) });
        Ok(!truth)
    }

    /// Pops the last `count` values.
    fn take(&mut self, count: u32) -> Vec<Object> {
        let base = self.stack.len().saturating_sub(count as usize);
        self.stack.drain(base..).collect()
    }

    fn display(&mut self, op: Op, budget: &mut Budget) -> Result<()> {
        let value = match op {
            Op::Tuple(count) => Object::tuple(self.take(count), budget)?,
            Op::List(count) => Object::list(self.take(count), budget)?,
            Op::Set(count) => {
                let mut builder = SetBuilder::default();
                for element in self.take(count) {
                    builder.insert(element, budget)?;
                }
                builder.finish(budget)?
            }
            Op::Dict(count) => {
                let mut builder = DictBuilder::default();
                let mut items = self.take(count * 2).into_iter();
                while let (Some(key), Some(value)) = (items.next(), items.next()) {
                    builder.insert(key, value, budget)?;
                }
                builder.finish(budget)?
            }
            _ => Object::None,
        };
        self.stack.push(value);
        Ok(())
    }

    fn subscript(&mut self, op: Op, budget: &mut Budget) -> Result<()> {
        let value = match op {
            Op::SliceTuple(count) => {
                self.take(count);
                let value = self.pop();
                return Err(slices_in_a_tuple(&value));
            }
            Op::Slice => {
                let (step, end, start, value) = (self.pop(), self.pop(), self.pop(), self.pop());
                slice(&value, [&start, &end, &step], budget)?
            }
            _ => {
                let (index, value) = (self.pop(), self.pop());
                subscript(&value, &index, budget)?
            }
        };
        self.stack.push(value);
        Ok(())
    }
}

/// Replaces the left operand by the result, if it fits 64 bits. Returns whether it does.
#[inline]
fn quick_int(operator: BinaryOperator, left: &mut i64, right: i64) -> bool {
    let value = match operator {
        BinaryOperator::Add => left.checked_add(right),
        BinaryOperator::Subtract => left.checked_sub(right),
        BinaryOperator::Multiply => left.checked_mul(right),
        _ => None,
    };
    if let Some(value) = value {
        *left = value;
    }
    value.is_some()
}

/// Returns whether the order of two ints decides this comparison.
fn is_order(comparison: Comparison) -> bool {
    !matches!(
        comparison,
        Comparison::In | Comparison::NotIn | Comparison::Is | Comparison::IsNot
    )
}
