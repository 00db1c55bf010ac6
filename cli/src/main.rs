//! The command `pool`.
fn main() {}
