//! What became of one job, before anybody has decoded it.

use protocol::{Fault, Job, Payload, Status, attachment};
use smallvec::SmallVec;

use crate::JobError;

/// Results of up to this many bytes lie in the outcome itself.
const INLINE_BYTES: usize = 24;

/// The one end of a job: the encoded output, or why there is none.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// What the worker published: status and bytes.
    Published(Status, SmallVec<[u8; INLINE_BYTES]>),
    /// An output too large for the ring.
    Large(Box<Payload>),
    /// The pool's own verdict.
    Failed(Box<JobError>),
}

/// An outcome, borrowed from wherever it lies.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Seen<'a> {
    /// What the worker published: status and bytes.
    Published(Status, &'a [u8]),
    /// An output too large for the ring.
    Large(&'a Payload),
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

    /// What was taken out of the outbound area.
    pub(crate) fn taken(status: Status, payload: Payload) -> Self {
        match status {
            Status::Output => Self::Large(Box::new(payload)),
            Status::Fault => Self::Published(status, SmallVec::from_vec(payload.encoding)),
        }
    }

    pub(crate) fn seen(&self) -> Seen<'_> {
        match self {
            Self::Published(status, bytes) => Seen::Published(*status, bytes),
            Self::Large(payload) => Seen::Large(payload),
            Self::Failed(error) => Seen::Failed(error),
        }
    }

    /// The memory that it holds beside itself.
    pub(crate) fn spilled_bytes(&self) -> usize {
        match self {
            Self::Published(_, bytes) if bytes.spilled() => bytes.capacity(),
            Self::Large(payload) => size_of::<Payload>() + payload.bytes() as usize,
            _ => 0,
        }
    }

    /// Makes the encoding whole: what is attached to it comes into it.
    pub(crate) fn flatten<J: Job>(&mut self) {
        let attached = match self {
            Self::Large(payload) if !payload.attached.is_empty() => std::mem::take(&mut **payload),
            _ => return,
        };
        let mut encoding = Vec::with_capacity(attached.bytes() as usize);
        let flattened = decode_large::<J>(attached)
            .and_then(|output| J::encode_output(&output, &mut encoding).map_err(JobError::UndecodableOutput));
        *self = match flattened {
            Ok(()) => Self::Large(Box::new(Payload {
                encoding,
                attached: Vec::new(),
            })),
            Err(error) => Self::failed(error),
        };
    }

    /// Decodes it, in the thread of whoever wants it.
    pub(crate) fn decode<J: Job>(self) -> Result<J::Output, JobError> {
        match self {
            Self::Failed(error) => Err(*error),
            Self::Large(payload) => decode_large::<J>(*payload),
            published @ Self::Published(..) => published.seen().decode::<J>(),
        }
    }
}

impl<'a> Seen<'a> {
    pub(crate) fn to_outcome(self) -> Outcome {
        match self {
            Self::Published(status, bytes) => Outcome::copied(status, bytes),
            Self::Large(payload) => Outcome::Large(Box::new(payload.clone())),
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
            Self::Large(Payload { encoding, attached }) => {
                let judge = || attachment::offer(attached.clone(), || of_output(encoding));
                std::panic::catch_unwind(judge).unwrap_or(false)
            }
        }
    }

    /// The encoded output, if there is one. What is attached to it is not in it: see [`Outcome::flatten`].
    pub(crate) fn encoded(self) -> Result<&'a [u8], JobError> {
        match self {
            Self::Published(Status::Output, bytes) => Ok(bytes),
            Self::Large(payload) => Ok(&payload.encoding),
            Self::Published(Status::Fault, bytes) => {
                Err(Fault::decode(bytes).map_or_else(JobError::UndecodableOutput, JobError::Fault))
            }
            Self::Failed(error) => Err(error.clone()),
        }
    }

    /// The output.
    #[inline]
    pub(crate) fn decode<J: Job>(self) -> Result<J::Output, JobError> {
        match self {
            Self::Published(Status::Output, bytes) => match J::decode_output(bytes) {
                Ok(output) => Ok(output),
                Err(error) => Err(JobError::UndecodableOutput(error)),
            },
            other => other.decode_unusual::<J>(),
        }
    }

    #[cold]
    fn decode_unusual<J: Job>(self) -> Result<J::Output, JobError> {
        match self {
            Self::Large(payload) => decode_large::<J>(payload.clone()),
            other => {
                let bytes = other.encoded()?;
                J::decode_output(bytes).map_err(JobError::UndecodableOutput)
            }
        }
    }
}

/// The bytes of the output own the memory into which they were taken.
fn decode_large<J: Job>(payload: Payload) -> Result<J::Output, JobError> {
    payload
        .decode(J::decode_output)
        .map_err(JobError::UndecodableOutput)
}
