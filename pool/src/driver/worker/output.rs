//! One pipe that a worker writes its output to.

use std::{
    io::{self, PipeReader, PipeWriter, Read},
    ops::Range,
    os::fd::{AsFd, BorrowedFd},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use protocol::message::capture::Secret;
use rustix::fs::OFlags;

use crate::captured::{Splitter, Written};

/// The reading end of a pipe.
#[derive(Debug)]
pub(crate) struct OutputPipe {
    reader: PipeReader,
    /// No process can write to it any more.
    is_closed: AtomicBool,
    splitter: Option<Mutex<Splitter>>,
}

impl OutputPipe {
    /// Makes a pipe. With `capture` (the secret of the delimiters, and the bytes to keep of each job) its output is
    /// divided by jobs.
    pub(crate) fn new(capture: Option<(Secret, usize)>) -> io::Result<(Self, PipeWriter)> {
        let (reader, writer) = io::pipe()?;
        rustix::fs::fcntl_setfl(&reader, OFlags::NONBLOCK)?;
        let pipe = Self {
            reader,
            is_closed: AtomicBool::new(false),
            splitter: capture.map(|(secret, limit)| Mutex::new(Splitter::new(secret, limit))),
        };
        Ok((pipe, writer))
    }

    /// Becomes readable when something was written.
    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.reader.as_fd()
    }

    /// Whether no process can write to it any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Relaxed)
    }

    fn splitter(&self) -> Option<MutexGuard<'_, Splitter>> {
        let splitter = self.splitter.as_ref()?;
        Some(splitter.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads what was written and passes it to `show`.
    pub(crate) fn read(&self, mut show: impl FnMut(&[u8])) {
        // Held during the reads, so that two threads do not take them out of order.
        let mut splitter = self.splitter();
        let mut buffer = [0; 4096];
        loop {
            match (&self.reader).read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => match &mut splitter {
                    Some(splitter) => splitter.push(&buffer[..length], &mut show),
                    None => show(&buffer[..length]),
                },
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => break,
            }
        }
        self.is_closed.store(true, Ordering::Relaxed);
    }

    /// What the jobs at these positions have written.
    pub(crate) fn take(&self, positions: &Range<u64>) -> Vec<(u64, Written)> {
        self.splitter()
            .map_or_else(Vec::new, |mut splitter| splitter.take(positions))
    }

    /// What was written after the end of the last job.
    pub(crate) fn take_rest(&self) -> Written {
        self.splitter()
            .map_or_else(Written::default, |mut splitter| splitter.take_rest())
    }
}
