//! The command `pool`: runs jobs from the command line in a pool of worker processes.
//!
//! The program is its own worker: the pool starts it again with an argument that only the pool passes, and `main` then
//! serves expressions instead of reading the command line. So one installed file is the whole system.
//!
//! Owns the command line, the input and the output. The crate `worker` evaluates expressions; the crate `pool` schedules
//! them and handles the death of workers.

mod args;
mod chunk;
mod diagnostics;
mod exit;
mod failure;
mod input;
mod input_budget;
mod json;
mod logging;
mod notices;
mod pending;
mod pool_input;
mod printer;
mod progress;
mod reader;
mod records;
mod run;
mod setup;
mod signals;
mod text;

use std::process::ExitCode;

use clap::Parser;

use crate::{
    args::{Arguments, Command},
    exit::Ending,
};

fn main() -> ExitCode {
    worker::eval::service().run_if_worker();
    let ending = match Arguments::try_parse() {
        Ok(Arguments {
            command: Command::Eval(arguments),
        }) => run::evaluate(*arguments),
        Err(error) => {
            // This is also how help and version are printed. A write error does not matter: the reader has left.
            drop(error.print());
            if error.use_stderr() {
                Ending::Usage
            } else {
                Ending::AllGood
            }
        }
    };
    ending.into()
}
