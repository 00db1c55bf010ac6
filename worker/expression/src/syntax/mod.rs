//! The syntax of the language: tokens, and the parser that writes programs.

pub(crate) mod keyword;
pub(crate) mod number;
pub(crate) mod parser;
pub(crate) mod scan;
pub(crate) mod string_literal;
