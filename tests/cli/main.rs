//! Tests of the command.
fn main() {}
