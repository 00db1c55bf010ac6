//! What a death, or a start that fails, must bring: suspects, successors, and the end of a pool in a crash loop.

use std::time::Duration;

use super::{Comeback, Ledger, Outcome, Phase, Slot, Stage};
use crate::scheduler::{JobId, Life, Outlook, WorkerId};

impl Ledger {
    pub(super) fn died(&mut self, worker: WorkerId, life: Life, claimed: u64, cause: u64, now: Duration) {
        if self.is_at(worker, life, &[Stage::Starting]) {
            return self.start_failed(worker, life, cause, Outlook::Open, now);
        }
        if !self.is_at(
            worker,
            life,
            &[
                Stage::Ready,
                Stage::Retiring,
                Stage::Condemned,
                Stage::Killed,
                Stage::Closing,
            ],
        ) {
            return;
        }
        let stage = self.slots[worker].stage;
        let has_claimed = claimed.min(self.slots[worker].next) > 0;
        self.raise(worker, claimed);
        for job in std::mem::take(&mut self.slots[worker].flight).into_values() {
            self.suspected(job, cause);
        }
        self.slots[worker].stage = Stage::Over;
        self.slots[worker].comeback = Comeback::AtOnce;
        let heir = self.slots[worker].heir.take();
        if heir.is_some() || self.slots[worker].is_replaced {
            self.slots[worker].stage = Stage::Vacant;
            if let Some(heir) = heir {
                self.slots[heir].succeeds = None;
            }
            return;
        }
        if stage == Stage::Ready && !has_claimed {
            self.fruitless(worker, cause, Outlook::Open, now);
        }
    }

    fn suspected(&mut self, job: JobId, cause: u64) {
        let attempts = usize::from(self.config.attempts);
        let record = self.record_mut(job);
        record.deaths.push(cause);
        record.is_solitary |= attempts > 1;
        if record.deaths.len() < attempts {
            self.queued.insert(job);
        } else {
            let outcome = if attempts == 1 {
                Outcome::WorkerDied
            } else {
                Outcome::Quarantined
            };
            self.expected.insert(job, outcome);
            self.count_failure();
        }
    }

    pub(super) fn start_failed(
        &mut self,
        worker: WorkerId,
        life: Life,
        cause: u64,
        outlook: Outlook,
        now: Duration,
    ) {
        if self.is_at(worker, life, &[Stage::Closing, Stage::Killed]) {
            self.slots[worker].stage = Stage::Over;
        } else if self.is_at(worker, life, &[Stage::Starting]) {
            self.slots[worker].stage = Stage::Over;
            if !self.was_ready {
                self.first_start_failed(worker, cause);
            } else if outlook == Outlook::Hopeless && !self.has_hope(now) {
                self.must_break = Some(cause);
            } else {
                self.fruitless(worker, cause, outlook, now);
            }
        }
    }

    fn first_start_failed(&mut self, worker: WorkerId, cause: u64) {
        self.slots[worker].stage = Stage::Failed;
        let first_cause = *self.first_cause.get_or_insert(cause);
        let has_failed = |slot: &Slot| matches!(slot.stage, Stage::Failed | Stage::Vacant);
        if self.slots.iter().all(has_failed) {
            self.must_break = Some(first_cause);
        }
    }

    fn has_hope(&self, now: Duration) -> bool {
        self.slots.iter().any(|slot| match slot.stage {
            Stage::Starting => slot.starts_at <= now,
            stage => matches!(
                stage,
                Stage::Ready | Stage::Retiring | Stage::Condemned | Stage::Killed | Stage::Closing
            ),
        })
    }

    pub(super) fn fruitless(&mut self, worker: WorkerId, cause: u64, outlook: Outlook, now: Duration) {
        self.slots[worker].comeback = Comeback::Later;
        if self.slots[worker].succeeds.is_some() || outlook == Outlook::Shortage {
            return;
        }
        let limit = self.config.restart_limit;
        self.failures.push(now);
        let recent = self
            .failures
            .iter()
            .filter(|&&at| at + limit.within >= now)
            .count();
        if recent > limit.failures && matches!(self.phase, Phase::Open | Phase::Closing) {
            self.must_break = Some(cause);
        }
    }
}
