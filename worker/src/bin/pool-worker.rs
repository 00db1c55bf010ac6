//! The program `pool-worker`: a worker that evaluates expressions, started by a pool.

use std::{
    io::{self, Write},
    process::ExitCode,
};

const ABOUT: &str = "\
A worker that evaluates expressions for a pool. A pool starts it and talks to it over its
standard input. To evaluate expressions yourself, run `pool eval`.

Usage: pool-worker --help | --version
";

fn main() -> ExitCode {
    match std::env::args_os()
        .nth(1)
        .as_deref()
        .and_then(|argument| argument.to_str())
    {
        Some("--help" | "-h") => print(ABOUT),
        Some("--version" | "-V") => print(concat!("pool-worker ", env!("CARGO_PKG_VERSION"), "\n")),
        _ => worker::eval::service().serve(),
    }
}

fn print(text: &str) -> ExitCode {
    match io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_closed) => ExitCode::FAILURE,
    }
}
