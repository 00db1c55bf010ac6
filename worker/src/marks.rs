//! Marks at the end of each job in what the worker writes, for a parent that captures it: see [`protocol::message::capture`].

use std::{
    fs::File,
    io::{self, Write},
    os::fd::AsFd,
    sync::OnceLock,
};

use protocol::message::capture::{self, Secret};

static MARKER: OnceLock<Marker> = OnceLock::new();

/// What marks begin with, and where they go: descriptors of its own, so that nothing stands in a buffer.
#[derive(Debug)]
struct Marker {
    secret: Secret,
    output: File,
    errors: File,
}

/// Begins to write marks.
pub(crate) fn start(secret: Secret) -> io::Result<()> {
    let marker = Marker {
        secret,
        output: io::stdout().as_fd().try_clone_to_owned()?.into(),
        errors: io::stderr().as_fd().try_clone_to_owned()?.into(),
    };
    // A process serves once; a second start is none.
    let _started_before = MARKER.set(marker);
    Ok(())
}

/// Marks the end of the job at `position` in both streams, when the parent captures them.
#[inline]
pub(crate) fn end(position: u64) {
    if let Some(marker) = MARKER.get() {
        marker.mark(position);
    }
}

impl Marker {
    #[cold]
    fn mark(&self, position: u64) {
        // What has not left this process's own buffer yet belongs before the mark.
        drop(io::stdout().flush());
        let mark = capture::delimiter(self.secret, position);
        // A parent that reads no more has gone.
        drop((&self.output).write_all(&mark));
        drop((&self.errors).write_all(&mark));
    }
}
