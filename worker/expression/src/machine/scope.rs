//! Running comprehensions.
//!
//! Owns their results so far, their loops, and how their variables hide other names.

use super::call::not_callable;
use super::program::{Collector, Op, Program};
use super::slot::Slot;
use super::{Context, Machine};
use crate::budget::Budget;
use crate::error::{Result, type_error, unsupported, value_error};
use crate::object::Object;
use crate::object::dict::DictBuilder;
use crate::object::iterate::Cursor;
use crate::object::set::SetBuilder;

/// A running comprehension.
#[derive(Debug)]
pub(super) struct ActiveScope {
    pub(super) index: u32,
    /// The number of cursors outside the comprehension.
    cursors: usize,
    result: Collected,
}

/// The result of a comprehension so far.
#[derive(Debug)]
enum Collected {
    List(Vec<Object>),
    Set(SetBuilder),
    Dict(DictBuilder),
    Truth(bool),
}

impl Machine {
    /// Performs an operation of comprehensions, except jumps.
    pub(super) fn comprehension(&mut self, op: Op, context: Context<'_>, budget: &mut Budget) -> Result<()> {
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

    fn unpack(&mut self, count: usize, budget: &mut Budget) -> Result<()> {
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
    fn append(&mut self, budget: &mut Budget) -> Result<()> {
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

    fn leave(&mut self, program: &Program, budget: &mut Budget) -> Result<()> {
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

    /// Pushes the next item of the innermost loop. Returns whether there is none.
    pub(super) fn next(&mut self, budget: &mut Budget) -> Result<bool> {
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

    pub(super) fn decide(&mut self, decisive: bool) -> bool {
        let decided = self.pop().is_true() == decisive;
        if decided && let Some(scope) = self.scopes.last_mut() {
            scope.result = Collected::Truth(decisive);
            self.cursors.truncate(scope.cursors);
        }
        decided
    }
}
