//! The errors that a caller sees.
//!
//! Three layers are kept apart: the job's own fault, the worker's, and the pool's. [`JobError::layer`] tells which.

use std::{fmt, sync::Arc, time::Duration};

use protocol::{CodecError, Fault};

use super::{cause::Cause, death::Death, start::StartFailure};
use crate::policy::Halted;

/// Why a job gave no output.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum JobError {
    /// The worker ran the job, or tried to, and lives on: a panic, an undecodable job, an output too large.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The output came back and could not be decoded here.
    #[error("the job's output could not be decoded: {0}")]
    UndecodableOutput(CodecError),
    /// The worker died while it ran this job. The job may have had some of its effects.
    #[error("while it ran this job, {0}")]
    WorkerDied(Arc<Death>),
    /// The job was tried as often as the pool's builder allows, and each time its worker died.
    #[error("the job ended its worker {} times and is not tried again; the last time {}", .0.len(), last(.0))]
    Quarantined(Vec<Cause>),
    /// The job ran longer than the pool's job deadline, and its worker was killed.
    #[error("the job ran longer than its deadline of {0:?}")]
    DeadlineExceeded(Duration),
    /// The job was cancelled.
    #[error("the job was cancelled")]
    Cancelled,
    /// The job was not even accepted; `map` tells it in the job's place.
    #[error(transparent)]
    NotSubmitted(SubmitError),
    /// The job could not be handed to a worker: there was no memory for it.
    #[error("the job could not be handed over: {0}")]
    NotHandedOver(String),
    /// The pool was shut down, killed or dropped before the job had ended.
    #[error("the pool was closed before the job had ended")]
    Closed,
    /// Too many jobs had failed: the job was not run, or, when the policy is to halt now, was ended while it ran.
    #[error("the job was {}, because the pool halted: {by}", if *started { "ended while it ran" } else { "not run" })]
    Halted {
        /// Why the pool halted.
        by: Halted,
        /// Whether the job had been started, so that it may have had some of its effects.
        started: bool,
    },
    /// The pool gave up on its workers before the job was run.
    #[error("the pool is broken, its workers cannot be kept alive: {0}")]
    Broken(Cause),
}

fn last(causes: &[Cause]) -> String {
    causes.last().map(ToString::to_string).unwrap_or_default()
}

/// Whose fault an error is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Layer {
    /// The job's: another pool would give the same error.
    Job,
    /// The worker's: it died, or had to be killed.
    Worker,
    /// The pool's or its host's.
    Pool,
}

impl JobError {
    /// The end of a job that took its place in a stream and was then not accepted.
    pub(crate) fn refused(error: SubmitError) -> Self {
        match error {
            SubmitError::Halted(by) => Self::Halted {
                by: *by,
                started: false,
            },
            other => Self::NotSubmitted(other),
        }
    }

    /// Whose fault this is.
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
            | Self::Broken(_) => Layer::Pool,
        }
    }

    /// A short name of the kind of error, for logs and machine-readable output.
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
        }
    }
}

/// Why a pool could not be built.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A setting that cannot be; the text names it and says what can be.
    #[error("{0}")]
    Setting(String),
    /// This process was itself started as a worker but has not become one.
    #[error(
        "this process was started as a worker for the job {0:?}, but did not become one: call `worker::run_if_worker` \
         for that job at the top of `main`, before a pool is built"
    )]
    InsideWorker(String),
    /// This process was itself started as a process with a function to run but has not come to it.
    #[error(
        "this process was started as the process {0:?}, but did not come to its function: call `pool::main` in `main`, \
         and build pools within it"
    )]
    InsideProcess(String),
    /// The initialiser's argument could not be encoded.
    #[error("the initialiser's argument could not be encoded: {0}")]
    Argument(CodecError),
    /// No worker could be started; this is what happened to the first that failed.
    #[error("no worker could be started: {0}")]
    NoWorker(Arc<StartFailure>),
    /// The pool's workers died one after the other before any of them did a job.
    #[error("the pool is broken, its workers cannot be kept alive: {0}")]
    Broken(Cause),
    /// The system has no threads or descriptors left.
    #[error("cannot {step}: {source}")]
    System {
        /// What was tried.
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
    /// The encoded job is larger than a message may be.
    #[error("the job of {bytes} bytes is over the limit of {limit} bytes for one message")]
    TooLarge {
        /// The size of the encoded job in bytes.
        bytes: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The queue is full, and was so until the time was up.
    #[error("the queue is full")]
    Full,
    /// The pool was shut down or killed.
    #[error("the pool is closed")]
    Closed,
    /// The pool has halted, because too many jobs have failed.
    #[error("the pool has halted: {0}")]
    Halted(Box<Halted>),
    /// The pool has given up on its workers.
    #[error("the pool is broken, its workers cannot be kept alive: {0}")]
    Broken(Cause),
}

/// A job that was not accepted, given back with the reason.
#[derive(thiserror::Error)]
#[error("{error}")]
pub struct Rejected<J> {
    /// The job, as it was handed in.
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
