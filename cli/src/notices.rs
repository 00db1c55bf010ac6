//! Messages on standard error, written by several threads without disturbing the progress bar.
//!
//! Write errors are ignored: the command goes on even if standard error is closed.

use std::{
    fmt,
    io::{self, Write},
};

use indicatif::ProgressBar;
use tracing_subscriber::fmt::MakeWriter;

/// Writes messages to standard error.
#[derive(Debug, Clone)]
pub(crate) struct Notices {
    bar: ProgressBar,
}

impl Notices {
    /// Messages that make way for this progress bar.
    pub(crate) fn new(bar: ProgressBar) -> Self {
        Self { bar }
    }

    /// Prints a message with the prefix `pool: `.
    pub(crate) fn say(&self, message: impl fmt::Display) {
        self.print(format_args!("pool: {message}"));
    }

    /// Prints a text and a line feed.
    pub(crate) fn print(&self, text: impl fmt::Display) {
        // One write, so that lines of several processes do not mix.
        let text = format!("{text}\n");
        drop(self.write_out(text.as_bytes()));
    }

    fn write_out(&self, bytes: &[u8]) -> io::Result<()> {
        self.bar.suspend(|| io::stderr().write_all(bytes))
    }
}

impl Write for Notices {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_out(bytes).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Notices {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
