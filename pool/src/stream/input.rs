//! [`StreamInput`]: the end of a stream that takes jobs, one by one, some together, or the lines of a text.

use std::{fmt, marker::PhantomData, sync::Arc};

use protocol::{Job, message::frame};
use smallvec::SmallVec;

use crate::{
    JobError, SubmitError,
    driver::Core,
    job::{
        encode::{encode, encode_into},
        jobs::{Encoded, Item, Sink},
        lines::{Lines, Pieces},
    },
    outcome::{results::Results, stream_core::StreamCore},
};

/// Jobs that are submitted together have at most this many bytes.
const OPEN_BYTES: usize = 24 * 1024;

/// The end of a stream that takes jobs, returned by [`Pool::stream`](crate::Pool::stream).
///
/// Dropping it ends the stream: the output end yields the outputs that are left and then `None`.
pub struct StreamInput<J: Job> {
    stream: Arc<StreamCore>,
    open: Open,
    /// The buffer in which an added job is encoded.
    scratch: Vec<u8>,
    core: Arc<Core>,
    job: PhantomData<fn(J)>,
}

/// Jobs that wait to be submitted together.
#[derive(Debug, Default)]
struct Open {
    framed: Vec<u8>,
    count: u32,
    /// Why some that were submitted before were refused.
    refused: Option<SubmitError>,
}

impl<J: Job> StreamInput<J> {
    pub(super) fn new(stream: Arc<StreamCore>, core: Arc<Core>) -> Self {
        Self {
            stream,
            open: Open::default(),
            scratch: Vec::new(),
            core,
            job: PhantomData,
        }
    }

    /// Sends a job. Waits while the stream is too far ahead or the pool's queue is full.
    ///
    /// A job that cannot be encoded keeps its place in the stream: its output is that error.
    ///
    /// # Errors
    /// [`SubmitError::Closed`], [`SubmitError::Halted`] or [`SubmitError::Broken`] if the pool takes no more jobs; also
    /// `Closed` if the output end was dropped, and [`SubmitError::Forked`] in a copy of the pool's process. Further jobs then get the same error.
    pub fn send(&mut self, job: &J) -> Result<(), SubmitError> {
        self.put(|buffer| job.encode(buffer))
    }

    /// Adds a job that is submitted with others at the next [`StreamInput::flush`]. Never waits for the output end: for a
    /// caller that holds both ends and has checked that there is room. It must not wait for itself.
    pub(crate) fn add(&mut self, job: &J) {
        let limit = self.core.message_limit();
        let large = encode_into(&mut self.scratch, |buffer| job.encode(buffer), limit);
        if matches!(large, Ok(None)) && self.scratch.len() <= OPEN_BYTES {
            if self.open.framed.len() + self.scratch.len() > OPEN_BYTES
                || self.open.count >= self.core.most_at_once()
            {
                self.submit_open();
            }
            frame::append_job(&mut self.open.framed, &self.scratch);
            self.open.count += 1;
            return;
        }
        let own =
            |large: Option<_>| large.unwrap_or_else(|| Encoded::One(SmallVec::from_slice(&self.scratch)));
        let encoded = large.map(own);
        self.submit_open();
        let submitted = self.submit(encoded, false);
        self.open.refused = self.open.refused.take().or(submitted.err());
    }

    /// How many jobs were added and are not yet submitted.
    pub(crate) fn added(&self) -> u32 {
        self.open.count
    }

    /// Submits the jobs that were added.
    ///
    /// # Errors
    /// As [`StreamInput::send`], if the pool has refused jobs since the last time.
    pub(crate) fn flush(&mut self) -> Result<(), SubmitError> {
        self.submit_open();
        self.open.refused.take().map_or(Ok(()), Err)
    }

    fn submit_open(&mut self) {
        let Open { framed, count, .. } = &mut self.open;
        if *count == 0 {
            return;
        }
        let encoded = Encoded::Several {
            count: std::mem::take(count),
            // The next ones will take about as much.
            framed: {
                let next = Vec::with_capacity(framed.len());
                std::mem::replace(framed, next)
            },
        };
        let submitted = self.submit(Ok(encoded), false);
        self.open.refused = self.open.refused.take().or(submitted.err());
    }

    /// As [`StreamInput::send`], for a job whose encoding `append` writes to the end of the buffer.
    ///
    /// # Errors
    /// As [`StreamInput::send`].
    pub fn send_encoded(
        &mut self,
        append: impl FnOnce(&mut Vec<u8>) -> Result<(), protocol::CodecError>,
    ) -> Result<(), SubmitError> {
        self.put(append)
    }

    /// Sends the lines of a text as jobs, in order: each line is the encoding of one job. `delimiter` ends each line; the
    /// last line may lack it. An empty text has no line.
    ///
    /// This is the cheapest way for a job type whose encoding is a text without that delimiter.
    ///
    /// # Errors
    /// As [`StreamInput::send`]; each of the lines then has the same error as its output.
    pub fn send_lines(&mut self, text: &[u8], delimiter: u8) -> Result<(), SubmitError> {
        let most = self.stream.most_at_once().min(self.core.most_at_once());
        let mut sent = Ok(());
        for lines in Pieces::new(text, delimiter, most) {
            let submitted = match lines {
                Lines::Several(lines, count) => {
                    let mut text = Vec::with_capacity(lines.len() + 1);
                    text.extend_from_slice(lines);
                    if text.last() != Some(&delimiter) {
                        text.push(delimiter);
                    }
                    let encoded = Encoded::Lines {
                        delimiter,
                        text,
                        count,
                    };
                    self.submit(Ok(encoded), true)
                }
                Lines::Large(line) => self.put(|buffer| {
                    buffer.extend_from_slice(line);
                    Ok(())
                }),
            };
            sent = sent.and(submitted);
        }
        sent
    }

    fn put(
        &mut self,
        append: impl FnOnce(&mut Vec<u8>) -> Result<(), protocol::CodecError>,
    ) -> Result<(), SubmitError> {
        let encoded = encode(append, self.core.message_limit());
        self.submit(encoded, true)
    }

    fn submit(&mut self, encoded: Result<Encoded, SubmitError>, waits: bool) -> Result<(), SubmitError> {
        let jobs = encoded.as_ref().map_or(1, Encoded::jobs);
        if self.core.is_copy() {
            return Err(SubmitError::Forked);
        }
        let first = self.stream.accept(jobs, waits).ok_or(SubmitError::Closed)?;
        let refuse = |sink: Sink, error: SubmitError| {
            sink.resolve(Results::failed(JobError::refused(error), jobs));
        };
        let sink = Sink::Stream(Arc::clone(&self.stream), first);
        match encoded {
            Ok(encoded) => {
                self.core
                    .submit(Item { encoded, sink }, None)
                    .map(drop)
                    .map_err(|(item, error)| {
                        refuse(item.sink, error.clone());
                        error
                    })
            }
            Err(error) => {
                refuse(sink, error);
                Ok(())
            }
        }
    }

    /// How many jobs can be sent without waiting for the output end.
    pub(crate) fn room(&self) -> u32 {
        if self.core.is_copy() {
            return 0;
        }
        self.stream.room(&self.stream.lock())
    }
}

impl<J: Job> Drop for StreamInput<J> {
    fn drop(&mut self) {
        if !self.core.is_copy() {
            self.stream.close_input();
        }
    }
}

impl<J: Job> fmt::Debug for StreamInput<J> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("StreamInput")
            .field("stream", &self.stream)
            .finish_non_exhaustive()
    }
}
