//! The caller's end of one submitted job.

use std::{
    fmt,
    future::Future,
    marker::PhantomData,
    pin::Pin,
    sync::{Arc, Weak},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use protocol::Job;

use crate::{
    Captured, JobError,
    driver::Core,
    outcome::{Outcome, slot::OutcomeSlot},
};

/// Who waits for less than this does not look for the output himself, which might take longer.
const SHORTEST_LINGER: Duration = Duration::from_millis(1);

/// A job that was accepted: wait for its output, or cancel it.
///
/// It is also a [`Future`], with no runtime of its own. Dropping it lets the job run and throws its output away.
pub struct JobHandle<J: Job> {
    id: u64,
    slot: Arc<OutcomeSlot>,
    core: Weak<Core>,
    job: PhantomData<fn() -> J>,
}

impl<J: Job> JobHandle<J> {
    pub(crate) fn new(id: u64, slot: Arc<OutcomeSlot>, core: Weak<Core>) -> Self {
        Self {
            id,
            slot,
            core,
            job: PhantomData,
        }
    }

    /// The job's number in its pool: jobs are numbered from 0 in the order in which they were accepted.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Waits for the output.
    ///
    /// # Errors
    /// Whatever kept the job from giving one; see [`JobError`].
    pub fn wait(self) -> Result<J::Output, JobError> {
        let outcome = self.slot.try_take().or_else(|| {
            self.linger();
            self.slot.take(None)
        });
        outcome
            .unwrap_or_else(|| Outcome::failed(JobError::Closed))
            .decode::<J>()
    }

    /// Waits for the output, and gives it with what the job has written to its standard output and error, in a pool that
    /// captures that ([`Builder::capture_output`](crate::Builder::capture_output)); otherwise that is empty.
    pub fn wait_captured(self) -> (Result<J::Output, JobError>, Captured) {
        let slot = Arc::clone(&self.slot);
        let output = self.wait();
        let captured = match &output {
            Err(JobError::WorkerDied(death)) => death.captured.clone().unwrap_or_default(),
            _ => slot.take_captured(),
        };
        (output, captured)
    }

    /// Waits for the output for `timeout` at most, and gives the handle back when that was too short.
    ///
    /// # Errors
    /// The handle itself, to wait again.
    pub fn wait_timeout(self, timeout: Duration) -> Result<Result<J::Output, JobError>, Self> {
        let deadline = Instant::now().checked_add(timeout);
        if timeout >= SHORTEST_LINGER {
            self.linger();
        }
        let outcome = match deadline {
            Some(deadline) => self.slot.take(Some(deadline)),
            None => self.slot.take(None),
        };
        outcome.map(Outcome::decode::<J>).ok_or(self)
    }

    /// Takes the output if it is there, and gives the handle back if it is not.
    ///
    /// # Errors
    /// The handle itself, to ask again.
    pub fn try_wait(self) -> Result<Result<J::Output, JobError>, Self> {
        self.slot.try_take().map(Outcome::decode::<J>).ok_or(self)
    }

    fn linger(&self) {
        if let Some(core) = self.core.upgrade() {
            core.linger(|| self.slot.is_filled());
        }
    }

    /// Whether the job has ended.
    pub fn is_finished(&self) -> bool {
        self.slot.is_filled()
    }

    /// Cancels the job. If it is queued, it never runs. If it runs, its worker is killed and replaced; jobs that were
    /// to run there run elsewhere. If it has ended, nothing happens, and its output can still be waited for.
    pub fn cancel(&self) {
        if let Some(core) = self.core.upgrade().filter(|_| !self.slot.is_filled()) {
            self.slot.fill(Outcome::failed(JobError::Cancelled));
            core.cancel(self.id);
        }
    }
}

impl<J: Job> Future for JobHandle<J> {
    type Output = Result<J::Output, JobError>;

    /// # Panics
    /// When polled again after it was ready, as futures may.
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.slot.poll(context).map(Outcome::decode::<J>)
    }
}

impl<J: Job> fmt::Debug for JobHandle<J> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("JobHandle")
            .field("id", &self.id)
            .field("finished", &self.is_finished())
            .finish_non_exhaustive()
    }
}
