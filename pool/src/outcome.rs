//! What became of one job, before anybody has decoded it.

use protocol::{Fault, Job, Status};
use smallvec::SmallVec;

use crate::JobError;

/// Results of up to this many bytes lie in the outcome itself.
const INLINE_BYTES: usize = 24;

/// The one end of a job: the encoded output, or why there is none.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// What the worker published: status and bytes.
    Published(Status, SmallVec<[u8; INLINE_BYTES]>),
    /// The pool's own verdict.
    Failed(Box<JobError>),
}

/// An outcome, borrowed from wherever it lies.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Seen<'a> {
    /// What the worker published: status and bytes.
    Published(Status, &'a [u8]),
    /// The pool's own verdict.
    Failed(&'a JobError),
}

impl Outcome {
    pub(crate) fn failed(error: JobError) -> Self {
        Self::Failed(Box::new(error))
    }

    pub(crate) fn copied(status: Status, bytes: &[u8]) -> Self {
        Self::Published(status, SmallVec::from_slice(bytes))
    }

    pub(crate) fn owned(status: Status, bytes: Vec<u8>) -> Self {
        Self::Published(status, SmallVec::from_vec(bytes))
    }

    pub(crate) fn seen(&self) -> Seen<'_> {
        match self {
            Self::Published(status, bytes) => Seen::Published(*status, bytes),
            Self::Failed(error) => Seen::Failed(error),
        }
    }

    /// The memory that it holds beside itself.
    pub(crate) fn spilled_bytes(&self) -> usize {
        match self {
            Self::Published(_, bytes) if bytes.spilled() => bytes.capacity(),
            _ => 0,
        }
    }

    /// Decodes it, in the thread of whoever wants it.
    pub(crate) fn decode<J: Job>(self) -> Result<J::Output, JobError> {
        match self {
            Self::Failed(error) => Err(*error),
            published @ Self::Published(..) => published.seen().decode::<J>(),
        }
    }
}

impl<'a> Seen<'a> {
    pub(crate) fn to_outcome(self) -> Outcome {
        match self {
            Self::Published(status, bytes) => Outcome::copied(status, bytes),
            Self::Failed(error) => Outcome::failed(error.clone()),
        }
    }

    /// Whether it is a failure, by the pool's reckoning or by that of the job's type.
    pub(crate) fn is_failure(self, of_output: fn(&[u8]) -> bool) -> bool {
        match self {
            Self::Failed(_) | Self::Published(Status::Fault, _) => true,
            // The caller's code, on bytes that a worker wrote: a panic says nothing about the job.
            Self::Published(Status::Output, bytes) => {
                std::panic::catch_unwind(|| of_output(bytes)).unwrap_or(false)
            }
        }
    }

    /// The encoded output, if there is one.
    pub(crate) fn encoded(self) -> Result<&'a [u8], JobError> {
        match self {
            Self::Published(Status::Output, bytes) => Ok(bytes),
            Self::Published(Status::Fault, bytes) => {
                Err(Fault::decode(bytes).map_or_else(JobError::UndecodableOutput, JobError::Fault))
            }
            Self::Failed(error) => Err(error.clone()),
        }
    }

    /// The output.
    pub(crate) fn decode<J: Job>(self) -> Result<J::Output, JobError> {
        self.encoded()
            .and_then(|bytes| J::decode_output(bytes).map_err(JobError::UndecodableOutput))
    }
}
