//! The `math` module of the language.
//!
//! Owns its constants and the table of its functions. What the C library computes is in `transcendental`; sums,
//! combinatorics and the rest have files of their own.

mod combinatorics;
mod convert;
mod roots;
mod sums;
mod transcendental;

use self::convert::{integer, real};
use crate::builtins::{Consumer, Entry, entry};

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

/// Sorted by name.
pub(crate) static FUNCTIONS: [Entry; 41] = [
    entry("acos", Consumer::No, transcendental::acos),
    entry("acosh", Consumer::No, transcendental::acosh),
    entry("asin", Consumer::No, transcendental::asin),
    entry("asinh", Consumer::No, transcendental::asinh),
    entry("atan", Consumer::No, transcendental::atan),
    entry("atan2", Consumer::No, transcendental::atan2),
    entry("atanh", Consumer::No, transcendental::atanh),
    entry("ceil", Consumer::No, convert::ceil),
    entry("comb", Consumer::No, combinatorics::comb),
    entry("copysign", Consumer::No, convert::copysign),
    entry("cos", Consumer::No, transcendental::cos),
    entry("cosh", Consumer::No, transcendental::cosh),
    entry("degrees", Consumer::No, convert::degrees),
    entry("exp", Consumer::No, transcendental::exp),
    entry("expm1", Consumer::No, transcendental::expm1),
    entry("fabs", Consumer::No, convert::fabs),
    entry("factorial", Consumer::No, combinatorics::factorial),
    entry("floor", Consumer::No, convert::floor),
    entry("fmod", Consumer::No, convert::fmod),
    entry("fsum", Consumer::Yes, sums::fsum),
    entry("gcd", Consumer::No, combinatorics::gcd),
    entry("hypot", Consumer::No, roots::hypot),
    entry("isfinite", Consumer::No, convert::isfinite),
    entry("isinf", Consumer::No, convert::isinf),
    entry("isnan", Consumer::No, convert::isnan),
    entry("isqrt", Consumer::No, roots::isqrt),
    entry("lcm", Consumer::No, combinatorics::lcm),
    entry("log", Consumer::No, transcendental::log),
    entry("log10", Consumer::No, transcendental::log10),
    entry("log1p", Consumer::No, transcendental::log1p),
    entry("log2", Consumer::No, transcendental::log2),
    entry("perm", Consumer::No, combinatorics::perm),
    entry("pow", Consumer::No, transcendental::pow),
    entry("prod", Consumer::Yes, sums::prod),
    entry("radians", Consumer::No, convert::radians),
    entry("sin", Consumer::No, transcendental::sin),
    entry("sinh", Consumer::No, transcendental::sinh),
    entry("sqrt", Consumer::No, roots::sqrt),
    entry("tan", Consumer::No, transcendental::tan),
    entry("tanh", Consumer::No, transcendental::tanh),
    entry("trunc", Consumer::No, convert::trunc),
];
