//! What a function of the language is.
//!
//! Owns the name, the implementation and whether a bare generator is taken. The tables of functions are in `builtins`.

use super::Object;
use super::arguments::CallArguments;
use crate::budget::Budget;
use crate::error::Result;

/// What runs when a function is called.
pub(crate) type Implementation = fn(&CallArguments<'_>, &mut Budget) -> Result<Object>;

/// A function of the language, which is a row of a static table.
#[derive(Debug)]
pub(crate) struct Function {
    /// What stands before the name in Python: `math.` or nothing.
    module: &'static str,
    name: &'static str,
    consumer: Consumer,
    implementation: Implementation,
}

/// Does a function take a bare generator as its only argument?
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

    /// The name, without that of its module.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// What stands before the name in Python: `math.` or nothing.
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

/// The place of a name in a table that is sorted by name.
#[inline]
pub(crate) fn find(table: &[Function], name: &[u8]) -> Option<usize> {
    table
        .binary_search_by(|function| function.name.as_bytes().cmp(name))
        .ok()
}
