//! The input of the pool's stream, which another thread can close while the reader is blocked in a read.
//!
//! The reader holds the lock only while it sends. So at a Ctrl-C there are two cases. If the lock is free, the thread
//! that interrupts closes the stream itself. If the reader holds the lock, it checks the flag after the current chunk,
//! and again after it has released the lock. In both cases the stream is closed, and no thread waits for a read.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use pool::{SubmitError, stream::StreamInput};
use protocol::{CodecError, Eval};

use crate::chunk::{Chunk, Extent, Record, Records};

/// The input of the stream, which any thread can close.
#[derive(Debug, Default)]
pub(crate) struct PoolInput {
    stream: Mutex<Option<StreamInput<Eval>>>,
    is_interrupted: AtomicBool,
    is_pool_ended: AtomicBool,
}

/// Whether more input is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Yes.
    More,
    /// No: the input was interrupted, or the pool accepts no more jobs.
    NoMore,
}

impl PoolInput {
    /// Opens the input with this stream, unless it was interrupted before.
    pub(crate) fn open(&self, stream: StreamInput<Eval>) {
        *self.lock() = Some(stream);
        self.close_if_over();
    }

    /// Sends the records of a chunk, each as a job.
    ///
    /// If the pool accepts no more jobs, each of them fails with that error.
    pub(crate) fn send(&self, chunk: &Chunk) -> Wanted {
        let mut wanted = Wanted::NoMore;
        if let Some(stream) = &mut *self.lock() {
            wanted = self.send_to(stream, chunk);
        }
        self.close_if_over();
        wanted
    }

    fn send_to(&self, stream: &mut StreamInput<Eval>, chunk: &Chunk) -> Wanted {
        let delimiter = chunk.numbering.delimiter();
        let sent = match &chunk.records {
            _ if self.is_interrupted() => return Wanted::NoMore,
            Records::Lines { .. } => stream.send_lines(&chunk.text, delimiter),
            Records::Listed(records) => send_listed(stream, chunk, records),
        };
        match sent {
            Ok(()) => Wanted::More,
            Err(_) => Wanted::NoMore,
        }
    }

    /// Closes the input for good, without blocking. Jobs that are in the pool still finish.
    pub(crate) fn interrupt(&self) {
        self.is_interrupted.store(true, Ordering::SeqCst);
        self.close_if_free();
    }

    /// Closes the stream because the pool has ended, without blocking. A chunk that was read is still sent, so that its
    /// records fail with that error, but no more are read.
    pub(crate) fn end(&self) {
        self.is_pool_ended.store(true, Ordering::SeqCst);
        self.close_if_free();
    }

    /// Whether [`interrupt`](Self::interrupt) was called.
    pub(crate) fn is_interrupted(&self) -> bool {
        self.is_interrupted.load(Ordering::SeqCst)
    }

    /// Closes the stream because there is no more input.
    pub(crate) fn close(&self) {
        *self.lock() = None;
    }

    fn close_if_free(&self) {
        if let Ok(mut stream) = self.stream.try_lock() {
            *stream = None;
        }
    }

    fn close_if_over(&self) {
        if self.is_interrupted() || self.is_pool_ended.load(Ordering::SeqCst) {
            self.close();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<StreamInput<Eval>>> {
        self.stream.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends records one by one, but joins consecutive short ones and sends them as lines.
fn send_listed(stream: &mut StreamInput<Eval>, chunk: &Chunk, records: &[Record]) -> Result<(), SubmitError> {
    let delimiter = chunk.numbering.delimiter();
    let (mut lines, mut sent) = (Vec::new(), Ok(()));
    for record in records {
        let source = chunk.source(record);
        // Only an expression from the command line can contain a delimiter.
        if record.extent == Extent::Whole && memchr::memchr(delimiter, source).is_none() {
            Eval::encode_plain(source, &mut lines);
            lines.push(delimiter);
        } else {
            sent = sent.and(stream.send_lines(&std::mem::take(&mut lines), delimiter));
            sent = sent.and(send_alone(stream, source, record.extent));
        }
    }
    sent.and(stream.send_lines(&lines, delimiter))
}

/// Sends one record. A record that is too long is sent as a job that cannot be encoded, so that its failure appears at
/// its position in the stream.
fn send_alone(stream: &mut StreamInput<Eval>, source: &[u8], extent: Extent) -> Result<(), SubmitError> {
    stream.send_encoded(|buffer| match extent {
        Extent::Whole => {
            Eval::encode_plain(source, buffer);
            Ok(())
        }
        Extent::TooLong => Err(CodecError::new("the record is too long")),
    })
}
