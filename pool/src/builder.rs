//! A pool's settings, and building it.

use std::{ffi::OsString, fmt, marker::PhantomData, num::NonZeroUsize, path::PathBuf, time::Duration};

use protocol::{Job, board::MAX_LANES, child::Role, parcel::DEFAULT_MESSAGE_LIMIT};
use serde::Serialize;

use crate::{
    BuildError, Pool,
    driver::{Core, Settings},
    process,
    program::Program,
    scheduler::{Config, RestartLimit},
    stream::Bounds,
};

/// The most worker processes that a pool may have.
pub const MAX_WORKERS: usize = 1024;

/// Settings of a [`Pool`], made by [`Pool::builder`]. Every bound has a default; none is unlimited unless it says so.
#[must_use = "settings do nothing until `build` is called"]
pub struct Builder<J: Job> {
    workers: Option<usize>,
    threads: usize,
    program: Program,
    argument: Result<Vec<u8>, protocol::CodecError>,
    start_deadline: Duration,
    job_deadline: Option<Duration>,
    queue_jobs: usize,
    queue_bytes: usize,
    window: Bounds,
    grace: Duration,
    attempts: u8,
    restart_limit: RestartLimit,
    message_limit: u64,
    job: PhantomData<fn(J)>,
}

impl<J: Job> Builder<J> {
    pub(crate) fn new() -> Self {
        Self {
            workers: None,
            threads: 1,
            program: Program::default(),
            argument: Ok(Vec::new()),
            start_deadline: Duration::from_secs(10),
            job_deadline: None,
            queue_jobs: 16 * 1024,
            queue_bytes: 16 << 20,
            window: Bounds {
                items: 64 * 1024,
                bytes: 16 << 20,
            },
            grace: Duration::from_secs(5),
            attempts: 1,
            restart_limit: RestartLimit {
                failures: 8,
                within: Duration::from_mins(1),
            },
            message_limit: DEFAULT_MESSAGE_LIMIT,
            job: PhantomData,
        }
    }

