//! The job that the command `pool eval` sends: one expression.
//!
//! Owns the job's flat encoding, in which the text of an expression is unchanged. It does not evaluate: that is for
//! the worker.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{CodecError, Job, from_postcard, to_postcard};

/// One expression to evaluate, with the names that it may use.
///
/// ```
/// use protocol::{Eval, Job};
/// let job = Eval::new("price * qty").bind("price", "19.99").bind("qty", "3");
/// let mut bytes = Vec::new();
/// job.encode(&mut bytes)?;
/// assert_eq!(Eval::decode(&bytes)?, job);
/// # Ok::<(), protocol::CodecError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Eval {
    source: Vec<u8>,
    names: Vec<(String, String)>,
}

/// The result of evaluating an expression.
pub type Evaluated = Result<String, EvalError>;

/// Why an expression has no value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{kind}: {message}")]
pub struct EvalError {
    /// Python's name of the kind of error (`ZeroDivisionError`), or `Unsupported` or `LimitExceeded`.
    pub kind: Cow<'static, str>,
    /// What was wrong, in Python's words where there are any.
    pub message: String,
    /// The first byte of the part of the source that failed.
    pub start: u32,
    /// The first byte after that part.
    pub end: u32,
}

/// Names follow, and then the source. No Python expression begins with this character or the next.
const WITH_NAMES: u8 = 1;
/// A source follows that begins with this byte or the one before.
const ESCAPED: u8 = 2;
const VALUE: u8 = 0;
const ERROR: u8 = 1;

impl Eval {
    /// Creates a job for an expression. It is bytes rather than text because it may come from anywhere: bytes that are not
    /// UTF-8 are a `SyntaxError` with its location, like any other mistake.
    pub fn new(source: impl Into<Vec<u8>>) -> Self {
        Self {
            source: source.into(),
            names: Vec::new(),
        }
    }

    /// Binds a name to the value of another expression, for this job alone.
    #[must_use]
    pub fn bind(mut self, name: impl Into<String>, expression: impl Into<String>) -> Self {
        self.names.push((name.into(), expression.into()));
        self
    }

    /// Returns the expression.
    pub fn source(&self) -> &[u8] {
        &self.source
    }

    /// Appends the encoding of an expression without names of its own, from borrowed bytes.
    pub fn encode_plain(source: &[u8], buffer: &mut Vec<u8>) {
        if !Self::is_own_encoding(source) {
            buffer.push(ESCAPED);
        }
        buffer.extend_from_slice(source);
    }

    /// Whether an expression without names of its own is its own encoding, as nearly every one is.
    pub fn is_own_encoding(source: &[u8]) -> bool {
        !matches!(source.first(), Some(&(WITH_NAMES | ESCAPED)))
    }

    /// Whether every line of a text, with any line ends, is its own encoding. It may say no without need.
    pub fn all_are_own_encodings(text: &[u8]) -> bool {
        memchr::memchr2(WITH_NAMES, ESCAPED, text).is_none()
    }
}

/// A decoded [`Eval`] that borrows from its encoding.
#[derive(Debug, PartialEq, Eq)]
pub struct EvalRef<'a> {
    /// The expression.
    pub source: &'a [u8],
    /// Names of this job alone.
    pub names: Vec<(String, String)>,
}

impl<'a> EvalRef<'a> {
    /// Decodes what [`Job::encode`] of an [`Eval`] appended.
    ///
    /// # Errors
    /// If the bytes are not such a job.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, CodecError> {
        match bytes.split_first() {
            Some((&WITH_NAMES, rest)) => {
                let (names, source) = postcard::take_from_bytes(rest).map_err(CodecError::new)?;
                Ok(Self { source, names })
            }
            Some((&ESCAPED, source)) => Ok(Self {
                source,
                names: Vec::new(),
            }),
            _ => Ok(Self {
                source: bytes,
                names: Vec::new(),
            }),
        }
    }
}

