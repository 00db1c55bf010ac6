//! Tests of the command `pool`: the real program, as its users run it.
//!
//! Each test starts processes under a watchdog (see [`command`]), so that none can hang. Nothing is slept for: what a
//! test waits for, it reads or polls.

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
mod streaming;
