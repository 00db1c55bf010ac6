//! Calls.
//!
//! Owns what can be called, and passes the arguments from the stack to a function.

use super::program::{Op, UnsupportedValue};
use super::{Context, Machine};
use crate::budget::Budget;
use crate::error::{Error, Result, attribute_error, type_error, unsupported};
use crate::object::Object;
use crate::object::arguments::CallArguments;

impl Machine {
    pub(super) fn callee(&mut self, op: Op, context: Context<'_>) -> Result<()> {
        let callee = match op {
            Op::MathFunction(function) => Object::Function(function.function()),
            Op::Callee(symbol) => self.lookup(symbol, context)?,
            Op::Fail(UnsupportedValue::Math) => return Err(unsupported("the module math as a value")),
            Op::Fail(UnsupportedValue::MathFunction) => {
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

    /// Calls the value below the arguments on the stack. The last arguments may have keywords.
    pub(super) fn call(
        &mut self,
        positional: usize,
        keywords: &[u32],
        context: Context<'_>,
        budget: &mut Budget,
    ) -> Result<()> {
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
        let arguments = CallArguments::new(
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
}

pub(super) fn not_callable(value: &Object) -> Error {
    type_error(format!("'{}' object is not callable", value.type_name()))
}
