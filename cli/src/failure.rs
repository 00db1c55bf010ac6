//! Why a job has no value, in the form that is displayed.
//!
//! Errors of expressions come from the worker, errors of jobs from the pool; here both become a kind, a message and a
//! location.

use std::{borrow::Cow, ops::Range};

use pool::{JobError, SubmitError, policy::Halted};
use protocol::job::eval::EvalError;

use crate::chunk::Extent;

/// Why a job has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The error's name in Python or in the pool.
    pub(crate) kind: Cow<'static, str>,
    /// The message for the job's line of output.
    pub(crate) message: String,
    /// A longer message of several lines for people, if there is more to say.
    pub(crate) details: Option<String>,
    /// The bytes of the expression that caused the failure, if known.
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

    /// The failure of a job that returned nothing. A record that is too long was submitted as a job that cannot be
    /// encoded.
    pub(crate) fn of_job(error: &JobError, extent: Extent, max_record_bytes: usize) -> Self {
        match (error, extent) {
            (JobError::NotSubmitted(SubmitError::Unencodable(_)), Extent::TooLong) => {
                Self::too_long(max_record_bytes)
            }
            _ => Self::of_pool(error),
        }
    }

    /// The failure of a job that was not run because of a Ctrl-C.
    pub(crate) fn interrupted() -> Self {
        Self {
            kind: "Interrupted".into(),
            message: "the expression was not evaluated".to_owned(),
            details: None,
            span: None,
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

/// The message for a worker's death without the worker's last output, which may be many lines.
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

/// Whether the job failed because the pool has ended, so that all further jobs would fail in the same way.
pub(crate) fn is_end_of_pool(error: &JobError) -> bool {
    matches!(
        error,
        JobError::Broken(_)
            | JobError::Closed
            | JobError::NotSubmitted(SubmitError::Broken(_) | SubmitError::Closed)
    )
}

/// Whether the job was not run because the pool was stopped.
pub(crate) fn is_stopped(error: &JobError) -> bool {
    matches!(
        error,
        JobError::Cancelled | JobError::Closed | JobError::NotSubmitted(SubmitError::Closed)
    )
}

/// Why the pool halted, if that is why the job did not finish.
pub(crate) fn halt_cause(error: &JobError) -> Option<Halted> {
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
    fn only_a_record_that_is_too_long_is_reported_as_such() {
        let error = JobError::NotSubmitted(SubmitError::Unencodable(CodecError::new("no")));
        assert_eq!(Failure::of_job(&error, Extent::TooLong, 9).kind, "LimitExceeded");
        assert_eq!(Failure::of_job(&error, Extent::Whole, 9).kind, "NotSubmitted");
        let late = JobError::DeadlineExceeded(Duration::from_millis(500));
        assert_eq!(
            Failure::of_job(&late, Extent::TooLong, 9).kind,
            "DeadlineExceeded"
        );
        assert!(is_end_of_pool(&JobError::Closed) && !is_end_of_pool(&late));
    }
}
