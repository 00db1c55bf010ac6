//! Logging: `tracing` events of the libraries, on standard error.

use std::{env, io::IsTerminal};

use tracing_subscriber::EnvFilter;

use crate::notices::Notices;

/// Starts logging with the filter in `RUST_LOG`, or else at the level given by the number of `-v` flags.
pub(crate) fn start(verbosity: u8, notices: &Notices) {
    let level = match verbosity {
        0 => "error",
        1 => "info",
        2 => "debug",
        _ => "trace",
    };
    let filter = match env::var("RUST_LOG") {
        Ok(directives) if !directives.is_empty() => EnvFilter::try_new(&directives).unwrap_or_else(|error| {
            notices.say(format_args!("invalid RUST_LOG: {error}"));
            EnvFilter::new(level)
        }),
        _ => EnvFilter::new(level),
    };
    let started = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(notices.clone())
        .with_ansi(std::io::stderr().is_terminal() && env::var_os("NO_COLOR").is_none())
        .try_init();
    if let Err(error) = started {
        notices.say(format_args!("cannot start logging: {error}"));
    }
}
