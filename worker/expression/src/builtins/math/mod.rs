//! The `math` module of the language.
//!
//! Owns its constants and the table of its functions. The implementations are in the modules below, by topic.

mod combinatorics;
mod convert;
mod roots;
mod sums;
mod transcendental;

use crate::object::function::{Consumer, Function, Implementation, find};

/// The value of a constant.
pub(crate) fn constant(name: &[u8]) -> Option<f64> {
    Some(match name {
        b"pi" => std::f64::consts::PI,
        b"e" => std::f64::consts::E,
        b"tau" => std::f64::consts::TAU,
        b"inf" => f64::INFINITY,
        b"nan" => f64::NAN,
        _ => return None,
    })
}

/// The functions of the module, sorted by name.
static FUNCTIONS: [Function; 41] = [
    function("acos", Consumer::No, transcendental::acos),
    function("acosh", Consumer::No, transcendental::acosh),
    function("asin", Consumer::No, transcendental::asin),
    function("asinh", Consumer::No, transcendental::asinh),
    function("atan", Consumer::No, transcendental::atan),
    function("atan2", Consumer::No, transcendental::atan2),
    function("atanh", Consumer::No, transcendental::atanh),
    function("ceil", Consumer::No, convert::ceil),
    function("comb", Consumer::No, combinatorics::comb),
    function("copysign", Consumer::No, convert::copysign),
    function("cos", Consumer::No, transcendental::cos),
    function("cosh", Consumer::No, transcendental::cosh),
    function("degrees", Consumer::No, convert::degrees),
    function("exp", Consumer::No, transcendental::exp),
    function("expm1", Consumer::No, transcendental::expm1),
    function("fabs", Consumer::No, convert::fabs),
    function("factorial", Consumer::No, combinatorics::factorial),
    function("floor", Consumer::No, convert::floor),
    function("fmod", Consumer::No, convert::fmod),
    function("fsum", Consumer::Yes, sums::fsum),
    function("gcd", Consumer::No, combinatorics::gcd),
    function("hypot", Consumer::No, roots::hypot),
    function("isfinite", Consumer::No, convert::isfinite),
    function("isinf", Consumer::No, convert::isinf),
    function("isnan", Consumer::No, convert::isnan),
    function("isqrt", Consumer::No, roots::isqrt),
    function("lcm", Consumer::No, combinatorics::lcm),
    function("log", Consumer::No, transcendental::log),
    function("log10", Consumer::No, transcendental::log10),
    function("log1p", Consumer::No, transcendental::log1p),
    function("log2", Consumer::No, transcendental::log2),
    function("perm", Consumer::No, combinatorics::perm),
    function("pow", Consumer::No, transcendental::pow),
    function("prod", Consumer::Yes, sums::prod),
    function("radians", Consumer::No, convert::radians),
    function("sin", Consumer::No, transcendental::sin),
    function("sinh", Consumer::No, transcendental::sinh),
    function("sqrt", Consumer::No, roots::sqrt),
    function("tan", Consumer::No, transcendental::tan),
    function("tanh", Consumer::No, transcendental::tanh),
    function("trunc", Consumer::No, convert::trunc),
];

const fn function(name: &'static str, consumer: Consumer, implementation: Implementation) -> Function {
    Function::new("math.", name, consumer, implementation)
}

/// A function of the module, by its index in the table, which is small enough for an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MathFunction(u8);

impl MathFunction {
    /// The function with this name.
    pub(crate) fn find(name: &[u8]) -> Option<Self> {
        find(&FUNCTIONS, name)
            .and_then(|place| u8::try_from(place).ok())
            .map(Self)
    }

    pub(crate) fn function(self) -> &'static Function {
        &FUNCTIONS[usize::from(self.0)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(FUNCTIONS.is_sorted_by_key(Function::name));
    }

    #[test]
    fn a_function_is_found_by_its_name() {
        assert!(MathFunction::find(b"prod").is_some_and(|found| found.function().is_consumer()));
        assert!(MathFunction::find(b"pi").is_none());
    }
}
