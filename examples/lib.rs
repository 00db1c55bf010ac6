//! Programs that teach the pool. Each is an example of this package: `cargo run --release -p examples --example NAME`.
//!
//! Shared code is here: figures of several rounds and how to show them, and the memory of a process.

mod proportional_set;
mod spread;
mod table;

pub use proportional_set::proportional_set_kib;
pub use spread::{Spread, median};
pub use table::{Goal, Table};
