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
    payload::area::DEFAULT_MESSAGE_LIMIT,
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

/// The least memory limit: below it no worker reaches its first job.
const LEAST_MEMORY: u64 = 1 << 20;

/// Settings of a [`Pool`], made by [`Pool::builder`].
///
/// # Bounds and their defaults
/// | bound | method | default | unit |
/// |---|---|---|---|
/// | workers | [`workers`](Self::workers) | the CPUs that this process may use | processes, 1 to [`MAX_WORKERS`](Self::MAX_WORKERS) |
/// | jobs running at once in a worker | [`threads`](Self::threads) | 1 | threads, 1 to 64 |
/// | start of a worker | [`start_deadline`](Self::start_deadline) | 10 s | [`Duration`] |
/// | time of a job | [`job_deadline`](Self::job_deadline) | none | [`Duration`] |
/// | queued jobs | [`queue`](Self::queue) | 16,384 | jobs |
/// | queued bytes | [`queue_bytes`](Self::queue_bytes) | 16 MiB | bytes of encoded jobs |
/// | inputs ahead of the outputs taken | [`window`](Self::window) | 65,536 | jobs, for each map or stream |
/// | outputs not yet taken | [`window_bytes`](Self::window_bytes) | 16 MiB | bytes, for each map or stream |
/// | one job or output | [`message_limit`](Self::message_limit) | 1 GiB and 64 KiB | bytes, up to 32 GiB |
/// | closing the pool | [`grace`](Self::grace) | 5 s | [`Duration`] |
/// | starts of one job | [`attempts`](Self::attempts) | 1 | starts, 1 to 255 |
/// | failed jobs | [`halt`](Self::halt) | none | failures, or percent of the jobs |
/// | failed starts of workers | [`restart_limit`](Self::restart_limit) | 8 within 60 s | failures within a [`Duration`] |
/// | memory of a worker | [`memory_max`](Self::memory_max) | none | bytes, at least 1 MiB |
/// | jobs before a worker is replaced | [`recycle_after`](Self::recycle_after) | none | jobs |
/// | memory before a worker is replaced | [`recycle_memory`](Self::recycle_memory) | none | bytes, at least 1 MiB |
/// | captured output of a job | [`capture_output`](Self::capture_output) | not captured | bytes, for each of the two streams |
///
/// # Examples
/// ```
/// use std::time::Duration;
///
/// use pool::{Builder, Job};
///
/// /// Two workers, and no job longer than a second.
/// fn careful<J: Job>(settings: Builder<J>) -> Builder<J> {
///     settings.workers(2).job_deadline(Duration::from_secs(1)).memory_max(512 << 20)
/// }
/// ```
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

impl<J: Job> Pool<J> {
    /// Returns the settings of a new pool, with their defaults.
    pub fn builder() -> Builder<J> {
        Builder::new()
    }
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

