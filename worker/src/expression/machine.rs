//! Runs programs.
//!
//! Owns the stack of values, the cursors of loops, the variables of comprehensions, and the memory of all of them,
//! which is kept from one run to the next. What the operations mean for values is elsewhere.

use super::arithmetic::{BinaryOperator, binary, unary};
use super::budget::Budget;
use super::compare::{Comparison, compare};
use super::dict::DictBuilder;
use super::error::{Error, Outcome, attribute_error, name_error, type_error, unsupported, value_error};
use super::functions::Arguments;
use super::iterate::Cursor;
use super::names::Names;
use super::object::Object;
use super::program::{Collector, Op, Program, Refusal};
use super::set::SetBuilder;
use super::slice::{slice, slices_in_a_tuple, subscript};

/// The memory of a run.
#[derive(Debug, Default)]
pub(crate) struct Machine {
    stack: Vec<Object>,
    cursors: Vec<Cursor>,
    scopes: Vec<ActiveScope>,
    /// What each symbol is bound to at the moment.
    slots: Vec<Slot>,
    /// What the variables of the open scopes hid.
    hidden: Vec<Slot>,
}

/// What is known of a name.
#[derive(Debug, Clone)]
enum Slot {
    /// Not a variable of a comprehension: see the job's names.
    Global,
    /// A variable of a comprehension that has no value yet.
    Unbound,
    Bound(Object),
}

/// A comprehension under way.
#[derive(Debug)]
struct ActiveScope {
    index: u32,
    /// The number of cursors outside of it.
    cursors: usize,
    result: Collected,
}

#[derive(Debug)]
enum Collected {
    List(Vec<Object>),
    Set(SetBuilder),
    Dict(DictBuilder),
    Truth(bool),
}

/// What a run reads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) program: &'a Program,
    pub(crate) source: &'a [u8],
    pub(crate) names: &'a Names,
}

