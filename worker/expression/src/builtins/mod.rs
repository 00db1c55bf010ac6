//! The functions of the language.
//!
//! Owns their table, their names, and which of them take a bare generator. What they do is in the files of this
//! folder by topic, and in `math` for those of that module.

mod collections;
mod conversions;
pub(crate) mod math;
mod numbers;
mod texts;

use crate::budget::Budget;
use crate::error::Outcome;
use crate::object::Object;
pub(crate) use crate::object::arguments::Arguments;

/// What runs when a function is called.
pub(crate) type Body = fn(&Arguments<'_>, &mut Budget) -> Outcome<Object>;

/// A function of the language.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    pub(crate) consumer: Consumer,
    pub(crate) body: Body,
}

/// Does a function take a bare generator as its only argument?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Consumer {
    Yes,
    No,
}

/// A function, by its place in a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Function {
    module: Module,
    index: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Module {
    Builtins,
    Math,
}

/// Sorted by name.
static BUILTINS: [Entry; 27] = [
    entry("abs", Consumer::No, numbers::abs),
    entry("all", Consumer::Yes, collections::all),
    entry("any", Consumer::Yes, collections::any),
    entry("ascii", Consumer::No, texts::ascii),
    entry("bin", Consumer::No, texts::bin),
    entry("bool", Consumer::No, conversions::bool),
    entry("chr", Consumer::No, texts::chr),
    entry("dict", Consumer::Yes, conversions::dict),
    entry("divmod", Consumer::No, numbers::divmod),
    entry("float", Consumer::No, conversions::float),
    entry("hex", Consumer::No, texts::hex),
    entry("int", Consumer::No, conversions::int),
    entry("len", Consumer::No, collections::len),
    entry("list", Consumer::Yes, conversions::list),
    entry("max", Consumer::Yes, collections::max),
    entry("min", Consumer::Yes, collections::min),
    entry("oct", Consumer::No, texts::oct),
    entry("ord", Consumer::No, texts::ord),
    entry("pow", Consumer::No, numbers::pow),
    entry("range", Consumer::No, conversions::range),
    entry("repr", Consumer::No, texts::repr),
    entry("round", Consumer::No, numbers::round),
    entry("set", Consumer::Yes, conversions::set),
    entry("sorted", Consumer::Yes, collections::sorted),
    entry("str", Consumer::No, texts::str),
    entry("sum", Consumer::Yes, collections::sum),
    entry("tuple", Consumer::Yes, conversions::tuple),
];

pub(crate) const fn entry(name: &'static str, consumer: Consumer, body: Body) -> Entry {
    Entry { name, consumer, body }
}

impl Function {
    pub(crate) const ALL: Self = Self {
        module: Module::Builtins,
        index: 1,
    };
    pub(crate) const ANY: Self = Self {
        module: Module::Builtins,
        index: 2,
    };

    /// The builtin function of a name.
    #[inline]
    pub(crate) fn builtin(name: &[u8]) -> Option<Self> {
        find(&BUILTINS, name).map(|index| Self {
            module: Module::Builtins,
            index,
        })
    }

    /// The function of the `math` module of a name.
    pub(crate) fn math(name: &[u8]) -> Option<Self> {
        find(&math::FUNCTIONS, name).map(|index| Self {
            module: Module::Math,
            index,
        })
    }

    fn entry(self) -> &'static Entry {
        match self.module {
            Module::Builtins => &BUILTINS[usize::from(self.index)],
            Module::Math => &math::FUNCTIONS[usize::from(self.index)],
        }
    }

    pub(crate) fn name(self) -> &'static str {
        self.entry().name
    }

    /// What stands before the name in Python: `math.` or nothing.
    pub(crate) fn module(self) -> &'static str {
        match self.module {
            Module::Builtins => "",
            Module::Math => "math.",
        }
    }

    pub(crate) fn is_consumer(self) -> bool {
        self.entry().consumer == Consumer::Yes
    }

    pub(crate) fn call(self, arguments: &Arguments<'_>, budget: &mut Budget) -> Outcome<Object> {
        (self.entry().body)(arguments, budget)
    }
}

fn find(table: &[Entry], name: &[u8]) -> Option<u8> {
    let place = table
        .binary_search_by(|entry| entry.name.as_bytes().cmp(name))
        .ok()?;
    u8::try_from(place).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted() {
        assert!(BUILTINS.is_sorted_by_key(|entry| entry.name));
        assert!(math::FUNCTIONS.is_sorted_by_key(|entry| entry.name));
    }

    #[test]
    fn any_and_all_are_where_they_are_said_to_be() {
        assert_eq!(Function::builtin(b"any"), Some(Function::ANY));
        assert_eq!(Function::builtin(b"all"), Some(Function::ALL));
        assert_eq!(Function::builtin(b"print"), None);
        assert!(Function::math(b"prod").is_some_and(Function::is_consumer));
    }
}
