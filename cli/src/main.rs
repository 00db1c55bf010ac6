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
mod disposition;
mod exit;
mod failure;
mod input;
mod input_budget;
mod json;
mod logging;
mod notices;
mod opening;
mod pending;
mod pool_input;
mod printer;
mod progress;
mod reader;
mod records;
mod run;
mod running_pool;
mod setup;
mod signals;
mod stdio;
mod text;

use std::{
    io::{self, ErrorKind},
    process::ExitCode,
};

use clap::Parser;

use crate::{
    args::{Arguments, Command},
    exit::Ending,
    notices::Notices,
    progress::Progress,
    stdio::Stream,
};

fn main() -> ExitCode {
    worker::eval::service().run_if_worker();
    let ending = match Arguments::try_parse() {
        Ok(Arguments {
            command: Command::Eval(arguments),
        }) => check_output().map_or_else(unwritten, |()| run::evaluate(*arguments)),
        Err(error) if error.use_stderr() => {
            // A write error does not matter: there is no other place to report it.
            drop(error.print());
            Ending::Usage
        }
        // Help and version.
        Err(text) => match check_output().and_then(|()| text.print()) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => unwritten(error),
            _ => Ending::AllGood,
        },
    };
    ending.die_if_interrupted();
    ending.into()
}

/// An error if standard output was closed at the start.
fn check_output() -> io::Result<()> {
    if stdio::was_closed(Stream::Output) {
        return Err(io::Error::other("standard output is closed"));
    }
    Ok(())
}

#[expect(clippy::needless_pass_by_value, reason = "an error handler takes its error")]
fn unwritten(error: io::Error) -> Ending {
    let notices = Notices::new(Progress::hidden().bar().clone());
    notices.say(format_args!("cannot write the results: {error}"));
    Ending::PoolFailed
}
