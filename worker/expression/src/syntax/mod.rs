//! From text to a program: tokens and the parser.

pub(crate) mod keyword;
pub(crate) mod number;
pub(crate) mod parser;
pub(crate) mod scan;
pub(crate) mod string_literal;
