//! Encoding a job before anything else is done with it, so that a job that cannot be encoded harms nothing.

use std::{cell::RefCell, panic::AssertUnwindSafe};

use protocol::CodecError;
use smallvec::SmallVec;

use crate::SubmitError;

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The scratch buffer is let go when one job has made it larger than this.
const KEPT_SCRATCH_BYTES: usize = 64 * 1024;

/// Runs `append` and gives back what it appended. A panic in it is an error like any other.
pub(crate) fn encode(
    append: impl FnOnce(&mut Vec<u8>) -> Result<(), CodecError>,
    limit: u64,
) -> Result<SmallVec<[u8; 64]>, SubmitError> {
    // The buffer is taken out, so that a job which submits another one while it is encoded finds an empty one.
    let mut buffer = SCRATCH.take();
    buffer.clear();
    let appended = std::panic::catch_unwind(AssertUnwindSafe(|| append(&mut buffer)))
        .unwrap_or_else(|_| Err(CodecError::new("its encoding panicked")));
    appended.map_err(SubmitError::Unencodable)?;
    let bytes = buffer.len() as u64;
    if bytes > limit {
        return Err(SubmitError::TooLarge { bytes, limit });
    }
    if buffer.len() > KEPT_SCRATCH_BYTES {
        return Ok(SmallVec::from_vec(buffer));
    }
    let encoded = SmallVec::from_slice(&buffer);
    SCRATCH.set(buffer);
    Ok(encoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_told_and_leave_the_next_job_unharmed() {
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
        assert_eq!(
            encode(
                |buffer| {
                    let _: () = buffer.push(7);
                    Ok(())
                },
                100
            )
            .unwrap()[..],
            [7]
        );
    }
}
