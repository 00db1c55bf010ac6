//! The errors that callers see.
//!
//! They keep three layers apart: the job's own fault, the worker's, and the pool's. [`JobError::layer`] names it.

use std::{fmt, sync::Arc, time::Duration};

use protocol::{CodecError, Fault};

use super::{cause::Cause, death::Death, start::StartFailure};
use crate::policy::Halted;

/// Why a job gave no output.
///
/// [`JobError::layer`] names the side at fault, [`JobError::kind`] the kind for logs. What each case means for other jobs
/// is in [`guide::failure_semantics`](crate::guide::failure_semantics).
///
/// ```
/// use pool::{JobError, failure::Layer};
///
/// /// Whether another attempt may succeed.
/// fn is_worth_a_retry(error: &JobError) -> bool {
///     error.layer() == Layer::Worker
/// }
///
/// assert!(!is_worth_a_retry(&JobError::Cancelled));
/// ```
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum JobError {
    /// The job failed in a worker that lives on: a panic, an undecodable job, an output too large.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The output could not be decoded in this process.
    #[error("the job's output could not be decoded: {0}")]
    UndecodableOutput(CodecError),
    /// The worker died while it ran this job, which may have had some of its effects.
    #[error("while it ran this job, {0}")]
    WorkerDied(Arc<Death>),
    /// The job was started as often as [`Builder::attempts`](crate::Builder::attempts) allows, and each time its worker
    /// died.
    #[error("the worker died at each of {} attempts of this job; the last time {}", .0.len(), last(.0))]
    Quarantined(Vec<Cause>),
    /// The job ran longer than the pool's job deadline, and its worker was killed.
    #[error("the job ran longer than its deadline of {0:?}")]
    DeadlineExceeded(Duration),
    /// The job was cancelled.
    #[error("the job was cancelled")]
    Cancelled,
    /// The job was not accepted: a map or stream returns this in the job's place.
    #[error(transparent)]
    NotSubmitted(SubmitError),
    /// There was no shared memory to hand the job, or its output, over.
    #[error("the job could not be handed over: {0}")]
    NotHandedOver(String),
    /// The pool was shut down, killed or dropped before the job had ended.
    #[error("the pool was closed before the job had ended")]
    Closed,
    /// The pool halted after too many failures: the job was not run, or was ended while it ran (with
    /// [`Urgency::Now`](crate::policy::Urgency::Now)).
    #[error("the job was {}, because the pool halted: {by}", if *started { "ended while it ran" } else { "not run" })]
    Halted {
        /// Why the pool halted.
        by: Halted,
        /// Whether the job had been started, so that it may have had some of its effects.
        started: bool,
    },
    /// The pool broke before the job had ended: its workers could not be kept alive, or the pool itself panicked.
    #[error("the pool is broken, its workers cannot be kept alive: {0}")]
    Broken(Cause),
    /// This process is a copy of the pool's, made by a bare `fork`: the job belongs to the original.
    #[error("{FORKED}")]
    Forked,
}

/// What a copy of a process is told.
const FORKED: &str = "this process was made by a bare fork, and the pool belongs to the process that it was copied from: \
                      fork before the pool is built";

fn last(causes: &[Cause]) -> String {
    causes.last().map(ToString::to_string).unwrap_or_default()
}

/// The side whose fault an error is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Layer {
    /// The job: another pool would give the same error.
    Job,
    /// The worker: it died, or had to be killed.
    Worker,
    /// The pool or its host.
    Pool,
}

impl JobError {
    /// The error of a job that took its place in a stream and was then not accepted.
    pub(crate) fn refused(error: SubmitError) -> Self {
        match error {
            SubmitError::Halted(by) => Self::Halted {
                by: *by,
                started: false,
            },
            SubmitError::Forked => Self::Forked,
            other => Self::NotSubmitted(other),
        }
    }

