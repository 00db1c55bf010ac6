//! The iterators that [`Pool::map`](crate::Pool::map) and [`Pool::map_unordered`](crate::Pool::map_unordered) return.
//!
//! Each takes jobs from an iterator, in the caller's thread, and yields their outputs. A map is lazy: it takes an input
//! only when asked for an output, and at most [`Builder::window`](crate::Builder::window) inputs ahead. Dropping it drops
//! the jobs that have not started and discards the outputs of running ones.
//!
//! ```no_run
//! use pool::{Job, JobError, Pool};
//!
//! /// The outputs of all jobs, or the first error.
//! fn outputs<J: Job>(pool: &Pool<J>, jobs: Vec<J>) -> Result<Vec<J::Output>, JobError> {
//!     pool.map(jobs).collect()
//! }
//! ```

mod gathering;

use std::{
    any::Any,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    time::{Duration, Instant},
};

use protocol::Job;

use crate::{
    JobError,
    stream::{StreamInput, StreamOutput},
};
use gathering::Gathering;

/// Once outputs flow, this many inputs are taken for each output that leaves.
const INPUTS_PER_OUTPUT: u32 = 2;

/// This many inputs are taken together, unless a worker waits for them.
const TAKEN_TOGETHER: u32 = 1024;

/// After at most this many outputs the map checks whether a worker waits for inputs.
const OUTPUTS_PER_LOOK: u32 = 64;

/// A worker that has waited this long is given inputs, although outputs are at hand.
const SLOW_CONSUMER: Duration = Duration::from_millis(1);

/// The engine of both maps: feeds a stream from an iterator, in the thread that takes the outputs.
struct Submitter<J: Job, I> {
    inputs: Option<I>,
    input: Option<StreamInput<J>>,
    output: StreamOutput<J>,
    /// How many inputs may be taken while outputs are ready.
    due: u32,
    /// How many of the outputs at hand can leave before inputs are taken again.
    free: u32,
    /// How many inputs to gather for a worker that waits.
    gathering: Gathering,
    /// The panic of the input iterator, passed on when the outputs before it have left.
    panic: Option<Box<dyn Any + Send>>,
}

impl<J: Job, I: Iterator<Item = J>> Submitter<J, I> {
    fn new(inputs: I, (input, output): (StreamInput<J>, StreamOutput<J>)) -> Self {
        Self {
            inputs: Some(inputs),
            input: Some(input),
            output,
            due: 0,
            free: 0,
            gathering: Gathering::new(Instant::now()),
            panic: None,
        }
    }

    /// Provides an output, waiting for one if necessary. Returns `false` if all have been taken.
    #[inline]
    fn provide(&mut self) -> bool {
        if self.free > 0 {
            self.free -= 1;
            return true;
        }
        self.look()
    }

    /// As [`Submitter::provide`], and takes inputs first.
    fn look(&mut self) -> bool {
        self.submit_inputs();
        let provided = self.output.provide(true);
        if !provided {
            self.pass_panic_on();
        }
        // Outputs at hand need no look at the inputs until enough of them have left.
        let undue = TAKEN_TOGETHER.saturating_sub(self.due) / INPUTS_PER_OUTPUT;
        let most = undue.min(OUTPUTS_PER_LOOK);
        self.free = self.output.at_hand().saturating_sub(1).min(most);
        self.due += self.free * INPUTS_PER_OUTPUT;
        provided
    }

    #[cold]
    fn pass_panic_on(&mut self) {
        if let Some(panic) = self.panic.take() {
            resume_unwind(panic);
        }
    }

    /// Takes inputs until an output is ready, and some more, as far as the window allows.
    fn submit_inputs(&mut self) {
        self.due = (self.due + INPUTS_PER_OUTPUT).min(TAKEN_TOGETHER);
        if self.due < TAKEN_TOGETHER && self.has_time() {
            return;
        }
        self.output.settle();
        while let Some(input) = &self.input {
            let most = if self.output.is_ready() {
                std::mem::take(&mut self.due)
            } else {
                TAKEN_TOGETHER
            };
            let inputs = most.min(input.room());
            if inputs == 0 || !(0..inputs).all(|_| self.take_one()) {
                return;
            }
            self.flush();
        }
    }

