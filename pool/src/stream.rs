//! Streams of jobs: many inputs, their outcomes in order or as they come, in bounded memory.
//!
//! A stream numbers its inputs and bounds how far they may run ahead of the outcomes that were taken, in items and in
//! bytes. [`Pool::stream`](crate::Pool::stream) gives both ends, for two threads; `map` feeds a stream from an iterator
//! in the caller's own thread. The queue and the workers are the pool's.

use std::{
    fmt,
    marker::PhantomData,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use protocol::{Job, frame};

use crate::{
    JobError, SubmitError,
    driver::Core,
    encode::encode,
    lines::{Lines, Pieces},
    load::{Encoded, Item, Sink},
    outcome::Seen,
    results::Results,
    window::Window,
};

/// In which order a stream gives its outcomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The order of the inputs: first in, first out.
    Input,
    /// As they come.
    Completion,
}

/// How many outcomes are seen before the room that they took is given back.
const SETTLED_AT_ONCE: u64 = 128;

/// Jobs that are submitted together have at most so many bytes.
const OPEN_BYTES: usize = 24 * 1024;

/// How far a stream's inputs may run ahead.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) items: u64,
    pub(crate) bytes: usize,
}

/// What both ends of a stream share.
pub(crate) struct StreamCore {
    state: Mutex<State>,
    changed: Condvar,
    is_abandoned: AtomicBool,
    bounds: Bounds,
}

#[derive(Debug)]
struct State {
    window: Window,
    accepted: u64,
    /// Outcomes that were seen, as far as the other end has told.
    taken: u64,
    /// Memory held by outcomes, also by those that have left the window and that the other end still holds.
    bytes: usize,
    is_input_closed: bool,
    consumer_waits: bool,
    producer_waits: bool,
}

impl State {
    fn ahead(&self) -> u64 {
        self.accepted - self.taken
    }

    fn settle(&mut self, seen: Done) {
        self.taken += seen.outcomes;
        self.bytes -= seen.bytes;
    }
}

/// What the other end has done with since it last told.
#[derive(Debug, Default, Clone, Copy)]
struct Done {
    /// Outcomes seen.
    outcomes: u64,
    /// Memory let go.
    bytes: usize,
}

impl fmt::Debug for StreamCore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("StreamCore")
            .field("bounds", &self.bounds)
            .finish_non_exhaustive()
    }
}

