//! Tests of the command `pool`: the real program as its users run it.
//!
//! Each test starts processes under a watchdog (see [`command`]), so none can hang. Tests do not sleep: they read or poll
//! for what they wait for.

mod command;
mod endings;
mod failures;
mod faults;
mod halting;
mod input;
mod limits;
mod names;
mod order;
mod output;
mod python;
mod signals;
mod streaming;
mod terminal;
