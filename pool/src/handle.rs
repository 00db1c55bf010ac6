//! [`JobHandle`]: the caller's end of one submitted job.

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

/// A shorter wait does not spin for the output, which might take longer than the wait.
const SHORTEST_SPIN_WAIT: Duration = Duration::from_millis(1);

/// An accepted job: wait for its output, or cancel it.
///
/// The handle is also a [`Future`], on any runtime. Dropping it lets the job run and discards its output.
///
/// ```no_run
/// use std::time::Duration;
///
/// use pool::{Job, JobHandle};
///
/// /// The output, unless it takes longer than a second.
/// fn within_a_second<J: Job>(handle: JobHandle<J>) -> Option<J::Output> {
///     match handle.wait_timeout(Duration::from_secs(1)) {
///         Ok(output) => output.ok(),
///         Err(handle) => {
///             handle.cancel();
///             None
///         }
///     }
/// }
/// ```
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

    /// Returns the job's number in its pool: from 0, in the order in which jobs were accepted.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Waits for the output.
    ///
    /// # Errors
    /// If the job gave no output: [`JobError`] says why.
    pub fn wait(self) -> Result<J::Output, JobError> {
        self.check_origin()?;
        let outcome = self.slot.try_take().or_else(|| {
            self.spin_wait();
            self.slot.take(None)
        });
        outcome
            .unwrap_or_else(|| Outcome::failed(JobError::Closed))
            .decode::<J>()
    }

    /// Waits for the output, and returns it with what the job wrote to its standard output and error.
    ///
    /// The latter is empty unless [`Builder::capture_output`](crate::Builder::capture_output) is set.
    pub fn wait_captured(self) -> (Result<J::Output, JobError>, Captured) {
        let slot = Arc::clone(&self.slot);
        let output = self.wait();
        let captured = match &output {
            Err(JobError::Forked) => Captured::default(),
            Err(JobError::WorkerDied(death)) => death.captured.clone().unwrap_or_default(),
            _ => slot.take_captured(),
        };
        (output, captured)
    }

    /// Waits for the output, at most for `timeout`.
    ///
    /// # Errors
    /// The handle itself, if there is no output yet.
    pub fn wait_timeout(self, timeout: Duration) -> Result<Result<J::Output, JobError>, Self> {
        if let Err(error) = self.check_origin() {
            return Ok(Err(error));
        }
        let deadline = Instant::now().checked_add(timeout);
        if timeout >= SHORTEST_SPIN_WAIT {
            self.spin_wait();
        }
        let outcome = match deadline {
            Some(deadline) => self.slot.take(Some(deadline)),
            None => self.slot.take(None),
        };
        outcome.map(Outcome::decode::<J>).ok_or(self)
    }

    /// Takes the output if it is there. Never waits.
    ///
    /// # Errors
    /// The handle itself, if there is no output yet.
    pub fn try_wait(self) -> Result<Result<J::Output, JobError>, Self> {
        if let Err(error) = self.check_origin() {
            return Ok(Err(error));
        }
        self.slot.try_take().map(Outcome::decode::<J>).ok_or(self)
    }

    /// Refuses in a copy of the pool's process: no thread there would ever fill the slot.
    fn check_origin(&self) -> Result<(), JobError> {
        match self.core.upgrade() {
            Some(core) if core.is_copy() => Err(JobError::Forked),
            _ => Ok(()),
        }
    }

    fn spin_wait(&self) {
        if let Some(core) = self.core.upgrade() {
            core.spin_wait(|| self.slot.is_filled());
        }
    }

    /// Returns whether the job has ended.
    pub fn is_finished(&self) -> bool {
        self.check_origin().is_err() || self.slot.is_filled()
    }

    /// Cancels the job.
    ///
    /// A queued job never runs. For a running job its worker is killed and replaced; jobs waiting there run elsewhere. If
    /// the job has ended, this does nothing, and its output is still there.
    pub fn cancel(&self) {
        if let Some(core) = self
            .core
            .upgrade()
            .filter(|core| !core.is_copy() && !self.slot.is_filled())
        {
            self.slot.fill(Outcome::failed(JobError::Cancelled));
            core.cancel(self.id);
        }
    }
}

impl<J: Job> Future for JobHandle<J> {
    type Output = Result<J::Output, JobError>;

    /// # Panics
    /// If polled again after it was ready.
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Err(error) = self.check_origin() {
            return Poll::Ready(Err(error));
        }
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