impl StreamCore {
    fn new(order: Order, bounds: Bounds) -> Self {
        let window = match order {
            Order::Input => Window::ordered(),
            Order::Completion => Window::unordered(),
        };
        Self {
            state: Mutex::new(State {
                window,
                accepted: 0,
                taken: 0,
                bytes: 0,
                is_input_closed: false,
                consumer_waits: false,
                producer_waits: false,
            }),
            changed: Condvar::new(),
            is_abandoned: AtomicBool::new(false),
            bounds,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many inputs may come in now.
    fn room(&self, state: &State) -> u32 {
        let ahead = state.ahead();
        if ahead > 0 && state.bytes >= self.bounds.bytes {
            return 0;
        }
        u32::try_from(self.bounds.items.saturating_sub(ahead)).unwrap_or(u32::MAX)
    }

    /// How many inputs may come in at once.
    fn most_at_once(&self) -> u32 {
        u32::try_from(self.bounds.items / 4).unwrap_or(u32::MAX).max(1)
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        self.is_abandoned.load(Ordering::Relaxed)
    }

    /// Takes in the results of the inputs from `first` on.
    pub(crate) fn resolve(&self, first: u64, results: impl Iterator<Item = Results>) {
        let mut first = first;
        let mut state = self.lock();
        for results in results {
            let (count, bytes) = (results.left(), results.bytes());
            if state.window.insert(first, results) {
                state.bytes += bytes;
            }
            first += u64::from(count);
        }
        if state.consumer_waits && state.window.is_ready() {
            state.consumer_waits = false;
            drop(state);
            self.changed.notify_all();
        }
    }

    /// Numbers the next inputs, having waited for room if `waits`, and gives the first of the numbers; `None` when nobody
    /// wants their outcomes any more.
    fn accept(&self, inputs: u32, waits: bool) -> Option<u64> {
        let mut state = self.lock();
        while waits && self.room(&state) < inputs && !self.is_abandoned() {
            state.producer_waits = true;
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if self.is_abandoned() {
            return None;
        }
        let first = state.accepted;
        state.accepted += u64::from(inputs);
        Some(first)
    }

    fn close_input(&self) {
        self.lock().is_input_closed = true;
        self.changed.notify_all();
    }

    fn abandon(&self) {
        self.is_abandoned.store(true, Ordering::Relaxed);
        drop(self.lock());
        self.changed.notify_all();
    }

    /// Takes note of what the other end has done with.
    fn settle(&self, done: Done) {
        let mut state = self.lock();
        state.settle(done);
        self.make_room(state);
    }

    /// Takes the next results that are there. When there are none it waits for some, if `waits`, unless there can be none
    /// any more.
    fn take(&self, done: Done, waits: bool) -> Option<(u64, Results)> {
        self.settle(done);
        let mut state = self.lock();
        loop {
            let taken = state.window.pop();
            let ended = state.is_input_closed && state.ahead() == 0;
            if taken.is_some() || ended || !waits {
                return taken;
            }
            state.consumer_waits = true;
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Wakes a producer that waits for room, if there is enough.
    fn make_room(&self, mut state: MutexGuard<'_, State>) {
        // Some room at once rather than a little at a time: fewer wake-ups of a producer.
        let roomy = state.ahead() <= self.bounds.items / 4 * 3 && state.bytes <= self.bounds.bytes / 4 * 3;
        if state.producer_waits && (roomy || state.ahead() == 0) {
            state.producer_waits = false;
            drop(state);
            self.changed.notify_all();
        }
    }
}

/// The end of a stream into which jobs are put, made by [`Pool::stream`](crate::Pool::stream).
///
/// Dropping it ends the stream: the other end gives what is left and then nothing more.
pub struct StreamInput<J: Job> {
    stream: Arc<StreamCore>,
    open: Open,
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

/// The end of a stream from which outputs are taken, made by [`Pool::stream`](crate::Pool::stream).
///
/// It is an iterator over the inputs' numbers (from 0) and their outputs. Dropping it abandons the stream: inputs that
/// still wait in the queue are dropped, and the outputs of running ones thrown away.
pub struct StreamOutput<J: Job> {
    stream: Arc<StreamCore>,
    /// The number of the next outcome, and those that have left the stream and were not seen.
    taken: Option<(u64, Results)>,
    done: Done,
    core: Arc<Core>,
    job: PhantomData<fn() -> J>,
}

pub(crate) fn stream<J: Job>(
    core: &Arc<Core>,
    order: Order,
    bounds: Bounds,
) -> (StreamInput<J>, StreamOutput<J>) {
    let stream = Arc::new(StreamCore::new(order, bounds));
    let input = StreamInput {
        stream: Arc::clone(&stream),
        open: Open::default(),
        core: Arc::clone(core),
        job: PhantomData,
    };
    (
        input,
        StreamOutput {
            stream,
            taken: None,
            done: Done::default(),
            core: Arc::clone(core),
            job: PhantomData,
        },
    )
}

impl<J: Job> StreamInput<J> {
    /// Puts a job in, and waits while the stream is too far ahead or the pool's queue is full.
    ///
    /// A job that cannot be encoded takes its place in the stream all the same, with that error as its outcome.
    ///
    /// # Errors
    /// [`SubmitError::Closed`] or [`SubmitError::Broken`] when the pool takes no more jobs; also `Closed` when the other
    /// end was dropped. Further jobs then get the same error.
    pub fn send(&mut self, job: &J) -> Result<(), SubmitError> {
        self.put(|buffer| job.encode(buffer), true)
    }

    /// Takes a job in that is submitted with others at the next [`StreamInput::flush`], without waiting for the other end:
    /// for a caller who holds that end too and has seen that there is room. Outcomes that come in between must not make
    /// it wait for itself.
    pub(crate) fn add(&mut self, job: &J) {
        match encode(|buffer| job.encode(buffer), self.core.message_limit()) {
            Ok(bytes) if bytes.len() <= OPEN_BYTES => {
                if self.open.framed.len() + bytes.len() > OPEN_BYTES
                    || self.open.count >= self.core.most_at_once()
                {
                    self.flush_to_others();
                }
                frame::append_job(&mut self.open.framed, &bytes);
                self.open.count += 1;
            }
            other => {
                self.flush_to_others();
                let submitted = self.submit(other.map(Encoded::One), false);
                self.open.refused = self.open.refused.take().or(submitted.err());
            }
        }
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
            framed: std::mem::take(framed),
            count: std::mem::take(count),
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
        self.put(append, true)
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
                Lines::Large(line) => self.put(
                    |buffer| {
                        buffer.extend_from_slice(line);
                        Ok(())
                    },
                    true,
                ),
            };
            sent = sent.and(submitted);
        }
        sent
    }

    fn put(
        &mut self,
        append: impl FnOnce(&mut Vec<u8>) -> Result<(), protocol::CodecError>,
        waits: bool,
    ) -> Result<(), SubmitError> {
        let encoded = encode(append, self.core.message_limit()).map(Encoded::One);
        self.submit(encoded, waits)
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

impl<J: Job> StreamOutput<J> {
    /// The next output if it is there.
    pub fn try_next(&mut self) -> Option<(u64, Result<J::Output, JobError>)> {
        self.see_next(false)
            .map(|(number, seen)| (number, seen.decode::<J>()))
    }

    /// As the iterator's `next`, with the output still encoded, and borrowed until the next one is asked for.
    pub fn next_encoded(&mut self) -> Option<(u64, Result<&[u8], JobError>)> {
        self.see_next(true).map(|(number, seen)| (number, seen.encoded()))
    }

    /// Whether an output is there, so that asking for it does not wait.
    pub fn is_ready(&self) -> bool {
        self.is_at_hand() || self.stream.lock().window.is_ready()
    }

    /// Whether an output has left the stream already and waits here.
    pub(crate) fn is_at_hand(&self) -> bool {
        self.taken.as_ref().is_some_and(|(_, results)| results.left() > 0)
    }

    /// Whether a worker waits for jobs: a hint.
    pub(crate) fn is_pool_hungry(&self) -> bool {
        self.core.is_hungry()
    }

    /// How many inputs have no output taken yet.
    pub(crate) fn ahead(&self) -> u64 {
        self.stream.lock().ahead() - self.done.outcomes
    }

    /// Makes the room of what was taken available, when it is all that was there or a good deal of it.
    pub(crate) fn settle(&mut self) {
        self.let_go();
        if self.taken.is_none() || self.done.outcomes >= SETTLED_AT_ONCE {
            self.stream.settle(std::mem::take(&mut self.done));
        }
    }

    fn see_next(&mut self, waits: bool) -> Option<(u64, Seen<'_>)> {
        self.let_go();
        if self.taken.is_none() {
            self.taken = self.stream.take(std::mem::take(&mut self.done), waits);
        } else if self.done.outcomes >= SETTLED_AT_ONCE {
            self.settle();
        }
        let (next, results) = self.taken.as_mut()?;
        let number = *next;
        *next += 1;
        self.done.outcomes += 1;
        Some((number, results.see_next()?))
    }

    /// Lets results go of which all have been seen.
    fn let_go(&mut self) {
        if let Some((_, results)) = self.taken.take_if(|(_, results)| results.left() == 0) {
            self.done.bytes += results.bytes();
        }
    }
}

impl<J: Job> Iterator for StreamOutput<J> {
    type Item = (u64, Result<J::Output, JobError>);

    fn next(&mut self) -> Option<Self::Item> {
        self.see_next(true)
            .map(|(number, seen)| (number, seen.decode::<J>()))
    }
}

impl<J: Job> Drop for StreamInput<J> {
    fn drop(&mut self) {
        self.stream.close_input();
    }
}

impl<J: Job> Drop for StreamOutput<J> {
    fn drop(&mut self) {
        self.stream.abandon();
        self.core.purge();
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

impl<J: Job> fmt::Debug for StreamOutput<J> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("StreamOutput")
            .field("stream", &self.stream)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A stream without a pool.
    pub(crate) fn core() -> Arc<StreamCore> {
        let bounds = Bounds {
            items: 100,
            bytes: 1 << 20,
        };
        Arc::new(StreamCore::new(Order::Input, bounds))
    }
}
