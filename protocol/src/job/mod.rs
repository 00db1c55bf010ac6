//! Jobs: the trait that makes a type a job, its encoding, and what can go wrong with it.
//!
//! Owns the default encoding (postcard, through serde) and the methods by which a job replaces it; the mechanism for what
//! a value leaves [`beside`] its encoding; a job's own faults; and the job of the command `pool eval`. It does
//! not say how a job is run: that is the handler's part, in the worker.

#![expect(
    clippy::inline_always,
    reason = "a small value that is decoded out of line is copied afterwards, which takes longer than decoding it"
)]

pub mod beside;
pub mod error;
pub mod eval;
mod fault;

use serde::{Serialize, de::DeserializeOwned};

use error::coded;

pub use error::CodecError;
pub use eval::Eval;
pub use fault::{Fault, Panicked, Status};

/// A unit of work that can travel to a worker process, and whose output can travel back.
///
/// Large payloads in a job or an output are [`Bytes`](crate::Bytes): they travel beside the encoding.
///
/// A job is plain data; the code that runs it lives in the worker program, which serves the same type. Both sides
/// compare [`Job::NAME`] when they meet.
///
/// ```
/// use protocol::Job;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, Serialize, Deserialize)]
/// struct Resize {
///     path: String,
///     width: u32,
/// }
///
/// impl Job for Resize {
///     type Output = Result<u64, String>;
///     const NAME: &'static str = "resize";
/// }
///
/// let mut bytes = Vec::new();
/// Resize { path: "a.png".into(), width: 80 }.encode(&mut bytes)?;
/// assert_eq!(Resize::decode(&bytes)?.width, 80);
/// # Ok::<(), protocol::CodecError>(())
/// ```
pub trait Job: Serialize + DeserializeOwned + Send + 'static {
    /// The result of running the job. A job that can fail has a `Result` here.
    type Output: Serialize + DeserializeOwned + Send + 'static;

    /// The name by which parent and worker check that they mean the same type. It is compared at the handshake
    /// and shown in messages and in the process list.
    const NAME: &'static str;

    /// Appends the encoded job to `buffer`.
    ///
    /// # Errors
    /// If a `Serialize` implementation refuses the value. Ignore what was appended by then.
    #[inline]
    fn encode(&self, buffer: &mut Vec<u8>) -> Result<(), CodecError> {
        to_postcard(self, buffer)
    }

    /// Decodes a job from exactly the bytes that [`Job::encode`] appended.
    ///
    /// # Errors
    /// If the bytes are not such a job, or are followed by others.
    #[inline(always)]
    fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        from_postcard(bytes)
    }

    /// Whether an encoded output counts as a failure of the job, for a pool that halts when too many jobs fail.
    ///
    /// Only such a pool calls this, in the parent, once for each output, before the output is decoded. By
    /// default no output is a failure. A type whose output is a `Result` may say
    /// `Self::decode_output(output).is_ok_and(|output| output.is_err())`.
    fn is_failure(_output: &[u8]) -> bool {
        false
    }

    /// Appends the encoded output to `buffer`.
    ///
    /// # Errors
    /// If a `Serialize` implementation refuses the value.
    #[inline]
    fn encode_output(output: &Self::Output, buffer: &mut Vec<u8>) -> Result<(), CodecError> {
        to_postcard(output, buffer)
    }

    /// Decodes an output from exactly the bytes that [`Job::encode_output`] appended.
    ///
    /// # Errors
    /// If the bytes are not such an output, or are followed by others.
    #[inline(always)]
    fn decode_output(bytes: &[u8]) -> Result<Self::Output, CodecError> {
        from_postcard(bytes)
    }
}

/// Appends the encoded argument of a worker's initialiser to `buffer`.
///
/// # Errors
/// If a `Serialize` implementation refuses the value.
pub fn encode_argument<A: Serialize + ?Sized>(argument: &A, buffer: &mut Vec<u8>) -> Result<(), CodecError> {
    to_postcard(argument, buffer)
}

/// Decodes the argument of a worker's initialiser from exactly the bytes that [`encode_argument`] appended.
///
/// # Errors
/// If the bytes are not such a value, or are followed by others.
pub fn decode_argument<A: DeserializeOwned>(bytes: &[u8]) -> Result<A, CodecError> {
    from_postcard(bytes)
}

/// Appends a value in postcard's encoding.
#[inline]
pub(crate) fn to_postcard<T: Serialize + ?Sized>(value: &T, buffer: &mut Vec<u8>) -> Result<(), CodecError> {
    let start = buffer.len();
    let written = coded(|| postcard::to_extend(value, Appender(&mut *buffer)).map(drop));
    written.inspect_err(|_| buffer.truncate(start))
}

/// Decodes a value in postcard's encoding, and refuses bytes that follow it.
#[inline(always)]
pub(crate) fn from_postcard<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    match coded(|| postcard::take_from_bytes(bytes)) {
        Ok((value, [])) => Ok(value),
        Ok((_, rest)) => Err(trailing(rest)),
        Err(error) => Err(error),
    }
}

#[cold]
fn trailing(rest: &[u8]) -> CodecError {
    CodecError::new(format_args!("{} bytes follow the value", rest.len()))
}

/// Lets postcard append to a borrowed vector.
struct Appender<'a>(&'a mut Vec<u8>);

impl Extend<u8> for Appender<'_> {
    fn extend<I: IntoIterator<Item = u8>>(&mut self, bytes: I) {
        self.0.extend(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Refusing;

    impl Serialize for Refusing {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("a lock is poisoned"))
        }
    }

    #[test]
    fn a_refused_value_leaves_the_buffer_as_it_was() {
        let mut buffer = vec![1, 2, 3];
        let error = to_postcard(&("begun", Refusing), &mut buffer).unwrap_err();
        assert_eq!(buffer, [1, 2, 3]);
        assert!(!error.to_string().is_empty());
    }

    #[test]
    fn bytes_that_follow_are_an_error() {
        let mut buffer = Vec::new();
        to_postcard(&7_u64, &mut buffer).unwrap();
        assert_eq!(from_postcard::<u64>(&buffer).unwrap(), 7);
        buffer.push(0);
        assert!(
            from_postcard::<u64>(&buffer)
                .unwrap_err()
                .to_string()
                .contains("1 bytes follow")
        );
    }

    #[test]
    fn a_forged_length_allocates_nothing() {
        // A vector that claims 2^60 items and has none.
        let mut forged = Vec::new();
        to_postcard(&(1_u64 << 60), &mut forged).unwrap();
        assert!(from_postcard::<Vec<u64>>(&forged).is_err());
    }
}
