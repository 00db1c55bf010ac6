//! Encoding a job before anything else, so that one that cannot be encoded has no effect.

use std::{cell::Cell, panic::AssertUnwindSafe, sync::Arc};

use protocol::{
    CodecError, Payload,
    payload::{attachment, layout::LARGE_BYTES},
};
use smallvec::SmallVec;

use crate::{SubmitError, job::jobs::Encoded};

thread_local! {
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// A scratch buffer that grew larger than this is freed.
const KEPT_SCRATCH_BYTES: usize = 64 * 1024;

/// Runs `append` and returns what it appended and attached. A panic in it is an error like any other.
pub(crate) fn encode(
    append: impl FnOnce(&mut Vec<u8>) -> Result<(), CodecError>,
    limit: u64,
) -> Result<Encoded, SubmitError> {
    // The buffer is taken out, so that a job which submits another one while it is encoded finds an empty one.
    let mut buffer = SCRATCH.take();
    let large = encode_into(&mut buffer, append, limit)?;
    let encoded = large.unwrap_or_else(|| Encoded::One(SmallVec::from_slice(&buffer)));
    drop(SCRATCH.replace(buffer));
    Ok(encoded)
}

/// As [`encode`], into a buffer of the caller, which is cleared first. `None`: the encoding is in the buffer, small and
/// with nothing attached.
pub(crate) fn encode_into(
    buffer: &mut Vec<u8>,
    append: impl FnOnce(&mut Vec<u8>) -> Result<(), CodecError>,
    limit: u64,
) -> Result<Option<Encoded>, SubmitError> {
    buffer.clear();
    let mut attached = Vec::new();
    let appended = std::panic::catch_unwind(AssertUnwindSafe(|| {
        let (appended, collected) = attachment::collect(|| append(buffer));
        if !collected.is_empty() {
            attached = collected;
        }
        appended
    }));
    let appended = appended.unwrap_or_else(|_| Err(CodecError::new("its encoding panicked")));
    if let Err(error) = appended {
        if buffer.capacity() > KEPT_SCRATCH_BYTES {
            *buffer = Vec::new();
        }
        return Err(SubmitError::Unencodable(error));
    }
    if attached.is_empty() && buffer.len() < LARGE_BYTES && buffer.len() as u64 <= limit {
        return Ok(None);
    }
    let encoding = if buffer.len() > KEPT_SCRATCH_BYTES {
        std::mem::take(buffer)
    } else {
        buffer.clone()
    };
    let payload = Payload { encoding, attached };
    match payload.bytes() {
        bytes if bytes > limit => Err(SubmitError::TooLarge { bytes, limit }),
        _ => Ok(Some(Encoded::Large(Arc::new(payload)))),
    }
}

#[cfg(test)]
mod tests {
    use protocol::{Bytes, Job};

    use super::*;

    #[test]
    fn a_failure_is_an_error_and_does_not_affect_the_next_job() {
        let refuse = encode(|_| Err(CodecError::new("no")), 100).unwrap_err();
        assert!(matches!(refuse, SubmitError::Unencodable(error) if error.to_string() == "no"));
        let panics = encode(|_| panic!("in an encoding, on purpose"), 100).unwrap_err();
        assert!(matches!(panics, SubmitError::Unencodable(_)));
        let large = encode(
            |buffer| {
                let _: () = buffer.resize(101, 0);
                Ok(())
            },
            100,
        )
        .unwrap_err();
        assert!(matches!(
            large,
            SubmitError::TooLarge {
                bytes: 101,
                limit: 100
            }
        ));
        let well = encode(
            |buffer| {
                let _: () = buffer.push(7);
                Ok(())
            },
            100,
        );
        assert!(matches!(well, Ok(Encoded::One(bytes)) if bytes[..] == [7]));
    }

    #[test]
    fn what_is_attached_counts_for_the_limit_and_is_not_copied() {
        #[derive(serde::Serialize, serde::Deserialize)]
        struct Blob(Bytes);
        impl Job for Blob {
            type Output = ();
            const NAME: &'static str = "blob";
        }
        let blob = Blob(vec![1; 100_000].into());
        let encoded = encode(|buffer| blob.encode(buffer), 200_000).unwrap();
        let Encoded::Large(payload) = &encoded else {
            panic!("{encoded:?}")
        };
        assert_eq!(payload.attached[0].as_ptr(), blob.0.as_ptr());
        assert_eq!(encoded.bytes() as u64, payload.bytes());
        assert!(payload.bytes() > 100_000);
        let refused = encode(|buffer| blob.encode(buffer), payload.bytes() - 1).unwrap_err();
        assert!(matches!(refused, SubmitError::TooLarge { bytes, .. } if bytes == payload.bytes()));
    }
}
