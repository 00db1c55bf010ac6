//! A function of the language.
//!
//! Owns its name, its implementation and whether it accepts a bare generator. The tables of functions are in `builtins`.

use super::Object;
use super::arguments::CallArguments;
use crate::budget::Budget;
use crate::error::Result;

/// The code that runs on a call.
pub(crate) type Implementation = fn(&CallArguments<'_>, &mut Budget) -> Result<Object>;

/// A function of the language, in one of the static tables.
#[derive(Debug)]
pub(crate) struct Function {
    /// `math.` if the function is in that module, empty otherwise.
    module: &'static str,
    name: &'static str,
    consumer: Consumer,
    implementation: Implementation,
}

/// Whether a function accepts a bare generator as its only argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Consumer {
    Yes,
    No,
}

impl Function {
    pub(crate) const fn new(
        module: &'static str,
        name: &'static str,
        consumer: Consumer,
        implementation: Implementation,
    ) -> Self {
        Self {
            module,
            name,
            consumer,
            implementation,
        }
    }

    /// The name, without the module.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// `math.` if the function is in that module, empty otherwise.
    pub(crate) fn module(&self) -> &'static str {
        self.module
    }

    pub(crate) fn is_consumer(&self) -> bool {
        self.consumer == Consumer::Yes
    }

    pub(crate) fn call(&self, arguments: &CallArguments<'_>, budget: &mut Budget) -> Result<Object> {
        (self.implementation)(arguments, budget)
    }
}

/// The index of a name in a table that is sorted by name.
#[inline]
pub(crate) fn find(table: &[Function], name: &[u8]) -> Option<usize> {
    table
        .binary_search_by(|function| function.name.as_bytes().cmp(name))
        .ok()
}
