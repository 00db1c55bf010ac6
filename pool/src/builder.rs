//! A pool's settings, and building it.

use std::{
    ffi::OsString,
    fmt,
    marker::PhantomData,
    num::{NonZeroU64, NonZeroUsize},
    path::PathBuf,
    time::Duration,
};

use protocol::{
    Job,
    board::MAX_LANES,
    child::{Role, watchdog},
    parcel::DEFAULT_MESSAGE_LIMIT,
};
use serde::Serialize;

use crate::{
    BuildError, Pool,
    driver::{Core, MemoryLimits, Settings},
    failure::Cause,
    hooks::{Hooks, WorkerStart},
    outcome::stream_core::Bounds,
    policy::{FailurePolicy, Halt},
    process,
    scheduler::{Config, Recycling, RestartLimit},
    spawn::program::Program,
};

/// With less memory than this no worker gets as far as its first job.
const LEAST_MEMORY: u64 = 1 << 20;

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
    policy: FailurePolicy,
    restart_limit: RestartLimit,
    message_limit: u64,
    recycle_after: Option<u64>,
    memory: MemoryLimits,
    capture: Option<usize>,
    hooks: Hooks,
    job: PhantomData<fn(J)>,
}

impl<J: Job> Builder<J> {
    /// The largest number of worker processes in a pool.
    pub const MAX_WORKERS: usize = 1024;

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
            policy: FailurePolicy::fail(),
            restart_limit: RestartLimit {
                failures: 8,
                within: Duration::from_mins(1),
            },
            message_limit: DEFAULT_MESSAGE_LIMIT,
            recycle_after: None,
            memory: MemoryLimits::default(),
            capture: None,
            hooks: Hooks::default(),
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
    ///
    /// With more than one, the threads are those of a rayon pool, and all of them are busy with jobs. A handler that uses
    /// rayon itself should make a pool of its own in its initialiser and work in that (`ThreadPool::install`): in the
    /// worker's, `join` and parallel iterators run in the handler's thread alone, and `rayon::broadcast`, or waiting for
    /// what was spawned, never ends. With one thread, rayon is as anywhere else.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// The program to start as a worker. It must serve this job, with `worker::serve`.
    ///
    /// A relative path with a directory in it is meant from where this process is now, also after it has changed its
    /// directory; a bare name is looked for in `PATH` at each start. A worker that starts later runs what the file is then.
    ///
    /// Default: this program itself, run again from the very file that it was started from; its `main` must begin with
    /// `worker::run_if_worker`.
    pub fn worker_program(mut self, program: impl Into<PathBuf>) -> Self {
        let program = program.into();
        let is_bare = program
            .parent()
            .is_none_or(|folder| folder.as_os_str().is_empty());
        let absolute = std::path::absolute(&program).ok().filter(|_| !is_bare);
        self.program.path = Some(absolute.unwrap_or(program));
        self
    }

