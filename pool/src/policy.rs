//! What a pool does about jobs that fail: go on, try again, or halt.
//!
//! Plain values with their rules and their notation. Who counts the failures and carries a halt out is the scheduler.

use std::{fmt, num::NonZeroU64, str::FromStr};

/// A share of failures halts a pool only once so many jobs have failed: one failure among the first three jobs says
/// little about the share.
pub const LEAST_FAILURES_FOR_A_SHARE: u64 = 3;

/// What a pool does about jobs that fail. The default is that each fails alone and the pool goes on.
///
/// ```
/// use pool::policy::{FailurePolicy, Halt, Threshold, Urgency};
///
/// // Jobs are idempotent: try a job whose worker died up to three times; give up when a tenth of the jobs has failed.
/// let policy = FailurePolicy::retry(3).halt("soon,fail=10%".parse::<Halt>()?);
/// // The first failure ends everything, also the jobs that run.
/// let strict = FailurePolicy::fail().halt(Halt::new(Urgency::Now, Threshold::failures(1)));
/// # assert_ne!(policy, strict);
/// # Ok::<(), pool::policy::ParseHaltError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailurePolicy {
    pub(crate) attempts: u8,
    pub(crate) halt: Option<Halt>,
}

impl FailurePolicy {
    /// A job that fails is not tried again, and the others go on.
    pub fn fail() -> Self {
        Self {
            attempts: 1,
            halt: None,
        }
    }

    /// Jobs are idempotent: one whose worker dies is tried again, alone, until it has been started `attempts` times.
    ///
    /// Only a worker's death is a reason to try again; a panic, a missed deadline and an output that is a failure are
    /// the job's own doing and would come again.
    pub fn retry(attempts: u8) -> Self {
        Self { attempts, halt: None }
    }

    /// The pool halts when too many jobs have failed.
    #[must_use]
    pub fn halt(mut self, halt: Halt) -> Self {
        self.halt = Some(halt);
        self
    }
}

impl Default for FailurePolicy {
    fn default() -> Self {
        Self::fail()
    }
}

/// When a pool halts, and how: GNU parallel's `--halt`.
///
/// A halted pool takes no more jobs. Those that it has and has not started end with
/// [`JobError::Halted`](crate::JobError::Halted).
///
/// What counts as a failure is a job that gave an error of its own or its worker's (a panic, a death, a deadline, a
/// quarantine), and an output that [`Job::is_failure`](crate::Job::is_failure) calls one; not a job that was cancelled.
///
/// It reads and shows itself in GNU parallel's notation: `soon,fail=1`, `now,fail=10%`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Halt {
    /// What becomes of the jobs that run.
    pub urgency: Urgency,
    /// How many failures are too many.
    pub threshold: Threshold,
}

/// What becomes of the jobs that run when a pool halts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// They are let end; no other is started.
    Soon,
    /// They are ended with their workers.
    Now,
}

/// How many failures are too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Threshold {
    /// So many.
    Failures(NonZeroU64),
    /// So many in a hundred of the jobs that have ended so far, once three have failed.
    Percent(Percent),
}

/// A share of jobs, from 1 % to 100 %.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Percent(u8);

impl Percent {
    /// So many in a hundred; `None` unless it is from 1 to 100.
    pub fn new(percent: u8) -> Option<Self> {
        (1..=100).contains(&percent).then_some(Self(percent))
    }
}

impl Threshold {
    /// So many failures; 0 means the first, as 1 does.
    pub fn failures(failures: u64) -> Self {
        Self::Failures(NonZeroU64::new(failures).unwrap_or(NonZeroU64::MIN))
    }

    /// Whether so many failures, of so many jobs that have ended, are too many.
    pub(crate) fn is_reached(self, failed: u64, ended: u64) -> bool {
        match self {
            Self::Failures(failures) => failed >= failures.get(),
            Self::Percent(Percent(percent)) => {
                failed >= LEAST_FAILURES_FOR_A_SHARE
                    && u128::from(failed) * 100 >= u128::from(ended) * u128::from(percent)
            }
        }
    }
}

impl Halt {
    /// A halt of this urgency at this threshold.
    pub fn new(urgency: Urgency, threshold: Threshold) -> Self {
        Self { urgency, threshold }
    }
}

