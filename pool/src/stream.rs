//! Streams of jobs: many inputs, their outcomes in order or as they come, in bounded memory.
//!
//! A stream numbers its inputs and bounds how far they may run ahead of the outcomes that were taken, in items and in
//! bytes. [`Pool::stream`](crate::Pool::stream) gives both ends, for two threads; `map` feeds a stream from an iterator
//! in the caller's own thread. The queue and the workers are the pool's.

use std::{
    collections::VecDeque,
    fmt,
    marker::PhantomData,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use protocol::Job;

use crate::{
    JobError, SubmitError,
    driver::Core,
    encode::encode,
    load::{Item, Sink},
    outcome::Outcome,
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

/// How many outcomes leave a stream under one lock.
const TAKEN_AT_ONCE: usize = 128;

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
    taken: u64,
    /// Outcomes that have left the window and are not yet counted as taken, because the other end may still hold them;
    /// and their memory.
    lent: (u64, usize),
    /// Memory held by outcomes that nobody has taken.
    bytes: usize,
    is_input_closed: bool,
    consumer_waits: bool,
    producer_waits: bool,
}

impl State {
    fn ahead(&self) -> u64 {
        self.accepted - self.taken
    }

    fn pop(&mut self) -> Option<(u64, Outcome)> {
        let (index, outcome) = self.window.pop()?;
        self.lent.0 += 1;
        self.lent.1 += outcome.bytes();
        Some((index, outcome))
    }

    /// Counts what was lent as taken.
    fn settle(&mut self) {
        let (items, bytes) = std::mem::take(&mut self.lent);
        self.taken += items;
        self.bytes -= bytes;
    }
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
                lent: (0, 0),
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

    fn has_room(&self, state: &State) -> bool {
        let ahead = state.ahead();
        ahead == 0 || (ahead < self.bounds.items && state.bytes < self.bounds.bytes)
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        self.is_abandoned.load(Ordering::Relaxed)
    }

    /// Takes in the outcomes of the inputs from `first` on.
    pub(crate) fn resolve(&self, first: u64, outcomes: impl Iterator<Item = Outcome>) {
        let mut state = self.lock();
        for (index, outcome) in (first..).zip(outcomes) {
            let bytes = outcome.bytes();
            if state.window.insert(index, outcome) {
                state.bytes += bytes;
            }
        }
        if state.consumer_waits && state.window.is_ready() {
            state.consumer_waits = false;
            drop(state);
            self.changed.notify_all();
        }
    }

    /// Numbers the next input, having waited for room if `waits`; `None` when nobody wants its outcome any more.
    fn accept(&self, waits: bool) -> Option<u64> {
        let mut state = self.lock();
        while waits && !self.has_room(&state) && !self.is_abandoned() {
            state.producer_waits = true;
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if self.is_abandoned() {
            return None;
        }
        state.accepted += 1;
        Some(state.accepted - 1)
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

    /// Counts as taken what was taken before: the other end holds none of it any more.
    fn settle(&self) {
        let mut state = self.lock();
        state.settle();
        self.make_room(state);
    }

    /// Takes the next outcomes that are there, up to [`TAKEN_AT_ONCE`]. When there are none it waits for one, if
    /// `waits`, unless there can be none any more.
    fn take(&self, taken: &mut VecDeque<(u64, Outcome)>, waits: bool) {
        self.settle();
        let mut state = self.lock();
        loop {
            taken.extend(std::iter::from_fn(|| state.pop()).take(TAKEN_AT_ONCE));
            let ended = state.is_input_closed && state.ahead() == 0;
            if !taken.is_empty() || ended || !waits {
                break;
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
    core: Arc<Core>,
    job: PhantomData<fn(J)>,
}

/// The end of a stream from which outputs are taken, made by [`Pool::stream`](crate::Pool::stream).
///
/// It is an iterator over the inputs' numbers (from 0) and their outputs. Dropping it abandons the stream: inputs that
/// still wait in the queue are dropped, and the outputs of running ones thrown away.
pub struct StreamOutput<J: Job> {
    stream: Arc<StreamCore>,
    /// Outcomes that have left the stream, and wait to be decoded.
    taken: VecDeque<(u64, Outcome)>,
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
        core: Arc::clone(core),
        job: PhantomData,
    };
    (
        input,
        StreamOutput {
            stream,
            taken: VecDeque::new(),
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

    /// As [`StreamInput::send`], without waiting for the other end, for a caller who holds that end too and has seen
    /// that there is room: outcomes that come in between must not make it wait for itself.
    pub(crate) fn send_unbounded(&mut self, job: &J) -> Result<(), SubmitError> {
        self.put(|buffer| job.encode(buffer), false)
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

    fn put(
        &mut self,
        append: impl FnOnce(&mut Vec<u8>) -> Result<(), protocol::CodecError>,
        waits: bool,
    ) -> Result<(), SubmitError> {
        let encoded = encode(append, self.core.message_limit());
        let index = self.stream.accept(waits).ok_or(SubmitError::Closed)?;
        let sink = Sink::Stream(Arc::clone(&self.stream), index);
        let submitted = match encoded {
            Ok(bytes) => self.core.submit(
                Item {
                    bytes,
                    sink: sink.clone(),
                },
                None,
            ),
            Err(error) => {
                sink.resolve(Outcome::failed(JobError::NotSubmitted(error)));
                return Ok(());
            }
        };
        submitted.map(drop).map_err(|(_item, error)| {
            sink.resolve(Outcome::failed(JobError::refused(error.clone())));
            error
        })
    }

    /// Whether a job can be put in without waiting for the other end.
    pub(crate) fn has_room(&self) -> bool {
        self.stream.has_room(&self.stream.lock())
    }
}

impl<J: Job> StreamOutput<J> {
    /// The next output if it is there.
    pub fn try_next(&mut self) -> Option<(u64, Result<J::Output, JobError>)> {
        self.refill(false);
        self.pop()
    }

    /// Whether an output is there.
    pub(crate) fn is_ready(&self) -> bool {
        !self.taken.is_empty() || self.stream.lock().window.is_ready()
    }

    /// How many inputs have no output taken yet.
    pub(crate) fn ahead(&self) -> u64 {
        let state = self.stream.lock();
        state.ahead() - state.lent.0 + self.taken.len() as u64
    }

    /// Makes the room of what was taken available, when nothing of it is left here.
    pub(crate) fn settle(&self) {
        if self.taken.is_empty() {
            self.stream.settle();
        }
    }

    fn refill(&mut self, waits: bool) {
        if self.taken.is_empty() {
            self.stream.take(&mut self.taken, waits);
        }
    }

    fn pop(&mut self) -> Option<(u64, Result<J::Output, JobError>)> {
        let (index, outcome) = self.taken.pop_front()?;
        Some((index, outcome.decode::<J>()))
    }
}

impl<J: Job> Iterator for StreamOutput<J> {
    type Item = (u64, Result<J::Output, JobError>);

    fn next(&mut self) -> Option<Self::Item> {
        self.refill(true);
        self.pop()
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
