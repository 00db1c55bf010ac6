//! What must happen to a worker that does not react or uses too much memory.

use std::time::Duration;

use super::{Checker, SlotState};
use crate::scheduler::{Incarnation, KillReason, WorkerId};

impl Checker {
    pub(super) fn unresponsive(&mut self, worker: WorkerId, incarnation: Incarnation, timeout: Duration) {
        if self.may_be_killed(worker, incarnation) {
            self.must_kill.insert(worker, KillReason::Unresponsive(timeout));
            self.coverage.unresponsive += 1;
        }
    }

    /// It must be killed: at once if it has no jobs, and otherwise once its unstarted jobs are taken back.
    pub(super) fn memory_exceeded(&mut self, worker: WorkerId, incarnation: Incarnation, reason: KillReason) {
        if !self.may_be_killed(worker, incarnation) {
            return;
        }
        let slot = &mut self.slots[worker];
        if slot.flight.is_empty() {
            self.must_kill.insert(worker, reason);
        } else if slot.over_limit.is_none() {
            (slot.over_limit, slot.state) = (Some(reason), SlotState::KillPending);
            self.must_revoke.insert(worker);
        }
        self.coverage.over_limit += 1;
    }

    /// The unstarted jobs of a worker that uses too much memory were taken back.
    pub(super) fn kill_over_limit(&mut self, worker: WorkerId) {
        let slot = &self.slots[worker];
        if let Some(reason) = slot.over_limit
            && slot.state == SlotState::KillPending
        {
            self.must_kill.insert(worker, reason);
        }
    }

    fn may_be_killed(&self, worker: WorkerId, incarnation: Incarnation) -> bool {
        self.is_at(
            worker,
            incarnation,
            &[
                SlotState::Ready,
                SlotState::Retiring,
                SlotState::KillPending,
                SlotState::Closing,
            ],
        )
    }
}
