//! [`StreamOutput`]: the end of a stream that yields outputs.

use std::{fmt, marker::PhantomData, sync::Arc};

use protocol::Job;

use super::block::Block;
use crate::{
    JobError,
    driver::Core,
    outcome::{
        results::Results,
        stream_core::{Done, StreamCore},
    },
};

/// The room of outputs is given back to the input end after this many of them.
const SETTLED_AT_ONCE: u64 = 512;

/// The end of a stream that yields outputs, returned by [`Pool::stream`](crate::Pool::stream).
///
/// An iterator over the inputs' numbers (from 0) and their outputs. Dropping it abandons the stream: queued jobs are
/// dropped, and the outputs of running ones discarded.
pub struct StreamOutput<J: Job> {
    stream: Arc<StreamCore>,
    /// The number of the next output, and the results that have left the stream and were not seen.
    taken: Option<(u64, Results)>,
    /// The number after the last one taken.
    next: u64,
    /// Whether this is a copy of the stream in a copy of its process, and has said so.
    is_refused: bool,
    done: Done,
    core: Arc<Core>,
    job: PhantomData<fn() -> J>,
}

impl<J: Job> StreamOutput<J> {
    pub(super) fn new(stream: Arc<StreamCore>, core: Arc<Core>) -> Self {
        Self {
            stream,
            taken: None,
            next: 0,
            is_refused: false,
            done: Done::default(),
            core,
            job: PhantomData,
        }
    }

    /// Returns the next output if it is there. Never waits.
    pub fn try_next(&mut self) -> Option<(u64, Result<J::Output, JobError>)> {
        self.provide(false).then(|| self.decode_next())
    }

    /// Returns the next outputs that came together, still encoded. Waits as the iterator's `next` does; `None` at the end.
    ///
    /// A caller that handles millions of small outputs and knows their encoding saves most of the cost of each. All outputs
    /// of the block count as taken.
    ///
    /// ```no_run
    /// # fn example<J: pool::Job>(mut outputs: pool::stream::StreamOutput<J>) {
    /// while let Some(block) = outputs.next_block() {
    ///     for (number, output) in (block.number()..).zip(block) {
    ///         println!("{number}: {output:?}");
    ///     }
    /// }
    /// # }
    /// ```
    pub fn next_block(&mut self) -> Option<Block<'_>> {
        self.provide(true);
        let (next, results) = self.taken.as_mut()?;
        let (number, left) = (*next, u64::from(results.left()));
        *next += left;
        self.done.outcomes += left;
        results.flatten::<J>(self.core.message_limit());
        Some(Block::new(number, results.see_rest()))
    }

    /// Returns whether the next output is there, so that `next` does not wait.
    pub fn is_ready(&self) -> bool {
        self.at_hand() > 0 || self.core.is_copy() || self.stream.lock().window.is_ready()
    }

    /// How many outputs have left the stream already and wait here.
    pub(crate) fn at_hand(&self) -> u32 {
        self.taken.as_ref().map_or(0, |(_, results)| results.left())
    }

    /// Whether a worker waits for jobs: a hint.
    pub(crate) fn has_idle_worker(&self) -> bool {
        self.core.has_idle_worker()
    }

    /// How many inputs have no output taken yet.
    pub(crate) fn ahead(&self) -> u64 {
        if self.core.is_copy() {
            return 0;
        }
        self.stream.lock().ahead() - self.done.outcomes
    }

    /// Gives the room of the outputs taken back to the input end.
    pub(crate) fn settle(&mut self) {
        self.let_go();
        if self.core.is_copy() {
            return;
        }
        self.stream.settle(std::mem::take(&mut self.done));
    }

    /// Provides the next output, waiting for it if `waits`. Returns whether there is one.
    #[inline]
    pub(crate) fn provide(&mut self, waits: bool) -> bool {
        self.let_go();
        if self.core.is_copy() {
            return self.provide_refusal();
        }
        if self.taken.is_none() {
            self.taken = self.stream.take(std::mem::take(&mut self.done), waits);
            if let Some((first, results)) = &self.taken {
                self.next = first + u64::from(results.left());
            }
        } else if self.done.outcomes >= SETTLED_AT_ONCE {
            self.settle();
        }
        self.taken.is_some()
    }

    /// Provides one error in a copy of the pool's process, and then nothing.
    #[cold]
    fn provide_refusal(&mut self) -> bool {
        if self.taken.is_none() && !self.is_refused {
            self.is_refused = true;
            self.taken = Some((self.next, Results::failed(JobError::Forked, 1)));
        }
        self.taken.is_some()
    }

    /// Decodes the next output.
    ///
    /// # Panics
    /// If none is at hand.
    #[inline]
    pub(crate) fn decode_next(&mut self) -> (u64, Result<J::Output, JobError>) {
        let (next, results) = self.taken.as_mut().expect("one is at hand");
        let number = *next;
        *next += 1;
        self.done.outcomes += 1;
        (number, results.decode_next::<J>())
    }

    /// Drops results of which all have been seen.
    #[inline]
    fn let_go(&mut self) {
        if let Some((_, results)) = self.taken.take_if(|(_, results)| results.left() == 0) {
            self.done.bytes += results.bytes();
        }
    }
}

impl<J: Job> Iterator for StreamOutput<J> {
    type Item = (u64, Result<J::Output, JobError>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.provide(true).then(|| self.decode_next())
    }
}

impl<J: Job> Drop for StreamOutput<J> {
    fn drop(&mut self) {
        if !self.core.is_copy() {
            self.stream.abandon();
            self.core.purge();
        }
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
