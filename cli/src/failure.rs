//! Why a job has no value, as it is shown.
//!
//! Expressions fail in the worker's words, jobs in the pool's; here both become a kind, a message and a place.

use std::{borrow::Cow, ops::Range};

use pool::{JobError, SubmitError, policy::Halted};
use protocol::eval::EvalError;

use crate::chunk::Extent;

/// Why a job has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// Python's name of the error, or the pool's.
    pub(crate) kind: Cow<'static, str>,
    /// What is shown on the job's line.
    pub(crate) message: String,
    /// What is shown to people when there is more to say, with several lines.
    pub(crate) details: Option<String>,
    /// The bytes of the expression that are to blame, where there are some.
    pub(crate) span: Option<Range<usize>>,
}

impl Failure {
    pub(crate) fn of_expression(error: EvalError) -> Self {
        Self {
            kind: error.kind,
            message: error.message,
            details: None,
            span: Some(error.start as usize..error.end.max(error.start) as usize),
        }
    }

    /// What became of a job that gave nothing back. A record that is too long was sent in as a job that is none.
    pub(crate) fn of_job(error: &JobError, extent: Extent, max_record_bytes: usize) -> Self {
        match (error, extent) {
            (JobError::NotSubmitted(SubmitError::Unencodable(_)), Extent::TooLong) => {
                Self::too_long(max_record_bytes)
            }
            _ => Self::of_pool(error),
        }
    }

    fn too_long(max_record_bytes: usize) -> Self {
        Self {
            kind: "LimitExceeded".into(),
            message: format!("the expression is longer than {max_record_bytes} bytes and was not read"),
            details: None,
            span: None,
        }
    }

    fn of_pool(error: &JobError) -> Self {
        let full = error.to_string();
        let short = short(error);
        Self {
            kind: error.kind().into(),
            details: short.is_some().then(|| full.clone()),
            message: short.unwrap_or(full),
            span: None,
        }
    }
}

/// A death without the worker's last words, which may be many lines.
fn short(error: &JobError) -> Option<String> {
    match error {
        JobError::WorkerDied(death) if !death.output.is_empty() => {
            let mut death = pool::failure::Death::clone(death);
            death.output.clear();
            Some(JobError::WorkerDied(death.into()).to_string())
        }
        _ => None,
    }
}

/// Whether the job failed because the pool has ended, so that all further ones would fail in the same way.
pub(crate) fn tells_end_of_pool(error: &JobError) -> bool {
    matches!(
        error,
        JobError::Broken(_)
            | JobError::Closed
            | JobError::NotSubmitted(SubmitError::Broken(_) | SubmitError::Closed)
    )
}

/// Why the pool halted, when that is why the job was not run to its end.
pub(crate) fn tells_halt(error: &JobError) -> Option<Halted> {
    match error {
        JobError::Halted { by, .. } => Some(*by),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use protocol::CodecError;

    use super::*;

    #[test]
    fn only_a_record_that_is_too_long_is_called_so() {
        let error = JobError::NotSubmitted(SubmitError::Unencodable(CodecError::new("no")));
        assert_eq!(Failure::of_job(&error, Extent::TooLong, 9).kind, "LimitExceeded");
        assert_eq!(Failure::of_job(&error, Extent::Whole, 9).kind, "NotSubmitted");
        let late = JobError::DeadlineExceeded(Duration::from_millis(500));
        assert_eq!(
            Failure::of_job(&late, Extent::TooLong, 9).kind,
            "DeadlineExceeded"
        );
        assert!(tells_end_of_pool(&JobError::Closed) && !tells_end_of_pool(&late));
    }
}
