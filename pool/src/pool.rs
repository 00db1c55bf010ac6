//! [`Pool`]: jobs in, handles and iterators out.

use std::{
    marker::PhantomData,
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use protocol::Job;
use sync::HandlesInFlight;

use crate::{
    BuildError, JobHandle, SubmitError,
    driver::Core,
    failure::Rejected,
    job::{
        encode::encode,
        jobs::{Item, Sink},
    },
    map::{Map, MapUnordered},
    outcome::{slot::OutcomeSlot, stream_core::Bounds},
    stats::Stats,
    stream::{self, Order, StreamInput, StreamOutput},
};

/// How long a pool that ends waits for its killed workers to exit.
const LAST_WAIT: Duration = Duration::from_secs(1);

/// A pool of worker processes that run jobs of one type.
///
/// All methods take `&self`: share the pool by reference or in an [`Arc`] among any number of threads.
///
/// A pool belongs to the process that built it. In a copy of that process, made by a bare `fork`, each call returns an
/// error at once ([`SubmitError::Forked`], [`JobError::Forked`](crate::JobError::Forked)) or does nothing, and dropping
/// the copied pool has no effect on the workers. A program that becomes a daemon by forking builds its pools afterwards.
///
/// Dropping a pool kills its workers, as [`Pool::kill`] does: jobs that have not ended fail with
/// [`JobError::Closed`](crate::JobError::Closed). Call [`Pool::drain`] or [`Pool::shutdown`] first to wait for them.
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

    /// Submits a job. Waits while the queue is full.
    ///
    /// # Errors
    /// If the job cannot be encoded or is too large, or the pool takes no more jobs. The error returns the job.
    pub fn submit(&self, job: J) -> Result<JobHandle<J>, Rejected<J>> {
        self.submit_until(job, None)
    }

    /// Submits a job, unless the queue is full. Never waits.
    ///
    /// # Errors
    /// As [`Pool::submit`], and [`SubmitError::Full`].
    pub fn try_submit(&self, job: J) -> Result<JobHandle<J>, Rejected<J>> {
        self.submit_until(job, Some(Instant::now()))
    }

    /// Submits a job. Waits while the queue is full, at most for `timeout`.
    ///
    /// # Errors
    /// As [`Pool::submit`], and [`SubmitError::Full`].
    pub fn submit_timeout(&self, job: J, timeout: Duration) -> Result<JobHandle<J>, Rejected<J>> {
        self.submit_until(job, Instant::now().checked_add(timeout))
    }

    fn submit_until(&self, job: J, deadline: Option<Instant>) -> Result<JobHandle<J>, Rejected<J>> {
        if self.core.is_copy() {
            let error = SubmitError::Forked;
            return Err(Rejected { job, error });
        }
        let (encoded, handles) =
            HandlesInFlight::collect(|| encode(|buffer| job.encode(buffer), self.core.message_limit()));
        let encoded = match encoded {
            Ok(encoded) => encoded,
            Err(error) => {
                handles.undo();
                return Err(Rejected { job, error });
            }
        };
        let slot = Arc::new(OutcomeSlot::new(handles));
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

    /// Runs each item of an iterator as a job and returns the outputs in the order of the items.
    ///
    /// The map is lazy: it takes items in the caller's thread, only when asked for outputs, and at most a window ahead
    /// ([`Builder::window`](crate::Builder::window)). The iterator may be endless. If it may block for long, use [`Pool::stream`], so that outputs
    /// and the jobs already taken do not wait for it.
    ///
    /// A failed job yields its error. A panic of the iterator is passed on after the outputs before it.
    ///
    /// ```no_run
    /// # use pool::{Job, Pool};
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Serialize, Deserialize)]
    /// # struct Square(u64);
    /// # impl Job for Square { type Output = u64; const NAME: &'static str = "square"; }
    /// # fn run(pool: &Pool<Square>) -> Result<(), pool::JobError> {
    /// let squares: Vec<u64> = pool.map((0..3).map(Square)).collect::<Result<_, _>>()?;
    /// assert_eq!(squares, [0, 1, 4]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn map<I: IntoIterator<Item = J>>(&self, jobs: I) -> Map<J, I::IntoIter> {
        Map::new(jobs.into_iter(), self.stream(Order::Input))
    }

    /// As [`Pool::map`], but returns outputs as they come, each with the number of its item, from 0.
    pub fn map_unordered<I: IntoIterator<Item = J>>(&self, jobs: I) -> MapUnordered<J, I::IntoIter> {
        MapUnordered::new(jobs.into_iter(), self.stream(Order::Completion))
    }

    /// Opens a stream of jobs and returns its two ends, for two threads: one sends jobs, the other takes outputs.
    pub fn stream(&self, order: Order) -> (StreamInput<J>, StreamOutput<J>) {
        stream::stream(&self.core, order, self.window)
    }

    /// Waits until all accepted jobs have ended. The pool stays open.
    pub fn drain(&self) {
        self.core.wait_idle(None);
    }

    /// As [`Pool::drain`], but waits at most for `timeout`. Returns whether all jobs have ended.
    pub fn drain_timeout(&self, timeout: Duration) -> bool {
        self.core.wait_idle(Instant::now().checked_add(timeout))
    }

    /// Closes the pool: accepts no more jobs, waits for the accepted ones at most for `grace`, and then ends the workers.
    /// Jobs that have not ended by then fail with [`JobError::Closed`](crate::JobError::Closed).
    ///
    /// Takes at most `grace` and a second. Further calls, from any thread, are allowed; a shorter grace counts.
    pub fn shutdown(&self, grace: Duration) {
        self.core.close();
        if !self.core.wait_ended(Instant::now().checked_add(grace)) {
            self.core.kill();
            self.core.wait_ended(Instant::now().checked_add(LAST_WAIT));
        }
    }

    /// As [`Pool::shutdown`], with the grace set by [`Builder::grace`](crate::Builder::grace).
    pub fn close(&self) {
        self.shutdown(self.grace);
    }

    /// Closes the pool to new jobs and cancels those that are queued: they fail with
    /// [`JobError::Cancelled`](crate::JobError::Cancelled). Jobs that run end as they would. Never waits.
    ///
    /// Jobs that were sent to a worker and have not started run too, unless a job before them takes longer than a few
    /// milliseconds: then they are cancelled.
    pub fn stop(&self) {
        self.core.stop();
    }

    /// Stops the worker processes, and what they have started, with SIGSTOP, until [`Pool::resume`]. A host that handles
    /// SIGTSTP calls it before it stops itself: workers are in process groups of their own, which a terminal does not stop.
    ///
    /// The time until `resume` counts for no deadline of a job or a worker. Further calls change nothing.
    pub fn suspend(&self) {
        self.core.watched.suspend();
    }

    /// Continues the worker processes after [`Pool::suspend`], with SIGCONT.
    pub fn resume(&self) {
        self.core.watched.resume();
    }

    /// Kills the workers now. Jobs that have not ended fail with [`JobError::Closed`](crate::JobError::Closed).
    pub fn kill(&self) {
        self.shutdown(Duration::ZERO);
    }

    /// Returns the pool's counters and the state of its workers, as they are now.
    pub fn stats(&self) -> Stats {
        Stats::of(&self.core)
    }

    /// Returns why the pool takes no more jobs; `None` while it takes them.
    pub fn closed_reason(&self) -> Option<SubmitError> {
        self.core.closed_reason()
    }
}

impl<J: Job> Drop for Pool<J> {
    fn drop(&mut self) {
        if self.core.is_copy() {
            return;
        }
        self.core.kill();
        let ended = self.core.wait_ended(Instant::now().checked_add(LAST_WAIT));
        let threads = std::mem::take(self.threads.get_mut().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            // A waker may drop the last reference to a pool in one of the pool's own threads, which cannot join itself. A
            // thread whose worker the system cannot end is not waited for.
            if ended && thread.thread().id() != std::thread::current().id() {
                drop(thread.join());
            }
        }
    }
}
