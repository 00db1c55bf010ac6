//! The outcome of one job, not yet decoded.

pub(crate) mod results;
pub(crate) mod slot;
pub(crate) mod stream_core;
pub(crate) mod window;

use protocol::{CodecError, Fault, Job, Payload, Status, payload::attachment};
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
    /// The pool's own error.
    Failed(Box<JobError>),
}

/// A borrowed outcome.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Seen<'a> {
    /// What the worker published: status and bytes.
    Published(Status, &'a [u8]),
    /// An output too large for the ring.
    Large(&'a Payload),
    /// The pool's own error.
    Failed(&'a JobError),
}

impl Outcome {
    pub(crate) fn failed(error: JobError) -> Self {
        Self::Failed(Box::new(error))
    }

    pub(crate) fn copied(status: Status, bytes: &[u8]) -> Self {
        Self::Published(status, SmallVec::from_slice(bytes))
    }

    /// An outcome that was copied out of the outbound payload area.
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

    /// The memory that it holds on the heap, in bytes.
    pub(crate) fn spilled_bytes(&self) -> usize {
        match self {
            Self::Published(_, bytes) if bytes.spilled() => bytes.capacity(),
            Self::Large(payload) => size_of::<Payload>() + payload.bytes() as usize,
            _ => 0,
        }
    }

    /// Makes the encoding whole: moves attached bytes into it. The result has at most `limit` bytes.
    pub(crate) fn flatten<J: Job>(&mut self, limit: u64) {
        let attached = match self {
            Self::Large(payload) if !payload.attached.is_empty() => std::mem::take(&mut **payload),
            _ => return,
        };
        let whole = decode_large::<J>(attached)
            .and_then(|output| encode_whole::<J>(&output, limit).map_err(JobError::UndecodableOutput));
        *self = match whole {
            Ok(encoding) => Self::Large(Box::new(Payload {
                encoding,
                attached: Vec::new(),
            })),
            Err(error) => Self::failed(error),
        };
    }

    /// Decodes it, in the caller's thread.
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

    /// Whether it is a failure, by the pool's rules or by those of the job's type.
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

    /// The encoded output, if there is one, without attached bytes: see [`Outcome::flatten`].
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

/// Encodes an output with nothing attached. A worker decides how often it refers to the same bytes: so its length is
/// computed, without copying them, before it is written.
fn encode_whole<J: Job>(output: &J::Output, limit: u64) -> Result<Vec<u8>, CodecError> {
    let mut divided = Payload::default();
    divided.encode(|encoding| J::encode_output(output, encoding))?;
    let bytes = divided.bytes();
    if bytes > limit {
        return Err(CodecError::new(format_args!(
            "it has {bytes} bytes, more than the message limit of {limit} bytes"
        )));
    }
    let mut whole = Vec::with_capacity(bytes as usize);
    J::encode_output(output, &mut whole).map(|()| whole)
}

/// The bytes of the output own the memory into which they were taken.
fn decode_large<J: Job>(payload: Payload) -> Result<J::Output, JobError> {
    payload
        .decode(J::decode_output)
        .map_err(JobError::UndecodableOutput)
}

#[cfg(test)]
mod tests {
    use protocol::Bytes;

    use super::*;

    #[derive(serde::Serialize, serde::Deserialize)]
    struct Collect;

    impl Job for Collect {
        type Output = Vec<Bytes>;
        const NAME: &'static str = "collect";
    }

    const LIMIT: u64 = 1 << 20;

    fn large(output: &Vec<Bytes>) -> Payload {
        let mut payload = Payload::default();
        payload
            .encode(|encoding| Collect::encode_output(output, encoding))
            .unwrap();
        payload
    }

    #[test]
    fn an_output_that_is_made_whole_is_the_same() {
        let output = vec![Bytes::from(vec![7; 100_000]), Bytes::from("small")];
        let mut outcome = Outcome::taken(Status::Output, large(&output));
        outcome.flatten::<Collect>(LIMIT);
        let whole = outcome.seen().encoded().unwrap().to_vec();
        assert!(whole.len() > 100_000);
        assert_eq!(Collect::decode_output(&whole).unwrap(), output);
    }

    /// A thousand references to the same bytes are some kilobytes; whole, they are a hundred megabytes.
    #[test]
    fn bytes_that_are_referred_to_a_thousand_times_are_not_copied_so_often() {
        let bytes = Bytes::from(vec![7; 100_000]);
        let mut forged = large(&vec![bytes; 1000]);
        forged.attached.truncate(1);
        // References are numbered: all of them to the first.
        let reference = forged.encoding[2..][..21].to_vec();
        let mut encoding = forged.encoding[..2].to_vec();
        encoding.extend(reference.repeat(1000));
        forged.encoding = encoding;
        let mut outcome = Outcome::taken(Status::Output, forged);
        outcome.flatten::<Collect>(LIMIT);
        let error = outcome.seen().encoded().unwrap_err();
        assert!(error.to_string().contains("message limit of"), "{error}");
    }
}
