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

    /// Whether it is a failure, by the pool's reckoning or by that of the job's type.
    pub(crate) fn is_failure(&self, of_output: fn(&[u8]) -> bool) -> bool {
        match self {
            Self::Failed(_) | Self::Published(Status::Fault, _) => true,
            Self::Published(Status::Output, bytes) => {
                // The caller's code, on bytes that a worker wrote: a panic says nothing about the job.
                let judged = std::panic::catch_unwind(|| of_output(bytes));
                judged.unwrap_or(false)
            }
        }
    }

    /// The memory that it holds, roughly.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>()
            + match self {
                Self::Published(_, bytes) if bytes.spilled() => bytes.capacity(),
                _ => 0,
            }
    }

    /// Decodes it, in the thread of whoever wants it.
    pub(crate) fn decode<J: Job>(self) -> Result<J::Output, JobError> {
        match self {
            Self::Published(Status::Output, bytes) => {
                J::decode_output(&bytes).map_err(JobError::UndecodableOutput)
            }
            Self::Published(Status::Fault, bytes) => {
                Err(Fault::decode(&bytes).map_or_else(JobError::UndecodableOutput, JobError::Fault))
            }
            Self::Failed(error) => Err(*error),
        }
    }
}
