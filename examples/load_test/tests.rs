//! The parts of the load test, each with its own tests. `tests/programs` tests the program as a whole.

#![expect(dead_code, reason = "the program's main code, which is not here, uses it")]
#![expect(clippy::print_stdout, reason = "a program that shows something")]
#![expect(
    clippy::cast_precision_loss,
    reason = "figures for people have three digits, not sixteen"
)]

mod arguments;
mod arrivals;
mod baseline;
mod charts;
mod figures;
mod job;
mod kind;
mod mapping;
mod page;
mod recipe;
mod recorder;
mod run;
mod sampler;
mod spin;
mod submitting;
mod sweep;
mod text;
mod usage;
