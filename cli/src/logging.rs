//! What the libraries tell through `tracing`, on standard error.

use std::{env, io::IsTerminal};

use tracing_subscriber::EnvFilter;

use crate::notices::Notices;

/// Starts logging: what `RUST_LOG` asks for, otherwise by the number of `-v`.
pub(crate) fn start(verbosity: u8, notices: &Notices) {
    let level = match verbosity {
        0 => "error",
        1 => "info",
        2 => "debug",
        _ => "trace",
    };
    let filter = match env::var("RUST_LOG") {
        Ok(directives) if !directives.is_empty() => EnvFilter::try_new(&directives).unwrap_or_else(|error| {
            notices.say(format_args!("RUST_LOG is not understood: {error}"));
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
        notices.say(format_args!("cannot log: {error}"));
    }
}
