//! This program as its own child: the bare processes that the pool is compared with.

use std::{
    env,
    error::Error,
    io::{self, Write},
    process::Command,
};

use crate::{ipc, raw};

/// The argument that makes the program a child; the kind of child follows it.
const CHILD: &str = "--child=";

/// Runs as a child, when the program was started as one.
pub(crate) fn run_if_child() -> Option<Result<(), Box<dyn Error>>> {
    let argument = env::args().nth(1)?;
    let ended = match argument.strip_prefix(CHILD)? {
        "answer" => io::stdout().write_all(b"!").map_err(Into::into),
        "raw" => raw::serve().map_err(Into::into),
        "ipc" => ipc::serve_numbers(),
        "ipc-bytes" => ipc::serve_bytes(),
        other => Err(format!("no child is called {other}").into()),
    };
    Some(ended)
}

/// The command that starts such a child.
pub(crate) fn command(kind: &str) -> io::Result<Command> {
    let mut command = Command::new(env::current_exe()?);
    command.arg(format!("{CHILD}{kind}"));
    Ok(command)
}
