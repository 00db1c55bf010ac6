//! Writes delimiters into the worker's output, one after each job, for a parent that captures it: see
//! [`protocol::message::capture`].

use std::{
    fs::File,
    io::{self, Write},
    os::fd::AsFd,
    sync::OnceLock,
};

use protocol::message::capture::{self, Secret};

static WRITER: OnceLock<DelimiterWriter> = OnceLock::new();

/// Writes delimiters to descriptors of its own, so that they don't pass through a buffer.
#[derive(Debug)]
struct DelimiterWriter {
    secret: Secret,
    output: File,
    errors: File,
}

/// Starts to write delimiters.
pub(crate) fn start(secret: Secret) -> io::Result<()> {
    let writer = DelimiterWriter {
        secret,
        output: io::stdout().as_fd().try_clone_to_owned()?.into(),
        errors: io::stderr().as_fd().try_clone_to_owned()?.into(),
    };
    // A process serves once; a second start has no effect.
    let _started_before = WRITER.set(writer);
    Ok(())
}

/// Writes the delimiter of the job at `position` to both streams, if the parent captures them.
#[inline]
pub(crate) fn end_job(position: u64) {
    if let Some(writer) = WRITER.get() {
        writer.write(position);
    }
}

impl DelimiterWriter {
    #[cold]
    fn write(&self, position: u64) {
        // Output that is still in this process's buffer belongs before the delimiter.
        drop(io::stdout().flush());
        let delimiter = capture::delimiter(self.secret, position);
        // Writing fails only if the parent is gone.
        drop((&self.output).write_all(&delimiter));
        drop((&self.errors).write_all(&delimiter));
    }
}
