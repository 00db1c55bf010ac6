//! What a death or a failed start must result in: suspects, successors, and the end of a pool in a crash loop.

use std::time::Duration;

use super::{Checker, Comeback, Phase, Resolution, Slot, SlotState};
use crate::scheduler::{Incarnation, JobId, KillReason, Outlook, WorkerId};

impl Slot {
    /// Whether it is killed, or about to be, for something that the worker itself did.
    fn is_at_fault(&self) -> bool {
        match self.state {
            SlotState::KillPending => self.over_limit.is_some(),
            SlotState::Killed => matches!(
                self.killed_for,
                Some(KillReason::Unresponsive(_) | KillReason::MemoryExceeded { .. })
            ),
            _ => false,
        }
    }
}

impl Checker {
    pub(super) fn died(
        &mut self,
        worker: WorkerId,
        incarnation: Incarnation,
        claimed: u64,
        cause: u64,
        now: Duration,
    ) {
        if self.is_at(worker, incarnation, &[SlotState::Starting]) {
            return self.start_failed(worker, incarnation, cause, Outlook::Open, now);
        }
        if !self.is_at(
            worker,
            incarnation,
            &[
                SlotState::Ready,
                SlotState::Retiring,
                SlotState::KillPending,
                SlotState::Killed,
                SlotState::Closing,
            ],
        ) {
            return;
        }
        let is_at_fault = self.slots[worker].is_at_fault();
        let state = self.slots[worker].state;
        let has_claimed = claimed.min(self.slots[worker].next) > 0;
        self.raise(worker, claimed);
        for job in std::mem::take(&mut self.slots[worker].flight).into_values() {
            self.suspected(job, cause);
        }
        self.slots[worker].state = SlotState::Over;
        self.slots[worker].comeback = Comeback::AtOnce;
        let successor = self.slots[worker].successor.take();
        if successor.is_some() || self.slots[worker].is_replaced {
            self.slots[worker].state = SlotState::Vacant;
            if let Some(successor) = successor {
                self.slots[successor].succeeds = None;
            }
            return;
        }
        // Jobs that are resolved by this event are no reason to start workers.
        let needs_workers = self.needs_workers() && (self.is_open() || self.unresolved > self.expected.len());
        let is_failed_start = state == SlotState::Ready || (is_at_fault && needs_workers);
        if is_failed_start && !has_claimed {
            self.count_failed_start(worker, cause, Outlook::Open, now);
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
                Resolution::WorkerDied
            } else {
                Resolution::Quarantined
            };
            self.expected.insert(job, outcome);
            self.count_failure();
        }
    }

    pub(super) fn start_failed(
        &mut self,
        worker: WorkerId,
        incarnation: Incarnation,
        cause: u64,
        outlook: Outlook,
        now: Duration,
    ) {
        if self.is_at(worker, incarnation, &[SlotState::Closing, SlotState::Killed]) {
            self.slots[worker].state = SlotState::Over;
        } else if self.is_at(worker, incarnation, &[SlotState::Starting]) {
            self.slots[worker].state = SlotState::Over;
            if !self.was_ready {
                self.first_start_failed(worker, cause);
            } else if outlook == Outlook::Hopeless && !self.has_worker(now) {
                self.must_break = Some(cause);
            } else {
                self.count_failed_start(worker, cause, outlook, now);
            }
        }
    }

    fn first_start_failed(&mut self, worker: WorkerId, cause: u64) {
        self.slots[worker].state = SlotState::Failed;
        let first_cause = *self.first_cause.get_or_insert(cause);
        let has_failed = |slot: &Slot| matches!(slot.state, SlotState::Failed | SlotState::Vacant);
        if self.slots.iter().all(has_failed) {
            self.must_break = Some(first_cause);
        }
    }

    fn has_worker(&self, now: Duration) -> bool {
        self.slots.iter().any(|slot| match slot.state {
            SlotState::Starting => slot.starts_at <= now,
            state => matches!(
                state,
                SlotState::Ready
                    | SlotState::Retiring
                    | SlotState::KillPending
                    | SlotState::Killed
                    | SlotState::Closing
            ),
        })
    }

    pub(super) fn count_failed_start(
        &mut self,
        worker: WorkerId,
        cause: u64,
        outlook: Outlook,
        now: Duration,
    ) {
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
