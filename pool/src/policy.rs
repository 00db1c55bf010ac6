//! What a pool does about failed jobs: go on, retry, or halt.
//!
//! Set a [`FailurePolicy`] with [`Builder::failure_policy`](crate::Builder::failure_policy), or its two parts with
//! [`Builder::attempts`](crate::Builder::attempts) and [`Builder::halt`](crate::Builder::halt). The values here carry the
//! rules and their notation (`soon,fail=10%`).

use std::{fmt, num::NonZeroU64, str::FromStr};

/// The number of failed jobs below which a [`Percent`] never halts a pool: one failure among the first three jobs says
/// little about the share.
pub const LEAST_FAILURES_FOR_A_SHARE: u64 = 3;

/// What a pool does about failed jobs. By default each job fails alone and the pool goes on.
///
/// ```
/// use pool::policy::{FailurePolicy, Halt, Threshold, Urgency};
///
/// // Jobs are idempotent: start a job whose worker died up to three times; halt when a tenth of the jobs has failed.
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
    /// Never retries a failed job; the other jobs go on.
    pub fn fail() -> Self {
        Self {
            attempts: 1,
            halt: None,
        }
    }

    /// Retries a job whose worker died, alone, until it has been started `attempts` times. Jobs must be idempotent.
    ///
    /// Only a worker's death is retried: a panic, a missed deadline and an output that is a failure would happen again.
    pub fn retry(attempts: u8) -> Self {
        Self { attempts, halt: None }
    }

    /// Halts the pool when too many jobs have failed.
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
/// A halted pool takes no more jobs. Accepted jobs that have not started end with
/// [`JobError::Halted`](crate::JobError::Halted).
///
/// A job fails if it ends with an error of its own or its worker's (a panic, a death, a deadline, a quarantine), or with
/// an output for which [`Job::is_failure`](crate::Job::is_failure) is true. A cancelled job is no failure.
///
/// It parses and displays in GNU parallel's notation: `soon,fail=1`, `now,fail=10%`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Halt {
    /// What happens to running jobs.
    pub urgency: Urgency,
    /// How many failures are too many.
    pub threshold: Threshold,
}

/// What happens to running jobs when a pool halts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// They finish; no other is started.
    Soon,
    /// They end at once: their workers are killed.
    Now,
}

/// How many failures are too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Threshold {
    /// A number of failures.
    Failures(NonZeroU64),
    /// A share of the jobs that have ended so far, once [`LEAST_FAILURES_FOR_A_SHARE`] have failed.
    Percent(Percent),
}

/// A share of jobs, from 1 % to 100 %.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Percent(u8);

impl Percent {
    /// A share in percent; `None` unless it is from 1 to 100.
    pub fn new(percent: u8) -> Option<Self> {
        (1..=100).contains(&percent).then_some(Self(percent))
    }
}

impl Threshold {
    /// A number of failures; 0 counts as 1.
    pub fn failures(failures: u64) -> Self {
        Self::Failures(NonZeroU64::new(failures).unwrap_or(NonZeroU64::MIN))
    }

    /// Whether `failed` failures among `ended` jobs are too many.
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
    /// Creates a halt of this urgency at this threshold.
    pub fn new(urgency: Urgency, threshold: Threshold) -> Self {
        Self { urgency, threshold }
    }
}

/// Why a text cannot be parsed as a [`Halt`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseHaltError {
    /// The text does not begin with a known urgency.
    #[error("it must begin with `now,` or `soon,`, as in `soon,fail=1`")]
    Urgency,
    /// The condition behind the urgency is unknown.
    #[error("behind `{0},` there must be `fail=N` or `fail=P%`")]
    Condition(Urgency),
    /// The number of failures is not a number from 1 on.
    #[error("`{0}` is not a number of failures from 1 on")]
    Failures(String),
    /// The share is not from 1% to 100%.
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
    /// The pool's policy.
    pub halt: Halt,
    /// How many jobs had failed.
    pub failed: u64,
    /// How many jobs had ended, including the failed ones.
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
    fn the_notation_parses_and_displays() {
        for text in ["soon,fail=1", "now,fail=3", "soon,fail=10%", "now,fail=100%"] {
            assert_eq!(text.parse::<Halt>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_wrong_part_is_named() {
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
