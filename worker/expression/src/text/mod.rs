//! Text: `repr` of values, and conversion of strings to numbers.

pub(crate) mod float_text;
pub(crate) mod int_text;
mod nonprintable;
pub(crate) mod quote;
pub(crate) mod repr;
