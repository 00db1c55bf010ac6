//! Standard error, shared by all who have something to say there, with the progress bar out of the way.
//!
//! Nothing that goes wrong here matters to the jobs: when nobody listens, the command goes on.

use std::{
    fmt,
    io::{self, Write},
};

use indicatif::ProgressBar;
use tracing_subscriber::fmt::MakeWriter;

/// Standard error.
#[derive(Debug, Clone)]
pub(crate) struct Notices {
    bar: ProgressBar,
}

impl Notices {
    /// Standard error with this bar on it.
    pub(crate) fn new(bar: ProgressBar) -> Self {
        Self { bar }
    }

    /// Says something in the command's name.
    pub(crate) fn say(&self, message: impl fmt::Display) {
        self.print(format_args!("pool: {message}"));
    }

    /// Prints a text and ends its line.
    pub(crate) fn print(&self, text: impl fmt::Display) {
        // As one write, so that lines of several processes do not mix.
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
