//! The pool as its users see it.

use std::{
    marker::PhantomData,
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use protocol::Job;
use sync::HandlesInFlight;

use crate::{
    BuildError, Builder, JobHandle, Map, MapUnordered, Order, Rejected, Stats, StreamInput, StreamOutput,
    SubmitError,
    driver::Core,
    encode::encode,
    load::{Item, Sink},
    slot::Slot,
    stream::{self, Bounds},
};

/// How long the end of a pool waits, after the last worker was killed, for the system to end it.
const LAST_WAIT: Duration = Duration::from_secs(1);

/// A pool of worker processes that run jobs of one type.
///
/// All its methods take `&self`: share it by reference or in an [`Arc`] among as many threads as you like.
///
/// Dropping a pool ends it at once, as [`Pool::kill`] does: jobs that have not ended fail with
/// [`JobError::Closed`](crate::JobError::Closed). To let them end, call [`Pool::drain`] or [`Pool::shutdown`] before.
///
/// ```no_run
/// use pool::{Job, Pool};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Square(u64);
///
/// impl Job for Square {
///     type Output = u64;
///     const NAME: &'static str = "square";
/// }
///
/// let pool = Pool::<Square>::builder().workers(2).worker_program("target/release/square-worker").build()?;
/// let handle = pool.submit(Square(7))?;
/// assert_eq!(handle.wait()?, 49);
/// let squares: Result<Vec<u64>, _> = pool.map((0..1000).map(Square)).collect();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Pool<J: Job> {
    core: Arc<Core>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    window: Bounds,
    grace: Duration,
    job: PhantomData<fn(J)>,
}

impl<J: Job> Pool<J> {
    /// The settings of a new pool.
    pub fn builder() -> Builder<J> {
        Builder::new()
    }

    pub(crate) fn new(
        core: Arc<Core>,
        threads: Vec<JoinHandle<()>>,
        window: Bounds,
        grace: Duration,
    ) -> Self {
        Self {
            core,
            threads: Mutex::new(threads),
            window,
            grace,
            job: PhantomData,
        }
    }

    pub(crate) fn wait_ready(&self) -> Result<(), BuildError> {
        self.core.wait_ready()
    }

    /// Hands a job in. Waits while the queue is full.
    ///
    /// # Errors
    /// When the job cannot be encoded or is too large, or the pool takes no more jobs; the job comes back.
    pub fn submit(&self, job: J) -> Result<JobHandle<J>, Rejected<J>> {
        self.submit_until(job, None)
    }

    /// Hands a job in, unless the queue is full.
    ///
    /// # Errors
    /// As [`Pool::submit`], and [`SubmitError::Full`].
    pub fn try_submit(&self, job: J) -> Result<JobHandle<J>, Rejected<J>> {
        self.submit_until(job, Some(Instant::now()))
    }

    /// Hands a job in. Waits while the queue is full, but no longer than `patience`.
    ///
    /// # Errors
    /// As [`Pool::submit`], and [`SubmitError::Full`].
    pub fn submit_timeout(&self, job: J, patience: Duration) -> Result<JobHandle<J>, Rejected<J>> {
        self.submit_until(job, Instant::now().checked_add(patience))
    }

    fn submit_until(&self, job: J, deadline: Option<Instant>) -> Result<JobHandle<J>, Rejected<J>> {
        let (encoded, transit) =
            HandlesInFlight::collect(|| encode(|buffer| job.encode(buffer), self.core.message_limit()));
        let encoded = match encoded {
            Ok(encoded) => encoded,
            Err(error) => {
                transit.undo();
                return Err(Rejected { job, error });
            }
        };
        let slot = Arc::new(Slot::new(transit));
        let item = Item {
            encoded,
            sink: Sink::Slot(Arc::clone(&slot)),
        };
        match self.core.submit(item, deadline) {
            Ok(id) => Ok(JobHandle::new(id, slot, self.core.downgrade())),
            Err((_item, error)) => {
                slot.undo();
                Err(Rejected { job, error })
            }
        }
    }

    /// Runs each item of an iterator as a job; the outputs come in the order of the items.
    ///
    /// It is lazy: items are taken, in the caller's thread, only while outputs are asked for, and at most the window of
    /// them ahead. Endless iterators are welcome. When the iterator itself may block for long, so that neither an output nor
    /// the start of an item that was taken should wait for the next item, use [`Pool::stream`].
    ///
    /// A job that fails has its error as its item. When the input iterator panics, the outputs before come first.
    pub fn map<I: IntoIterator<Item = J>>(&self, jobs: I) -> Map<J, I::IntoIter> {
        Map::new(jobs.into_iter(), self.stream(Order::Input))
    }

    /// As [`Pool::map`], but outputs come as soon as they are there, each with the number of its item, from 0.
    pub fn map_unordered<I: IntoIterator<Item = J>>(&self, jobs: I) -> MapUnordered<J, I::IntoIter> {
        MapUnordered::new(jobs.into_iter(), self.stream(Order::Completion))
    }

    /// A stream of jobs, as two ends for two threads: one puts jobs in, the other takes outputs out.
    pub fn stream(&self, order: Order) -> (StreamInput<J>, StreamOutput<J>) {
        stream::stream(&self.core, order, self.window)
    }

    /// Waits until every job that was accepted has ended. The pool goes on.
    pub fn drain(&self) {
        self.core.wait_idle(None);
    }

    /// As [`Pool::drain`], but waits no longer than `patience`; says whether all jobs have ended.
    pub fn drain_timeout(&self, patience: Duration) -> bool {
        self.core.wait_idle(Instant::now().checked_add(patience))
    }

    /// Accepts no more jobs, lets those that were accepted end, for `grace` at most, and then ends the workers. What has
    /// not ended by then fails with [`JobError::Closed`](crate::JobError::Closed). May be called again, from anywhere.
    ///
    /// Takes at most `grace` and a second.
    pub fn shutdown(&self, grace: Duration) {
        self.core.close();
        if !self.core.wait_ended(Instant::now().checked_add(grace)) {
            self.core.kill();
            self.core.wait_ended(Instant::now().checked_add(LAST_WAIT));
        }
    }

    /// As [`Pool::shutdown`], with the grace that the builder was given.
    pub fn close(&self) {
        self.shutdown(self.grace);
    }

    /// Ends the workers now. Jobs that have not ended fail with [`JobError::Closed`](crate::JobError::Closed).
    pub fn kill(&self) {
        self.shutdown(Duration::ZERO);
    }

    /// The pool's figures at this moment.
    pub fn stats(&self) -> Stats {
        Stats::of(&self.core)
    }

    /// Why the pool takes no more jobs, if it takes none.
    pub fn closed_reason(&self) -> Option<SubmitError> {
        self.core.closed_reason()
    }
}

impl<J: Job> Drop for Pool<J> {
    fn drop(&mut self) {
        self.core.kill();
        let ended = self.core.wait_ended(Instant::now().checked_add(LAST_WAIT));
        let threads = std::mem::take(self.threads.get_mut().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            // The last handle to a pool may be dropped by a waker, in one of its own threads; and a thread whose worker
            // the system cannot end is left to itself rather than waited for.
            if ended && thread.thread().id() != std::thread::current().id() {
                drop(thread.join());
            }
        }
    }
}
