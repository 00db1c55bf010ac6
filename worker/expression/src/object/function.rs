//! What a function of the language is.
//!
//! Owns the name, the body and whether a bare generator is taken. The tables of functions are in `builtins`.

use super::Object;
use super::arguments::Arguments;
use crate::budget::Budget;
use crate::error::Outcome;

/// What runs when a function is called.
pub(crate) type Body = fn(&Arguments<'_>, &mut Budget) -> Outcome<Object>;

/// A function of the language, which is a row of a static table.
#[derive(Debug)]
pub(crate) struct Function {
    /// What stands before the name in Python: `math.` or nothing.
    module: &'static str,
    name: &'static str,
    consumer: Consumer,
    body: Body,
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
        body: Body,
    ) -> Self {
        Self {
            module,
            name,
            consumer,
            body,
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

    pub(crate) fn call(&self, arguments: &Arguments<'_>, budget: &mut Budget) -> Outcome<Object> {
        (self.body)(arguments, budget)
    }
}

/// The place of a name in a table that is sorted by name.
#[inline]
pub(crate) fn find(table: &[Function], name: &[u8]) -> Option<usize> {
    table
        .binary_search_by(|function| function.name.as_bytes().cmp(name))
        .ok()
}
