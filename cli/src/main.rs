//! The command `pool`: jobs from the command line, run by a pool of worker processes.
//!
//! The program is its own worker: a pool starts it again with an argument that only pools give, and `main` then serves
//! expressions instead of reading the command line. One installed file is a whole system.
//!
//! Owns the command line, the input and the output. What a worker does with an expression is for the crate `worker`,
//! who runs it and what happens when a worker dies for the crate `pool`.

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
        Err(answer) => {
            // Help and version are answers too; a reader that has gone away needs neither.
            drop(answer.print());
            if answer.use_stderr() {
                Ending::Usage
            } else {
                Ending::AllGood
            }
        }
    };
    ending.into()
}
