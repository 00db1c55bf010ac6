//! The end of a stream into which jobs are put: one by one, some together, or the lines of a text.

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

/// Jobs that are submitted together have at most so many bytes.
const OPEN_BYTES: usize = 24 * 1024;

/// The end of a stream into which jobs are put, made by [`Pool::stream`](crate::Pool::stream).
///
/// Dropping it ends the stream: the other end gives what is left and then nothing more.
pub struct StreamInput<J: Job> {
    stream: Arc<StreamCore>,
    open: Open,
    /// Where a job that is added is encoded.
    scratch: Vec<u8>,
    core: Arc<Core>,
    job: PhantomData<fn(J)>,
}

/// Jobs that wait to be submitted together.
#[derive(Debug, Default)]
struct Open {
    framed: Vec<u8>,
    count: u32,
    /// Why some that were submitted before were not taken.
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

    /// Puts a job in, and waits while the stream is too far ahead or the pool's queue is full.
    ///
    /// A job that cannot be encoded takes its place in the stream all the same, with that error as its outcome.
    ///
    /// # Errors
    /// [`SubmitError::Closed`] or [`SubmitError::Broken`] when the pool takes no more jobs; also `Closed` when the other
    /// end was dropped. Further jobs then get the same error.
    pub fn send(&mut self, job: &J) -> Result<(), SubmitError> {
        self.put(|buffer| job.encode(buffer))
    }

    /// Takes a job in that is submitted with others at the next [`StreamInput::flush`], without waiting for the other end:
    /// for a caller who holds that end too and has seen that there is room. Outcomes that come in between must not make
    /// it wait for itself.
    pub(crate) fn add(&mut self, job: &J) {
        let limit = self.core.message_limit();
        let large = encode_into(&mut self.scratch, |buffer| job.encode(buffer), limit);
        if matches!(large, Ok(None)) && self.scratch.len() <= OPEN_BYTES {
            if self.open.framed.len() + self.scratch.len() > OPEN_BYTES
                || self.open.count >= self.core.most_at_once()
            {
                self.flush_to_others();
            }
            frame::append_job(&mut self.open.framed, &self.scratch);
            self.open.count += 1;
            return;
        }
        let own =
            |large: Option<_>| large.unwrap_or_else(|| Encoded::One(SmallVec::from_slice(&self.scratch)));
        let encoded = large.map(own);
        self.flush_to_others();
        let submitted = self.submit(encoded, false);
        self.open.refused = self.open.refused.take().or(submitted.err());
    }

    /// How many jobs were added and are still to be submitted.
    pub(crate) fn added(&self) -> u32 {
        self.open.count
    }

    /// Submits the jobs that were added.
    ///
    /// # Errors
    /// As [`StreamInput::send`], when the pool has taken no more jobs since the last time.
    pub(crate) fn flush(&mut self) -> Result<(), SubmitError> {
        self.flush_to_others();
        self.open.refused.take().map_or(Ok(()), Err)
    }

    fn flush_to_others(&mut self) {
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

    /// As [`StreamInput::send`], for a job whose encoding `encode` appends.
    ///
    /// # Errors
    /// As [`StreamInput::send`].
    pub fn send_encoded(
        &mut self,
        append: impl FnOnce(&mut Vec<u8>) -> Result<(), protocol::CodecError>,
    ) -> Result<(), SubmitError> {
        self.put(append)
    }

    /// Puts in the lines of a text as jobs, in order and together: each line is the encoding of a job. `delimiter` stands
    /// behind each line; behind the last it may be missing. A text without a byte has no line.
    ///
    /// That is the cheapest way for a job type whose encoding is a text without that delimiter.
    ///
    /// # Errors
    /// As [`StreamInput::send`]; all lines then get the same error as their outcome.
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

    /// How many jobs can be put in without waiting for the other end.
    pub(crate) fn room(&self) -> u32 {
        self.stream.room(&self.stream.lock())
    }
}

impl<J: Job> Drop for StreamInput<J> {
    fn drop(&mut self) {
        self.stream.close_input();
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
