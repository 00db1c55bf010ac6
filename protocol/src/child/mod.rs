//! What every child process of this library does in the same way, whatever it was started for.
//!
//! A pool's worker and a child with a function to run learn their [`Role`] from their first argument, take the control
//! socket from standard input ([`take_control`]), are listed under their program's name ([`take_program_name`]),
//! end when their parent ends ([`watchdog`]), and report panics ([`panics`]). What they do then is for the crates
//! `worker` and `pool`.

mod name;
pub mod panics;
mod role;
mod stdin;
pub mod watchdog;

pub use name::take_program_name;
pub use role::Role;
pub use stdin::{ControlMissing, take_control};
