//! The way into the pool's stream, which can be shut from outside while the reader is blocked in a read.
//!
//! The reader holds the lock only while it sends. So at a Ctrl-C one of two holds: nobody holds the lock, and the one
//! who shuts the gate closes the stream himself; or the reader holds it, and looks at the flag after the next chunk and
//! once more after it has let go of the lock. In both cases the stream is closed, and nobody waits for a read.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use pool::{SubmitError, stream::StreamInput};
use protocol::{CodecError, Eval};

use crate::chunk::{Chunk, Extent, Record, Records};

/// The way into the stream.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    input: Mutex<Option<StreamInput<Eval>>>,
    is_shut: AtomicBool,
    is_ended: AtomicBool,
}

/// Whether more input is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Yes.
    More,
    /// No: the gate was shut, or the pool takes no more jobs.
    NoMore,
}

impl Gate {
    /// Opens the gate, unless it was shut before.
    pub(crate) fn open(&self, input: StreamInput<Eval>) {
        *self.lock() = Some(input);
        self.close_if_over();
    }

    /// Sends the records of a chunk, each as a job.
    ///
    /// When the pool takes no more jobs, all of them get that answer.
    pub(crate) fn send(&self, chunk: &Chunk) -> Wanted {
        let mut wanted = Wanted::NoMore;
        if let Some(input) = &mut *self.lock() {
            wanted = self.send_through(input, chunk);
        }
        self.close_if_over();
        wanted
    }

    fn send_through(&self, input: &mut StreamInput<Eval>, chunk: &Chunk) -> Wanted {
        let delimiter = chunk.numbering.delimiter();
        let sent = match &chunk.records {
            _ if self.is_shut() => return Wanted::NoMore,
            Records::Lines { .. } => input.send_lines(&chunk.text, delimiter),
            Records::Listed(records) => send_listed(input, chunk, records),
        };
        match sent {
            Ok(()) => Wanted::More,
            Err(_) => Wanted::NoMore,
        }
    }

    /// Shuts the gate for good, without waiting for anybody. What is in the pool comes out.
    pub(crate) fn shut(&self) {
        self.is_shut.store(true, Ordering::SeqCst);
        self.close_if_free();
    }

    /// Ends the stream because the pool has ended, without waiting for anybody. Records that were read are still sent,
    /// to get that answer, but no more are read.
    pub(crate) fn end(&self) {
        self.is_ended.store(true, Ordering::SeqCst);
        self.close_if_free();
    }

    /// Whether the gate was shut.
    pub(crate) fn is_shut(&self) -> bool {
        self.is_shut.load(Ordering::SeqCst)
    }

    /// Ends the stream, because there is no more input.
    pub(crate) fn close(&self) {
        *self.lock() = None;
    }

    fn close_if_free(&self) {
        if let Ok(mut input) = self.input.try_lock() {
            *input = None;
        }
    }

    fn close_if_over(&self) {
        if self.is_shut() || self.is_ended.load(Ordering::SeqCst) {
            self.close();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<StreamInput<Eval>>> {
        self.input.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends records one by one, the short ones among them put together as lines.
fn send_listed(input: &mut StreamInput<Eval>, chunk: &Chunk, records: &[Record]) -> Result<(), SubmitError> {
    let delimiter = chunk.numbering.delimiter();
    let (mut lines, mut sent) = (Vec::new(), Ok(()));
    for record in records {
        let source = chunk.source(record);
        // Only an expression of the command line can have an end of a line in it.
        if record.extent == Extent::Whole && memchr::memchr(delimiter, source).is_none() {
            Eval::encode_plain(source, &mut lines);
            lines.push(delimiter);
        } else {
            sent = sent.and(input.send_lines(&std::mem::take(&mut lines), delimiter));
            sent = sent.and(send_alone(input, source, record.extent));
        }
    }
    sent.and(input.send_lines(&lines, delimiter))
}

/// A record that is too long is not sent. It takes its place in the stream as a job that cannot be encoded, so that its
/// answer comes at its turn.
fn send_alone(input: &mut StreamInput<Eval>, source: &[u8], extent: Extent) -> Result<(), SubmitError> {
    input.send_encoded(|buffer| match extent {
        Extent::Whole => {
            Eval::encode_plain(source, buffer);
            Ok(())
        }
        Extent::TooLong => Err(CodecError::new("the record is too long")),
    })
}