/// Appends the encoding of a value's text, which `write` appends, or of the error that it returns.
///
/// # Errors
/// If the error could not be encoded; that does not happen.
#[inline]
pub fn encode_evaluated(
    buffer: &mut Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>) -> Result<(), EvalError>,
) -> Result<(), CodecError> {
    let start = buffer.len();
    buffer.push(VALUE);
    match write(buffer) {
        Ok(()) => Ok(()),
        Err(error) => {
            buffer.truncate(start);
            buffer.push(ERROR);
            to_postcard(&error, buffer)
        }
    }
}

/// Decodes an output; the text of its value is borrowed.
///
/// # Errors
/// If the bytes are not an output.
pub fn decode_evaluated(bytes: &[u8]) -> Result<Result<&str, EvalError>, CodecError> {
    match bytes.split_first() {
        Some((&VALUE, text)) => std::str::from_utf8(text).map(Ok).map_err(CodecError::new),
        Some((&ERROR, rest)) => from_postcard(rest).map(Err),
        _ => Err(CodecError::new("this is not an eval job's output")),
    }
}

/// Returns the bytes of a value's text, if this is the output of an expression that has a value. They are not checked to be
/// UTF-8.
#[inline]
pub fn value_text(output: &[u8]) -> Option<&[u8]> {
    match output.split_first() {
        Some((&VALUE, text)) => Some(text),
        _ => None,
    }
}

impl Job for Eval {
    type Output = Evaluated;
    const NAME: &'static str = "eval";

    fn encode(&self, buffer: &mut Vec<u8>) -> Result<(), CodecError> {
        if self.names.is_empty() {
            Self::encode_plain(&self.source, buffer);
            return Ok(());
        }
        buffer.push(WITH_NAMES);
        to_postcard(&self.names, buffer)?;
        buffer.extend_from_slice(&self.source);
        Ok(())
    }

    fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let EvalRef { source, names } = EvalRef::decode(bytes)?;
        Ok(Self {
            source: source.to_vec(),
            names,
        })
    }

    fn encode_output(output: &Evaluated, buffer: &mut Vec<u8>) -> Result<(), CodecError> {
        encode_evaluated(buffer, |buffer| match output {
            Ok(text) => {
                buffer.extend_from_slice(text.as_bytes());
                Ok(())
            }
            Err(error) => Err(error.clone()),
        })
    }

    fn is_failure(output: &[u8]) -> bool {
        output.first() == Some(&ERROR)
    }

    fn decode_output(bytes: &[u8]) -> Result<Evaluated, CodecError> {
        decode_evaluated(bytes).map(|evaluated| evaluated.map(str::to_owned))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_decoded_as_they_were_encoded() {
        let error = EvalError {
            kind: "ZeroDivisionError".into(),
            message: "division by zero".into(),
            start: 3,
            end: 6,
        };
        for output in [Ok(String::new()), Ok("'héllo'".to_owned()), Err(error)] {
            let mut bytes = vec![9];
            Eval::encode_output(&output, &mut bytes).unwrap();
            assert_eq!(Eval::decode_output(&bytes[1..]).unwrap(), output);
        }
        assert!(Eval::decode_output(&[]).is_err());
        assert!(Eval::decode_output(&[VALUE, 0xff]).is_err());
        assert!(Eval::decode_output(&[ERROR]).is_err());
    }

    #[test]
    fn a_source_of_any_bytes_is_decoded_as_it_was_encoded() {
        for source in [&b""[..], b"\xff\0\n", b"1+2", b"\x01", b"\x02\x01"] {
            for job in [Eval::new(source), Eval::new(source).bind("x", "7")] {
                let mut bytes = Vec::new();
                job.encode(&mut bytes).unwrap();
                assert_eq!(Eval::decode(&bytes).unwrap(), job);
            }
        }
        assert!(Eval::decode(b"\x01\xff").is_err());
    }
}
