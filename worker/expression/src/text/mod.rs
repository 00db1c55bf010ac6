//! Text: how values are written, and how numbers are read from strings.

pub(crate) mod float_text;
pub(crate) mod int_text;
mod nonprintable;
pub(crate) mod quote;
pub(crate) mod repr;
