//! The functions of the language.
//!
//! Owns the table of the builtin functions, with their names and which of them accept a bare generator. Their
//! implementations are in the modules below, by topic. `math` has the functions of that module.

mod collections;
mod conversions;
pub(crate) mod math;
mod numbers;
mod texts;

use crate::object::function::{Consumer, Function, Implementation, find};

/// The builtin functions, sorted by name.
static BUILTINS: [Function; 27] = [
    function("abs", Consumer::No, numbers::abs),
    function("all", Consumer::Yes, collections::all),
    function("any", Consumer::Yes, collections::any),
    function("ascii", Consumer::No, texts::ascii),
    function("bin", Consumer::No, texts::bin),
    function("bool", Consumer::No, conversions::bool),
    function("chr", Consumer::No, texts::chr),
    function("dict", Consumer::Yes, conversions::dict),
    function("divmod", Consumer::No, numbers::divmod),
    function("float", Consumer::No, conversions::float),
    function("hex", Consumer::No, texts::hex),
    function("int", Consumer::No, conversions::int),
    function("len", Consumer::No, collections::len),
    function("list", Consumer::Yes, conversions::list),
    function("max", Consumer::Yes, collections::max),
    function("min", Consumer::Yes, collections::min),
    function("oct", Consumer::No, texts::oct),
    function("ord", Consumer::No, texts::ord),
    function("pow", Consumer::No, numbers::pow),
    function("range", Consumer::No, conversions::range),
    function("repr", Consumer::No, texts::repr),
    function("round", Consumer::No, numbers::round),
    function("set", Consumer::Yes, conversions::set),
    function("sorted", Consumer::Yes, collections::sorted),
    function("str", Consumer::No, texts::str),
    function("sum", Consumer::Yes, collections::sum),
    function("tuple", Consumer::Yes, conversions::tuple),
];

const fn function(name: &'static str, consumer: Consumer, implementation: Implementation) -> Function {
    Function::new("", name, consumer, implementation)
}

/// `all`. The parser compiles its generator to a loop that ends early.
pub(crate) static ALL: &Function = &BUILTINS[1];
/// `any`. The parser compiles its generator to a loop that ends early.
pub(crate) static ANY: &Function = &BUILTINS[2];

/// The builtin function with this name.
#[inline]
pub(crate) fn builtin(name: &[u8]) -> Option<&'static Function> {
    find(&BUILTINS, name).map(|place| &BUILTINS[place])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(BUILTINS.is_sorted_by_key(Function::name));
    }

    #[test]
    fn any_and_all_are_at_their_indices() {
        assert!(builtin(b"any").is_some_and(|function| std::ptr::eq(function, ANY)));
        assert!(builtin(b"all").is_some_and(|function| std::ptr::eq(function, ALL)));
        assert!(builtin(b"print").is_none());
    }
}