/// Why a text is no [`Halt`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseHaltError {
    /// It does not begin with a known urgency.
    #[error("it must begin with `now,` or `soon,`, as in `soon,fail=1`")]
    Urgency,
    /// What follows is no condition that is known.
    #[error("behind `{0},` there must be `fail=N` or `fail=P%`")]
    Condition(Urgency),
    /// The number of failures is none.
    #[error("`{0}` is not a number of failures from 1 on")]
    Failures(String),
    /// The share is none.
    #[error("`{0}%` is not a share from 1% to 100%, without a fraction")]
    Percent(String),
}

impl FromStr for Halt {
    type Err = ParseHaltError;

    fn from_str(text: &str) -> Result<Self, ParseHaltError> {
        let (urgency, condition) = text.split_once(',').ok_or(ParseHaltError::Urgency)?;
        let urgency = match urgency {
            "now" => Urgency::Now,
            "soon" => Urgency::Soon,
            _ => return Err(ParseHaltError::Urgency),
        };
        let amount = condition
            .strip_prefix("fail=")
            .ok_or(ParseHaltError::Condition(urgency))?;
        Ok(Self::new(urgency, amount.parse()?))
    }
}

impl FromStr for Threshold {
    type Err = ParseHaltError;

    fn from_str(text: &str) -> Result<Self, ParseHaltError> {
        if let Some(percent) = text.strip_suffix('%') {
            let parsed = percent.parse().ok().and_then(Percent::new);
            return parsed
                .map(Self::Percent)
                .ok_or_else(|| ParseHaltError::Percent(percent.to_owned()));
        }
        text.parse()
            .map(Self::Failures)
            .map_err(|_| ParseHaltError::Failures(text.to_owned()))
    }
}

impl fmt::Display for Urgency {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Soon => "soon",
            Self::Now => "now",
        })
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failures(failures) => write!(formatter, "fail={failures}"),
            Self::Percent(Percent(percent)) => write!(formatter, "fail={percent}%"),
        }
    }
}

impl fmt::Display for Halt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{},{}", self.urgency, self.threshold)
    }
}

/// Why a pool has halted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Halted {
    /// The policy that it was built with.
    pub halt: Halt,
    /// How many jobs had failed.
    pub failed: u64,
    /// How many jobs had ended, those that failed among them.
    pub ended: u64,
}

impl fmt::Display for Halted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { halt, failed, ended } = self;
        let (jobs, have) = if *ended == 1 {
            ("job", "has")
        } else {
            ("jobs", "have")
        };
        write!(formatter, "{failed} of {ended} {jobs} {have} failed ({halt})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_notation_is_read_and_shown() {
        for text in ["soon,fail=1", "now,fail=3", "soon,fail=10%", "now,fail=100%"] {
            assert_eq!(text.parse::<Halt>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_cannot_be_is_named() {
        for (text, words) in [
            ("", "`now,` or `soon,`"),
            ("fail=1", "`now,` or `soon,`"),
            ("later,fail=1", "`now,` or `soon,`"),
            ("now,success=1", "behind `now,`"),
            ("now,fail", "behind `now,`"),
            ("now,fail=0", "`0` is not a number"),
            ("now,fail=-1", "`-1` is not a number"),
            ("soon,fail=0%", "`0%` is not a share"),
            ("soon,fail=101%", "`101%` is not a share"),
            ("soon,fail=2.5%", "`2.5%` is not a share"),
        ] {
            let error = text.parse::<Halt>().unwrap_err().to_string();
            assert!(error.contains(words), "{text}: {error}");
        }
    }

    #[test]
    fn a_share_counts_from_the_third_failure_on() {
        let tenth: Threshold = "10%".parse().unwrap();
        assert!(!tenth.is_reached(1, 1) && !tenth.is_reached(2, 2));
        assert!(tenth.is_reached(3, 30) && !tenth.is_reached(3, 31));
        assert!(tenth.is_reached(u64::MAX / 10 + 1, u64::MAX));
        assert!(Threshold::failures(0).is_reached(1, 100) && !Threshold::failures(2).is_reached(1, 1));
    }
}