    /// Sets the number of worker processes. Default: the CPUs that this process may use, by its affinity and its
    /// cgroup's quota.
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = Some(workers);
        self
    }

    /// Sets how many jobs each worker runs at once, each in its own thread. Default: 1, so that a crash costs one job.
    ///
    /// More than one thread come from a rayon pool whose threads all run jobs. A handler that uses rayon itself should
    /// create its own `ThreadPool` in its initialiser and `install` work there: in the worker's pool, `join` and parallel
    /// iterators run in the handler's thread alone, and `rayon::broadcast`, or waiting for spawned work, never returns.
    /// With one thread, rayon works as usual.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Sets the program to start as a worker. It must serve this job, with `worker::serve`.
    ///
    /// A relative path that contains a directory is resolved now, against the current directory; a bare name is searched in
    /// `PATH` at each start. Each start runs the file as it is then.
    ///
    /// Default: this program itself, run again from the same file; its `main` must begin with
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

    /// Adds an argument for the worker program, behind the one that names the job. Other users of the machine can read
    /// it; pass secrets through [`initialiser_argument`](Self::initialiser_argument).
    pub fn worker_argument(mut self, argument: impl Into<OsString>) -> Self {
        self.program.arguments.push(argument.into());
        self
    }

    /// Sets an environment variable of the workers. They inherit all others, as they are at each worker's start.
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.program.set_variable(name.into(), Some(value.into()));
        self
    }

    /// Removes an environment variable of the workers.
    pub fn env_remove(mut self, name: impl Into<OsString>) -> Self {
        self.program.set_variable(name.into(), None);
        self
    }

    /// Clears the workers' environment: they inherit no variables.
    pub fn env_clear(mut self) -> Self {
        self.program.clear_environment();
        self
    }

    /// Sets the argument of the workers' initialiser, which each worker runs once when it starts.
    ///
    /// If it cannot be encoded, [`build`](Self::build) returns [`BuildError::Argument`].
    pub fn initialiser_argument(mut self, argument: &impl Serialize) -> Self {
        let mut bytes = Vec::new();
        self.argument = protocol::encode_argument(argument, &mut bytes).map(|()| bytes);
        self
    }

    /// Sets how long a worker may take from its start until it takes jobs, including its initialiser. Default: 10 s.
    pub fn start_deadline(mut self, deadline: Duration) -> Self {
        self.start_deadline = deadline;
        self
    }

    /// Sets the time limit for one job, counted from its start in the worker. On timeout its worker is killed, and only
    /// this job fails. Default: none.
    pub fn job_deadline(mut self, deadline: Duration) -> Self {
        self.job_deadline = Some(deadline);
        self
    }

    /// Sets how many jobs the queue holds; `submit` waits while it is full. Default: 16,384.
    pub fn queue(mut self, jobs: usize) -> Self {
        self.queue_jobs = jobs;
        self
    }

    /// Sets how many bytes of encoded jobs the queue holds; `submit` waits while it is full. An empty queue accepts one
    /// larger job. Default: 16 MiB.
    pub fn queue_bytes(mut self, bytes: usize) -> Self {
        self.queue_bytes = bytes;
        self
    }

    /// Sets how many inputs of a map or a stream may be ahead of the outputs taken. Default: 65,536.
    pub fn window(mut self, items: usize) -> Self {
        self.window.items = items as u64;
        self
    }

    /// Sets how many bytes of outputs a map or a stream holds before it takes no more inputs. Default: 16 MiB.
    pub fn window_bytes(mut self, bytes: usize) -> Self {
        self.window.bytes = bytes;
        self
    }

    /// Sets how long [`Pool::close`] waits for accepted jobs before it kills the workers. Default: 5 s.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Sets how often a job may be started. More than 1 declares that jobs are idempotent: a job whose worker dies is
    /// started again, alone, up to this number of starts, and then fails as
    /// [`Quarantined`](crate::JobError::Quarantined). Default: 1.
    pub fn attempts(mut self, attempts: u8) -> Self {
        self.policy.attempts = attempts;
        self
    }

    /// Halts the pool when too many jobs have failed. Default: never.
    pub fn halt(mut self, halt: Halt) -> Self {
        self.policy.halt = Some(halt);
        self
    }

    /// Sets what to do about failed jobs: [`Builder::attempts`] and [`Builder::halt`] as one value. Default:
    /// [`FailurePolicy::fail`].
    pub fn failure_policy(mut self, policy: FailurePolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Replaces a healthy worker after about this many jobs, so that leaks in jobs stay bounded: `maxtasksperchild` of
    /// Python's pools. Default: never.
    ///
    /// Each worker's number is up to a tenth smaller, at random, so that not all are replaced at once. The worker runs jobs
    /// until its successor is ready, then finishes those that it has started and exits. So no time is lost, and a worker may
    /// run some jobs more than the number.
    pub fn recycle_after(mut self, jobs: u64) -> Self {
        self.recycle_after = Some(jobs);
        self
    }

    /// Replaces a worker between two jobs once its memory exceeds this many bytes, as [`Builder::recycle_after`] does.
    /// Default: never.
    pub fn recycle_memory(mut self, bytes: u64) -> Self {
        self.memory.recycle = Some(bytes);
        self
    }

    /// Limits the memory of each worker, in bytes: its heap and stacks, without the program's text and the memory shared
    /// with the pool. Default: none.
    ///
    /// A worker that uses more is killed, and the job that it was running ends with
    /// [`JobError::WorkerDied`](crate::JobError::WorkerDied) with [`EndReason::Memory`](crate::failure::EndReason::Memory). The
    /// pool checks every few milliseconds. The system refuses a single allocation far past the limit; if the worker dies of
    /// that, as Rust programs do, the reason is
    /// [`EndReason::AllocationRefused`](crate::failure::EndReason::AllocationRefused).
    pub fn memory_max(mut self, bytes: u64) -> Self {
        self.memory.max = Some(bytes);
        self
    }

    /// Captures what each job writes to its standard output and error, up to this many bytes of each. Default: nothing is
    /// captured, at no cost.
    ///
    /// Take it with [`JobHandle::wait_captured`](crate::JobHandle::wait_captured); that of a job whose worker died is in
    /// [`Death::captured`](crate::failure::Death). It contains everything that the worker and its child processes write
    /// until the job ends; output in a C library's buffer counts when that is flushed. Streams and maps do not return it.
    /// Only for workers with one thread.
    pub fn capture_output(mut self, bytes: usize) -> Self {
        self.capture = Some(bytes);
        self
    }

    /// Adds a function that runs when a worker is ready, before it gets its first job.
    ///
    /// It runs in the thread that serves the worker, with nothing locked: it may use the pool, and delays only this
    /// worker. A panic in it is logged and has no other effect.
    pub fn on_worker_start(mut self, hook: impl Fn(&WorkerStart) + Send + Sync + 'static) -> Self {
        self.hooks.on_start(hook);
        self
    }

    /// Adds a function that runs with the cause when a worker has ended or could not be started, after its jobs have
    /// been dealt with. Otherwise as [`Builder::on_worker_start`].
    pub fn on_worker_end(mut self, hook: impl Fn(&Cause) + Send + Sync + 'static) -> Self {
        self.hooks.on_end(hook);
        self
    }

    /// Sets how many failed starts break the pool: workers that end before their first job, within this time and with no
    /// job finished in between. Default: 8 within 60 s.
    pub fn restart_limit(mut self, failures: usize, within: Duration) -> Self {
        self.restart_limit = RestartLimit { failures, within };
        self
    }

    /// Limits one encoded job or output, in bytes, including its [`Bytes`](crate::Bytes). Default: 1 GiB and 64 KiB, so
    /// that a payload of 1 GiB fits.
    pub fn message_limit(mut self, bytes: u64) -> Self {
        self.message_limit = bytes;
        self
    }

    /// Starts all workers at once and waits until the first of them takes jobs.
    ///
    /// # Errors
    /// If a setting is out of its range ([`BuildError::Setting`]), or no worker could be started
    /// ([`BuildError::NoWorker`], with the first failure).
    pub fn build(self) -> Result<Pool<J>, BuildError> {
        refuse_inside_worker()?;
        let workers = match self.workers {
            Some(workers) => workers,
            None => std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
        };
        self.check(workers)?;
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

    fn check(&self, workers: usize) -> Result<(), BuildError> {
        setting(&workers, 1..=Self::MAX_WORKERS, "the number of workers")?;
        setting(&self.threads, 1..=MAX_LANES, "the number of threads in a worker")?;
        setting(&self.queue_jobs, 1..=usize::MAX, "the queue's bound in jobs")?;
        setting(&self.window.items, 1..=u64::MAX, "the window's bound in items")?;
        setting(&self.policy.attempts, 1..=u8::MAX, "the number of attempts")?;
        self.check_recycling()?;
        if self.capture.is_some() && self.threads > 1 {
            return Err(BuildError::Setting(format!(
                "capture_output needs workers with one thread, and `threads` is {}",
                self.threads
            )));
        }
        setting(
            &self.message_limit,
            1..=1 << 35,
            "the limit of a message in bytes",
        )?;
        Ok(())
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
        "{name} is {value}, and must be from {from} to {to}"
    )))
}

/// A program that is run again as its own worker, and whose `main` does not make it one, would build a pool of such
/// programs, without end.
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