impl Machine {
    /// Runs a program to its end. An error carries the range of the operation that failed.
    pub(crate) fn run(&mut self, context: Context<'_>, budget: &mut Budget) -> Outcome<Object> {
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

    fn run_all(&mut self, context: Context<'_>, budget: &mut Budget) -> Outcome<Object> {
        let ops = context.program.ops.as_slice();
        let mut place = 0;
        while let Some(&op) = ops.get(place) {
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

    #[inline]
    fn pop(&mut self) -> Object {
        self.stack.pop().unwrap_or(Object::None)
    }

    /// Performs one operation and gives the place of the next.
    #[inline]
    fn step(&mut self, op: Op, place: usize, context: Context<'_>, budget: &mut Budget) -> Outcome<usize> {
        match op {
            Op::Integer(value) => self.stack.push(Object::Int(i64::from(value))),
            Op::Constant(index) => self.stack.push(context.program.constants[index as usize].clone()),
            Op::None => self.stack.push(Object::None),
            Op::Bool(value) => self.stack.push(Object::Bool(value)),
            Op::Name(symbol) => self.name(symbol, context)?,
            Op::Binary(operator) => self.binary(operator, budget)?,
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

    #[inline]
    fn binary(&mut self, operator: BinaryOperator, budget: &mut Budget) -> Outcome<()> {
        let right = self.pop();
        let Some(left) = self.stack.last_mut() else {
            return Ok(());
        };
        if let (Object::Int(left), Object::Int(right)) = (&mut *left, &right) {
            let quick = match operator {
                BinaryOperator::Add => left.checked_add(*right),
                BinaryOperator::Subtract => left.checked_sub(*right),
                BinaryOperator::Multiply => left.checked_mul(*right),
                _ => None,
            };
            if let Some(value) = quick {
                *left = value;
                return Ok(());
            }
        }
        *left = binary(operator, left, &right, budget)?;
        Ok(())
    }

    #[inline]
    fn compare(&mut self, comparison: Comparison, budget: &mut Budget) -> Outcome<()> {
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

    /// The operations that may lead elsewhere.
    fn jump(&mut self, op: Op, place: usize, budget: &mut Budget) -> Outcome<usize> {
        let distance = match op {
            Op::CompareChain(comparison, distance) => {
                self.compare_chain(comparison, budget)?.then_some(distance)
            }
            Op::JumpIfFalseOrPop(distance) => self.keep_if(false).then_some(distance),
            Op::JumpIfTrueOrPop(distance) => self.keep_if(true).then_some(distance),
            Op::JumpIfFalse(distance) => (!self.pop().is_true()).then_some(distance),
            Op::Jump(distance) => Some(distance),
            Op::Next(distance) => self.next(budget)?.then_some(distance),
            // The operation between this one and the end of the scope is the loop's jump.
            Op::Decide(decisive) => self.decide(decisive).then_some(2),
            _ => None,
        };
        match distance {
            None => Ok(place + 1),
            Some(distance) => {
                if distance < 0 {
                    // A loop step pays for itself and for the length of the loop, which is not all free.
                    budget.burn(1 + u64::from(distance.unsigned_abs() / 8))?;
                }
                Ok(place.saturating_add_signed(distance as isize))
            }
        }
    }

    /// Keeps the value and says so, if it has this truth; drops it otherwise.
    fn keep_if(&mut self, truth: bool) -> bool {
        let keep = self.stack.last().is_some_and(|value| value.is_true() == truth);
        if !keep {
            self.stack.pop();
        }
        keep
    }

    /// Is the comparison false, so that the chain ends?
    fn compare_chain(&mut self, comparison: Comparison, budget: &mut Budget) -> Outcome<bool> {
        let right = self.pop();
        let left = self.pop();
        let truth = compare(comparison, &left, &right, budget)?;
        self.stack.push(if truth { right } else { Object::Bool(false) });
        Ok(!truth)
    }

    /// Pushes the next item of the innermost loop; says whether there is none.
    fn next(&mut self, budget: &mut Budget) -> Outcome<bool> {
        let item = match self.cursors.last_mut() {
            Some(cursor) => cursor.next(budget)?,
            None => None,
        };
        let is_over = item.is_none();
        match item {
            Some(item) => self.stack.push(item),
            None => drop(self.cursors.pop()),
        }
        Ok(is_over)
    }

    fn decide(&mut self, decisive: bool) -> bool {
        let decided = self.pop().is_true() == decisive;
        if decided && let Some(scope) = self.scopes.last_mut() {
            scope.result = Collected::Truth(decisive);
            self.cursors.truncate(scope.cursors);
        }
        decided
    }

    /// The last values, which leave the stack.
    fn take(&mut self, count: u32) -> Vec<Object> {
        let base = self.stack.len().saturating_sub(count as usize);
        self.stack.drain(base..).collect()
    }

    fn display(&mut self, op: Op, budget: &mut Budget) -> Outcome<()> {
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

    fn subscript(&mut self, op: Op, budget: &mut Budget) -> Outcome<()> {
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

    /// The value of a variable; a function is refused, because it would be one.
    fn name(&mut self, symbol: u32, context: Context<'_>) -> Outcome<()> {
        if let Slot::Bound(value) = &self.slots[symbol as usize] {
            self.stack.push(value.clone());
            return Ok(());
        }
        match self.lookup(symbol, context)? {
            Object::Function(function) => Err(unsupported(format!(
                "the function {} as a value",
                function.name()
            ))),
            value => {
                self.stack.push(value);
                Ok(())
            }
        }
    }

    fn lookup(&mut self, symbol: u32, context: Context<'_>) -> Outcome<Object> {
        let name = context.program.symbols[symbol as usize];
        match &self.slots[symbol as usize] {
            Slot::Bound(value) => return Ok(value.clone()),
            Slot::Unbound => {
                return Err(self.unbound(symbol, context));
            }
            Slot::Global => {}
        }
        if let Some(value) = context.names.get(name.name(context.source)) {
            self.slots[symbol as usize] = Slot::Bound(value.clone());
            return Ok(value.clone());
        }
        match name.function {
            Some(function) => Ok(Object::Function(function)),
            None => Err(name_error(format!(
                "name '{}' is not defined",
                name.text(context.source)
            ))),
        }
    }

    /// The refusal of a comprehension's variable that has no value yet.
    #[cold]
    fn unbound(&self, symbol: u32, context: Context<'_>) -> Error {
        let name = context.program.symbols[symbol as usize].text(context.source);
        let innermost = self
            .scopes
            .last()
            .map(|scope| &context.program.scopes[scope.index as usize]);
        let (kind, place) = if innermost.is_some_and(|scope| scope.variables.contains(&symbol)) {
            ("local", "")
        } else {
            ("free", " in enclosing scope")
        };
        name_error(format!(
            "cannot access {kind} variable '{name}' where it is not associated with a value{place}"
        ))
    }

    fn callee(&mut self, op: Op, context: Context<'_>) -> Outcome<()> {
        let callee = match op {
            Op::MathFunction(function) => Object::Function(function),
            Op::Callee(symbol) => self.lookup(symbol, context)?,
            Op::Fail(Refusal::MathAsValue) => return Err(unsupported("the module math as a value")),
            Op::Fail(Refusal::MathFunctionAsValue) => {
                return Err(unsupported("a function of math as a value"));
            }
            Op::NoSuchMath(symbol) => {
                let name = context.program.symbols[symbol as usize].text(context.source);
                return Err(attribute_error(format!(
                    "module 'math' has no attribute '{name}'"
                )));
            }
            _ => return Ok(()),
        };
        self.stack.push(callee);
        Ok(())
    }

    /// Calls what lies below the arguments, the last of which may have names.
    fn call(
        &mut self,
        positional: usize,
        keywords: &[u32],
        context: Context<'_>,
        budget: &mut Budget,
    ) -> Outcome<()> {
        let base = self.stack.len().saturating_sub(positional + keywords.len());
        let (below, arguments) = self.stack.split_at(base);
        let function = match below.last() {
            Some(Object::Function(function)) => *function,
            Some(other) => return Err(not_callable(other)),
            None => return Ok(()),
        };
        let names = keywords
            .iter()
            .map(|&symbol| context.program.symbols[symbol as usize].text(context.source));
        let arguments = Arguments::new(
            function.name(),
            &arguments[..positional],
            names.collect(),
            &arguments[positional..],
        )
        .in_module(function.module());
        budget.burn(1)?;
        let value = function.call(&arguments, budget)?;
        self.stack.truncate(base - 1);
        self.stack.push(value);
        Ok(())
    }

    /// The operations of comprehensions but for their jumps.
    fn comprehension(&mut self, op: Op, context: Context<'_>, budget: &mut Budget) -> Outcome<()> {
        match op {
            Op::Iterate => {
                let source = self.pop();
                self.cursors.push(Cursor::new(source)?);
            }
            Op::CheckConsumer => match self.stack.last() {
                Some(Object::Function(function)) if function.is_consumer() => {}
                Some(Object::Function(function)) => {
                    return Err(unsupported(format!(
                        "a generator as the argument of {}",
                        function.name()
                    )));
                }
                Some(other) => return Err(not_callable(other)),
                None => {}
            },
            Op::Enter(scope) => self.enter(scope, context.program),
            Op::Unpack(count) => self.unpack(count as usize, budget)?,
            Op::Store(symbol) => self.slots[symbol as usize] = Slot::Bound(self.pop()),
            Op::Append | Op::AppendPair => self.append(budget)?,
            Op::Leave => self.leave(context.program, budget)?,
            Op::DropCallee => {
                let value = self.pop();
                self.pop();
                self.stack.push(value);
            }
            _ => {}
        }
        Ok(())
    }

    fn enter(&mut self, index: u32, program: &Program) {
        let scope = &program.scopes[index as usize];
        for &variable in &scope.variables {
            let hidden = std::mem::replace(&mut self.slots[variable as usize], Slot::Unbound);
            self.hidden.push(hidden);
        }
        let result = match scope.collector {
            Collector::List => Collected::List(Vec::new()),
            Collector::Set => Collected::Set(SetBuilder::default()),
            Collector::Dict => Collected::Dict(DictBuilder::default()),
            Collector::Any => Collected::Truth(false),
            Collector::All => Collected::Truth(true),
        };
        self.scopes.push(ActiveScope {
            index,
            cursors: self.cursors.len().saturating_sub(1),
            result,
        });
    }

    fn unpack(&mut self, count: usize, budget: &mut Budget) -> Outcome<()> {
        let value = self.pop();
        let name = value.type_name();
        let mut cursor = Cursor::new(value)
            .map_err(|_| type_error(format!("cannot unpack non-iterable {name} object")))?;
        let base = self.stack.len();
        while let Some(item) = cursor.next(budget)? {
            if self.stack.len() - base == count {
                return Err(value_error(format!(
                    "too many values to unpack (expected {count})"
                )));
            }
            self.stack.push(item);
        }
        let found = self.stack.len() - base;
        if found < count {
            return Err(value_error(format!(
                "not enough values to unpack (expected {count}, got {found})"
            )));
        }
        self.stack[base..].reverse();
        Ok(())
    }

    /// Adds the value, or the key and the value below it, to the innermost result.
    fn append(&mut self, budget: &mut Budget) -> Outcome<()> {
        let value = self.pop();
        let Some(scope) = self.scopes.last_mut() else {
            return Ok(());
        };
        match &mut scope.result {
            Collected::List(items) => {
                budget.length(items.len() + 1)?;
                budget.allocate(16)?;
                items.push(value);
            }
            Collected::Set(builder) => builder.insert(value, budget)?,
            Collected::Dict(builder) => {
                let key = self.stack.pop().unwrap_or(Object::None);
                builder.insert(key, value, budget)?;
            }
            Collected::Truth(_) => {}
        }
        Ok(())
    }

    fn leave(&mut self, program: &Program, budget: &mut Budget) -> Outcome<()> {
        let Some(scope) = self.scopes.pop() else {
            return Ok(());
        };
        for &variable in program.scopes[scope.index as usize].variables.iter().rev() {
            self.slots[variable as usize] = self.hidden.pop().unwrap_or(Slot::Global);
        }
        let value = match scope.result {
            Collected::List(items) => Object::list(items, budget)?,
            Collected::Set(builder) => builder.finish(budget)?,
            Collected::Dict(builder) => builder.finish(budget)?,
            Collected::Truth(truth) => Object::Bool(truth),
        };
        self.stack.push(value);
        Ok(())
    }
}

/// Is this an operator that the order of two ints answers?
fn is_order(comparison: Comparison) -> bool {
    !matches!(
        comparison,
        Comparison::In | Comparison::NotIn | Comparison::Is | Comparison::IsNot
    )
}

fn not_callable(value: &Object) -> Error {
    type_error(format!("'{}' object is not callable", value.type_name()))
}
