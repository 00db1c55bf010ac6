//! The outcomes of all jobs, and whether the promises allow each.

use std::sync::{
    Arc,
    atomic::{AtomicU8, AtomicU64, Ordering},
};

use pool::{JobError, failure::Fault};

use super::{
    Plan,
    journal::Journal,
    system,
    trial::{Answer, Deed, Trial},
};

/// How often jobs of each team may be started: those of the second are declared idempotent.
pub(crate) const ATTEMPTS: [u8; 2] = [1, 3];

/// What was counted. Each count is of jobs.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) values: AtomicU64,
    pub(crate) panicked: AtomicU64,
    pub(crate) worker_died: AtomicU64,
    pub(crate) deadline: AtomicU64,
    pub(crate) quarantined: AtomicU64,
    pub(crate) cancelled: AtomicU64,
    pub(crate) wrong: AtomicU64,
    pub(crate) delivered_twice: AtomicU64,
    pub(crate) ended: AtomicU64,
}

/// The account.
#[derive(Debug)]
pub(crate) struct Account {
    plan: Plan,
    journal: Arc<Journal>,
    ends: Vec<AtomicU8>,
    pub(crate) counts: Counts,
}

impl Account {
    pub(crate) fn new(plan: Plan, journal: Arc<Journal>) -> Self {
        Self {
            ends: (0..plan.jobs).map(|_| AtomicU8::new(0)).collect(),
            plan,
            journal,
            counts: Counts::default(),
        }
    }

    pub(crate) fn journal(&self) -> &Journal {
        &self.journal
    }

    pub(crate) fn jobs(&self) -> u64 {
        self.plan.jobs
    }

    pub(crate) fn trial(&self, number: u64) -> Trial {
        Trial::of(self.plan.seed, number)
    }

    /// How many outcomes there have been.
    pub(crate) fn ended(&self) -> u64 {
        self.counts.ended.load(Ordering::Relaxed)
    }

    /// Records the outcome of a job. `may_be_cancelled` says that its cancellation was requested.
    pub(crate) fn take(&self, number: u64, end: &Result<Answer, JobError>, may_be_cancelled: bool) {
        let Some(ends) = self.ends.get(number as usize) else {
            return self.count_wrong(number, "there is no such job");
        };
        self.counts.ended.fetch_add(1, Ordering::Relaxed);
        if ends.fetch_add(1, Ordering::Relaxed) > 0 {
            self.counts.delivered_twice.fetch_add(1, Ordering::Relaxed);
        }
        match self.judge(number, end, may_be_cancelled) {
            Ok(counter) => {
                counter.fetch_add(1, Ordering::Relaxed);
            }
            Err(why) => self.count_wrong(number, why),
        }
    }

    fn judge(
        &self,
        number: u64,
        end: &Result<Answer, JobError>,
        may_be_cancelled: bool,
    ) -> Result<&AtomicU64, &'static str> {
        let trial = self.trial(number);
        match end {
            Ok(answer) => match trial.deed {
                Deed::Answers(_) | Deed::Spins(_) if *answer != trial.answer() => {
                    Err("it is another's answer")
                }
                Deed::Answers(_) | Deed::Spins(_) if self.journal.starts(number) == 0 => {
                    Err("it was never started")
                }
                Deed::Answers(_) | Deed::Spins(_) => Ok(&self.counts.values),
                Deed::Panics | Deed::Crashes | Deed::Hangs => Err("it cannot have an answer"),
            },
            Err(JobError::Fault(Fault::Panicked(_))) if trial.deed == Deed::Panics => {
                Ok(&self.counts.panicked)
            }
            Err(JobError::WorkerDied(_)) => Ok(&self.counts.worker_died),
            Err(JobError::DeadlineExceeded(_)) => Ok(&self.counts.deadline),
            Err(JobError::Quarantined(_)) => Ok(&self.counts.quarantined),
            Err(JobError::Cancelled) if may_be_cancelled => Ok(&self.counts.cancelled),
            Err(error) => {
                system::say(format_args!("job {number}: {error}"));
                Err("it has no reason for that error")
            }
        }
    }

    fn count_wrong(&self, number: u64, why: &str) {
        system::say(format_args!("job {number}: {why}"));
        self.counts.wrong.fetch_add(1, Ordering::Relaxed);
    }

    /// The jobs without an outcome.
    pub(crate) fn lost(&self) -> u64 {
        let lost = self.ends.iter().filter(|ends| ends.load(Ordering::Relaxed) == 0);
        lost.count() as u64
    }

    /// The jobs that were started too often.
    pub(crate) fn started_too_often(&self) -> u64 {
        let is_too_often = |number: &u64| {
            let most = ATTEMPTS[team_of(*number)];
            self.journal.starts(*number) > u64::from(most)
        };
        (0..self.plan.jobs).filter(is_too_often).count() as u64
    }

    /// All starts.
    pub(crate) fn starts(&self) -> u64 {
        (0..self.plan.jobs)
            .map(|number| self.journal.starts(number))
            .sum()
    }
}

/// Which team runs a job.
pub(crate) fn team_of(number: u64) -> usize {
    (number % 2) as usize
}