    /// Whether inputs can be taken later: there are outputs, and no worker has waited for inputs for long.
    fn has_time(&self) -> bool {
        let is_at_hand = self.output.at_hand() > 0;
        if !is_at_hand && !self.output.is_ready() {
            return false;
        }
        // Outputs at hand came together, and mostly leave as quickly.
        let timeout = if is_at_hand {
            SLOW_CONSUMER
        } else {
            gathering::LONGEST
        };
        !self.output.has_idle_worker() || self.gathering.since_given(Instant::now()) < timeout
    }

    /// Takes one input. Returns whether to take another.
    fn take_one(&mut self) -> bool {
        let (Some(inputs), Some(input)) = (&mut self.inputs, &mut self.input) else {
            return false;
        };
        match catch_unwind(AssertUnwindSafe(|| inputs.next())) {
            Ok(Some(job)) => {
                input.add(&job);
                return !self.output.has_idle_worker() || self.submit_if_enough();
            }
            Ok(None) => {}
            Err(panic) => self.panic = Some(panic),
        }
        self.flush();
        self.end();
        false
    }

    /// Submits the gathered inputs for a worker that waits, if they are enough. Returns whether to take another input.
    #[cold]
    fn submit_if_enough(&mut self) -> bool {
        let added = self.input.as_ref().map_or(0, StreamInput::added);
        // An input that does not know of a next one may wait for it, and what was gathered with it.
        let has_more = self
            .inputs
            .as_ref()
            .is_some_and(|inputs| inputs.size_hint().0 > 0);
        if !self.gathering.is_enough(added, Instant::now()) && has_more {
            return true;
        }
        self.flush();
        !self.output.is_ready()
    }

    /// Submits the inputs taken so far. A job that the pool refuses gets the refusal as its outcome. Once the pool is
    /// closed no more are taken.
    fn flush(&mut self) {
        if self.input.as_mut().is_some_and(|input| input.flush().is_err()) {
            self.end();
        }
    }

    fn end(&mut self) {
        self.inputs = None;
        self.input = None;
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (lower, upper) = self.inputs.as_ref().map_or((0, Some(0)), Iterator::size_hint);
        let ahead = self.output.ahead() as usize;
        // A closed pool may end the outputs early.
        (
            ahead.min(lower.saturating_add(ahead)),
            upper.and_then(|upper| upper.checked_add(ahead)),
        )
    }
}

/// The outputs of [`Pool::map`](crate::Pool::map), in the order of the inputs.
pub struct Map<J: Job, I>(Submitter<J, I>);

/// The outputs of [`Pool::map_unordered`](crate::Pool::map_unordered), each with its input's number, as they come.
pub struct MapUnordered<J: Job, I>(Submitter<J, I>);

impl<J: Job, I: Iterator<Item = J>> Map<J, I> {
    pub(crate) fn new(inputs: I, ends: (StreamInput<J>, StreamOutput<J>)) -> Self {
        Self(Submitter::new(inputs, ends))
    }
}

impl<J: Job, I: Iterator<Item = J>> MapUnordered<J, I> {
    pub(crate) fn new(inputs: I, ends: (StreamInput<J>, StreamOutput<J>)) -> Self {
        Self(Submitter::new(inputs, ends))
    }
}

impl<J: Job, I: Iterator<Item = J>> Iterator for Map<J, I> {
    type Item = Result<J::Output, JobError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.0.provide().then(|| self.0.output.decode_next().1)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<J: Job, I: Iterator<Item = J>> Iterator for MapUnordered<J, I> {
    type Item = (u64, Result<J::Output, JobError>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.0.provide().then(|| self.0.output.decode_next())
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<J: Job, I> fmt::Debug for Map<J, I> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Map")
            .field("output", &self.0.output)
            .finish_non_exhaustive()
    }
}

impl<J: Job, I> fmt::Debug for MapUnordered<J, I> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("MapUnordered")
            .field("output", &self.0.output)
            .finish_non_exhaustive()
    }
}