    /// One more argument for the worker program, behind the one that names the job. Others on the machine can read it, as
    /// any program's; what they must not goes into [`initialiser_argument`](Self::initialiser_argument).
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
        self.policy.attempts = attempts;
        self
    }

    /// Lets the pool halt when too many jobs have failed. Default: it never does.
    pub fn halt(mut self, halt: Halt) -> Self {
        self.policy.halt = Some(halt);
        self
    }

    /// What to do about jobs that fail: [`Builder::attempts`] and [`Builder::halt`] as one value. Default:
    /// [`FailurePolicy::fail`].
    pub fn failure_policy(mut self, policy: FailurePolicy) -> Self {
        self.policy = policy;
        self
    }

    /// After about how many jobs a worker is replaced although it is well, for the sake of what its jobs leak:
    /// `maxtasksperchild` of Python's pools. Default: never.
    ///
    /// Each worker is due a little earlier than others, by chance (up to a tenth of the number). Its successor is started
    /// first, and it goes on until that one is ready; then it ends what it has begun and leaves. So no time is lost, and
    /// a worker may do some jobs more than the number.
    pub fn recycle_after(mut self, jobs: u64) -> Self {
        self.recycle_after = Some(jobs);
        self
    }

    /// With how much memory, in bytes, a worker is replaced between two jobs as [`Builder::recycle_after`] has it.
    /// Default: never.
    pub fn recycle_memory(mut self, bytes: u64) -> Self {
        self.memory.recycle = Some(bytes);
        self
    }

    /// How much memory, in bytes, a worker may use: its heap and stacks, not the program's text nor what it shares with
    /// the pool. Default: as much as there is.
    ///
    /// A worker that uses more is killed, and the job that it was running ends in
    /// [`JobError::WorkerDied`](crate::JobError::WorkerDied) with [`EndReason::Memory`](crate::failure::EndReason::Memory). The
    /// pool looks every few milliseconds; an allocation so large that it would go far past the limit at once is refused
    /// by the system, which is told as [`EndReason::AllocationRefused`](crate::failure::EndReason::AllocationRefused) when the
    /// worker dies of it, as Rust programs do.
    pub fn memory_max(mut self, bytes: u64) -> Self {
        self.memory.max = Some(bytes);
        self
    }

    /// Captures what each job writes to its standard output and error, up to so many bytes of each. Default: it is not
    /// captured, and costs nothing.
    ///
    /// Take it with [`JobHandle::wait_captured`](crate::JobHandle::wait_captured); that of a job whose worker died is in
    /// [`Death::captured`](crate::failure::Death). It is whatever the worker's process, and the processes that it started, write
    /// until the job ends; what a C library still holds in a buffer of its own comes when that is flushed. Streams and
    /// maps do not tell it. Only for workers with one thread.
    pub fn capture_output(mut self, bytes: usize) -> Self {
        self.capture = Some(bytes);
        self
    }

    /// Has a function run whenever a worker is ready, before it gets its first job. May be called for several.
    ///
    /// It runs in the thread that serves the worker, with nothing locked: it may use the pool, and delays only this
    /// worker. A panic in it is logged and harms nobody.
    pub fn on_worker_start(mut self, hook: impl Fn(&WorkerStart) + Send + Sync + 'static) -> Self {
        self.hooks.on_start(hook);
        self
    }

    /// Has a function run whenever a worker has ended or could not be started, with the cause, after what it means for
    /// jobs has been told. May be called for several; otherwise as [`Builder::on_worker_start`].
    pub fn on_worker_end(mut self, hook: impl Fn(&Cause) + Send + Sync + 'static) -> Self {
        self.hooks.on_end(hook);
        self
    }

    /// How many workers may fail without having begun a job, within a time and with no job finished in between, before
    /// the pool is given up as broken. Default: 8 within 60 s.
    pub fn restart_limit(mut self, failures: usize, within: Duration) -> Self {
        self.restart_limit = RestartLimit { failures, within };
        self
    }

    /// The most bytes that one encoded job or output may have, with the [`Bytes`](crate::Bytes) in it. Default: 1 GiB and
    /// 64 KiB, so that a payload of 1 GiB fits.
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
        setting(&workers, 1..=Self::MAX_WORKERS, "the number of workers")?;
        setting(&self.threads, 1..=MAX_LANES, "the number of threads in a worker")?;
        setting(&self.queue_jobs, 1..=usize::MAX, "the queue's bound in jobs")?;
        setting(&self.window.items, 1..=u64::MAX, "the window's bound in items")?;
        setting(&self.policy.attempts, 1..=u8::MAX, "the number of attempts")?;
        self.check_recycling()?;
        if self.capture.is_some() && self.threads > 1 {
            return Err(BuildError::Setting(format!(
                "the output of jobs can be captured only with one thread in a worker; there are {}",
                self.threads
            )));
        }
        setting(
            &self.message_limit,
            1..=1 << 35,
            "the limit of a message in bytes",
        )?;
        let config = Config {
            workers,
            lanes: self.threads as u32,
            attempts: self.policy.attempts,
            queue_jobs: self.queue_jobs,
            queue_bytes: self.queue_bytes,
            restart_limit: self.restart_limit,
            halt: self.policy.halt,
            recycling: self.recycling(workers),
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
            memory: self.memory,
            capture: self.capture,
            hooks: self.hooks,
            is_failure: self.policy.halt.map(|_| J::is_failure as fn(&[u8]) -> bool),
        };
        let (core, threads) = Core::start(config, settings)?;
        let pool = Pool::new(core, threads, self.window, self.grace);
        pool.wait_ready()?;
        Ok(pool)
    }

    fn check_recycling(&self) -> Result<(), BuildError> {
        if let Some(jobs) = self.recycle_after {
            setting(
                &jobs,
                1..=u64::MAX,
                "the number of jobs after which a worker is replaced",
            )?;
        }
        if let Some(bytes) = self.memory.max {
            setting(
                &bytes,
                LEAST_MEMORY..=u64::MAX,
                "the memory limit of a worker in bytes",
            )?;
        }
        if let Some(bytes) = self.memory.recycle {
            let most = self.memory.max.unwrap_or(u64::MAX);
            setting(
                &bytes,
                LEAST_MEMORY..=most,
                "the memory in bytes with which a worker is replaced",
            )?;
        }
        Ok(())
    }

    fn recycling(&self, workers: usize) -> Recycling {
        let is_wanted = self.recycle_after.is_some() || self.memory.recycle.is_some();
        Recycling {
            after_jobs: self.recycle_after.and_then(NonZeroU64::new),
            spares: if is_wanted { workers.div_ceil(4) } else { 0 },
        }
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
        Role::WorkerFor(job) if !watchdog::has_started() => {
            Err(BuildError::InsideWorker(job.to_string_lossy().into_owned()))
        }
        Role::Process(name) if !process::is_open() => {
            Err(BuildError::InsideProcess(name.to_string_lossy().into_owned()))
        }
        Role::WorkerFor(_) | Role::Process(_) | Role::ByHand => Ok(()),
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
