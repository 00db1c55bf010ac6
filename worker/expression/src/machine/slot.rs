//! The current meaning of names.
//!
//! Owns the order of lookup: variables of comprehensions, the bound names, functions. `scope` hides variables and restores
//! them.

use super::{Context, Machine};
use crate::error::{Error, Result, name_error, unsupported};
use crate::object::Object;

/// The binding of a name.
#[derive(Debug, Clone)]
pub(super) enum Slot {
    /// Not a variable of a comprehension: looked up in the bound names.
    Global,
    /// A variable of a comprehension that has no value yet.
    Unbound,
    Bound(Object),
}

impl Machine {
    /// Pushes the value of a variable. A function is an error here, because functions aren't values.
    pub(super) fn name(&mut self, symbol: u32, context: Context<'_>) -> Result<()> {
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

    pub(super) fn lookup(&mut self, symbol: u32, context: Context<'_>) -> Result<Object> {
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

    /// The error for a comprehension's variable that has no value yet.
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
}
