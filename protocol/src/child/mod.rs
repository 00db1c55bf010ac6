//! What every process that a parent of this library has started does alike, whatever it was started for.
//!
//! A pool's worker and a child with a function to run learn their [`Role`] from their first argument, take the control
//! socket away from standard input ([`take_control`]), are listed under their program's name ([`take_program_name`]),
//! watch over their parent's life ([`watchdog`]), and tell of panics ([`panics`]). What they then do is for the crates
//! `worker` and `pool`.

mod name;
pub mod panics;
mod role;
mod stdin;
pub mod watchdog;

pub use name::take_program_name;
pub use role::Role;
pub use stdin::{ControlMissing, take_control};