    /// How many worker processes to keep. Default: the CPUs that this process may use, by its affinity and its
    /// cgroup's quota.
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = Some(workers);
        self
    }

    /// How many jobs each worker runs at once, each in a thread of its own. Default: 1, so that a crash costs one job.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// The program to start as a worker. It must serve this job, with `worker::serve`.
    ///
    /// Default: this program itself, run again from the very file that it was started from; its `main` must begin with
    /// `worker::run_if_worker`.
    pub fn worker_program(mut self, program: impl Into<PathBuf>) -> Self {
        self.program.path = Some(program.into());
        self
    }

    /// One more argument for the worker program, behind the one that names the job.
    pub fn worker_argument(mut self, argument: impl Into<OsString>) -> Self {
        self.program.arguments.push(argument.into());
        self
    }

    /// Sets a variable in the workers' environment. They inherit the others, as they are at each worker's start.
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.program.set_variable(name.into(), Some(value.into()));
        self
    }

    /// Removes a variable from the workers' environment.
    pub fn env_remove(mut self, name: impl Into<OsString>) -> Self {
        self.program.set_variable(name.into(), None);
        self
    }

    /// Lets the workers inherit no variables.
    pub fn env_clear(mut self) -> Self {
        self.program.clear_environment();
        self
    }

    /// An argument for the workers' initialiser, which each worker runs once when it starts.
    pub fn initialiser_argument(mut self, argument: &impl Serialize) -> Self {
        let mut bytes = Vec::new();
        self.argument = protocol::encode_argument(argument, &mut bytes).map(|()| bytes);
        self
    }

    /// How long a worker may take from its start until it takes jobs, its initialiser included. Default: 10 s.
    pub fn start_deadline(mut self, deadline: Duration) -> Self {
        self.start_deadline = deadline;
        self
    }

    /// How long a job may run, counted from its start in the worker. Its worker is then killed, and the job alone
    /// fails. Default: for ever.
    pub fn job_deadline(mut self, deadline: Duration) -> Self {
        self.job_deadline = Some(deadline);
        self
    }

    /// How many jobs may wait in the queue before `submit` waits. Default: 16,384.
    pub fn queue(mut self, jobs: usize) -> Self {
        self.queue_jobs = jobs;
        self
    }

    /// How many bytes of encoded jobs may wait in the queue before `submit` waits. Default: 16 MiB. A single larger job
    /// is accepted into an empty queue.
    pub fn queue_bytes(mut self, bytes: usize) -> Self {
        self.queue_bytes = bytes;
        self
    }

    /// How many inputs of a `map` or a stream may be ahead of the outputs that were taken. Default: 65,536.
    pub fn window(mut self, items: usize) -> Self {
        self.window.items = items as u64;
        self
    }

    /// How many bytes of outputs a `map` or a stream may hold before it takes no more inputs. Default: 16 MiB.
    pub fn window_bytes(mut self, bytes: usize) -> Self {
        self.window.bytes = bytes;
        self
    }

    /// How long [`Pool::close`] lets accepted jobs run on before it kills. Default: 5 s.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// How often a job may be started. More than 1 declares that the job is idempotent: when its worker dies it is
    /// tried again, alone, until it has been started so often, and then fails as
    /// [`Quarantined`](crate::JobError::Quarantined). Default: 1.
    pub fn attempts(mut self, attempts: u8) -> Self {
        self.attempts = attempts;
        self
    }

    /// How many workers may fail without having begun a job, within a time and with no job finished in between, before
    /// the pool is given up as broken. Default: 8 within 60 s.
    pub fn restart_limit(mut self, failures: usize, within: Duration) -> Self {
        self.restart_limit = RestartLimit { failures, within };
        self
    }

    /// The most bytes that one encoded job or output may have. Default: 1 GiB.
    pub fn message_limit(mut self, bytes: u64) -> Self {
        self.message_limit = bytes;
        self
    }

    /// Starts the workers, side by side, and waits until the first of them takes jobs.
    ///
    /// # Errors
    /// When a setting cannot be, or no worker can be started: the error tells what the first that failed said.
    pub fn build(self) -> Result<Pool<J>, BuildError> {
        refuse_inside_worker()?;
        let workers = match self.workers {
            Some(workers) => workers,
            None => std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
        };
        setting(&workers, 1..=MAX_WORKERS, "the number of workers")?;
        setting(&self.threads, 1..=MAX_LANES, "the number of threads in a worker")?;
        setting(&self.queue_jobs, 1..=usize::MAX, "the queue's bound in jobs")?;
        setting(&self.window.items, 1..=u64::MAX, "the window's bound in items")?;
        setting(&self.attempts, 1..=u8::MAX, "the number of attempts")?;
        setting(
            &self.message_limit,
            1..=1 << 35,
            "the limit of a message in bytes",
        )?;
        let config = Config {
            workers,
            lanes: self.threads as u32,
            attempts: self.attempts,
            queue_jobs: self.queue_jobs,
            queue_bytes: self.queue_bytes,
            restart_limit: self.restart_limit,
            seed: fastrand::u64(..),
        };
        let settings = Settings {
            program: self.program,
            job: J::NAME,
            lanes: self.threads as u16,
            argument: self.argument.map_err(BuildError::Argument)?,
            start_deadline: self.start_deadline,
            job_deadline: self.job_deadline,
            message_limit: self.message_limit,
        };
        let (core, threads) = Core::start(config, settings)?;
        let pool = Pool::new(core, threads, self.window, self.grace);
        pool.wait_ready()?;
        Ok(pool)
    }
}

fn setting<T: PartialOrd + fmt::Display>(
    value: &T,
    allowed: std::ops::RangeInclusive<T>,
    name: &str,
) -> Result<(), BuildError> {
    if allowed.contains(value) {
        return Ok(());
    }
    let (from, to) = allowed.into_inner();
    Err(BuildError::Setting(format!(
        "{name} is {value}; it must be from {from} to {to}"
    )))
}

/// A program that is run again as its own worker, and whose `main` does not turn it into one, would build a pool of
/// such programs, and so on.
fn refuse_inside_worker() -> Result<(), BuildError> {
    match Role::of_this_process() {
        Role::WorkerFor(job) => Err(BuildError::InsideWorker(job.to_string_lossy().into_owned())),
        Role::Process(name) if !process::is_open() => {
            Err(BuildError::InsideProcess(name.to_string_lossy().into_owned()))
        }
        Role::Process(_) | Role::ByHand => Ok(()),
    }
}

impl<J: Job> fmt::Debug for Builder<J> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Builder")
            .field("job", &J::NAME)
            .field("workers", &self.workers)
            .field("threads", &self.threads)
            .field("program", &self.program.path)
            .finish_non_exhaustive()
    }
}