    /// Returns the side whose fault this is.
    pub fn layer(&self) -> Layer {
        match self {
            Self::Fault(_)
            | Self::UndecodableOutput(_)
            | Self::NotSubmitted(SubmitError::Unencodable(_) | SubmitError::TooLarge { .. }) => Layer::Job,
            Self::WorkerDied(_) | Self::Quarantined(_) | Self::DeadlineExceeded(_) => Layer::Worker,
            Self::Cancelled
            | Self::NotSubmitted(_)
            | Self::NotHandedOver(_)
            | Self::Halted { .. }
            | Self::Closed
            | Self::Forked
            | Self::Broken(_) => Layer::Pool,
        }
    }

    /// Returns a short name of the kind of error, for logs and machine-readable output.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Fault(Fault::Panicked(_)) => "Panicked",
            Self::Fault(Fault::Undecodable(_)) => "Undecodable",
            Self::Fault(Fault::Unencodable(_)) => "Unencodable",
            Self::Fault(Fault::TooLarge { .. }) => "TooLarge",
            Self::Fault(_) | Self::NotHandedOver(_) => "NotHandedOver",
            Self::UndecodableOutput(_) => "UndecodableOutput",
            Self::WorkerDied(_) => "WorkerDied",
            Self::Quarantined(_) => "Quarantined",
            Self::DeadlineExceeded(_) => "DeadlineExceeded",
            Self::Cancelled => "Cancelled",
            Self::NotSubmitted(_) => "NotSubmitted",
            Self::Halted { .. } => "Halted",
            Self::Closed => "Closed",
            Self::Broken(_) => "Broken",
            Self::Forked => "Forked",
        }
    }
}

/// Why a pool could not be built.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A setting is out of its range; the text names the setting and its range.
    #[error("{0}")]
    Setting(String),
    /// This process was started as a worker and has not become one.
    #[error(
        "this process was started as a worker for the job {0:?}, but did not become one: call `worker::run_if_worker` \
         for that job at the top of `main`, before a pool is built"
    )]
    InsideWorker(String),
    /// This process was started to run a function and has not reached it.
    #[error(
        "this process was started as the process {0:?}, but did not reach its function: call `pool::main` in `main`, \
         and build pools within it"
    )]
    InsideProcess(String),
    /// The initialiser's argument could not be encoded.
    #[error("the initialiser's argument could not be encoded: {0}")]
    Argument(CodecError),
    /// No worker could be started; this is the first failure.
    #[error("no worker could be started: {0}")]
    NoWorker(Arc<StartFailure>),
    /// The workers died one after the other before any of them ran a job.
    #[error("the pool is broken, its workers cannot be kept alive: {0}")]
    Broken(Cause),
    /// The system refused a thread or a descriptor.
    #[error("cannot {step}: {source}")]
    System {
        /// What failed, as a verb.
        step: &'static str,
        /// Why it failed.
        source: Arc<std::io::Error>,
    },
}

/// Why a job was not accepted.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum SubmitError {
    /// The job could not be encoded.
    #[error("the job could not be encoded: {0}")]
    Unencodable(CodecError),
    /// The encoded job is larger than [`Builder::message_limit`](crate::Builder::message_limit).
    #[error("the job has {bytes} bytes, more than the message limit of {limit} bytes")]
    TooLarge {
        /// The size of the encoded job in bytes.
        bytes: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The queue is full, and was until the timeout.
    #[error("the queue is full")]
    Full,
    /// The pool was shut down or killed.
    #[error("the pool is closed")]
    Closed,
    /// The pool has halted because too many jobs failed.
    #[error("the pool has halted: {0}")]
    Halted(Box<Halted>),
    /// The pool is broken: its workers could not be kept alive.
    #[error("the pool is broken, its workers cannot be kept alive: {0}")]
    Broken(Cause),
    /// This process is a copy of the pool's, made by a bare `fork`: the pool and its workers belong to the original.
    #[error("{FORKED}")]
    Forked,
}

/// A job that was not accepted, returned with the reason.
#[derive(thiserror::Error)]
#[error("{error}")]
pub struct Rejected<J> {
    /// The job, unchanged.
    pub job: J,
    /// Why it was not accepted.
    pub error: SubmitError,
}

/// Shows the reason alone, so that a job need not be `Debug` for `?` and `unwrap` to work.
impl<J> fmt::Debug for Rejected<J> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Rejected")
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}
