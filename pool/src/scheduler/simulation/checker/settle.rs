//! What must hold after an event's actions.

use super::{Check, Checker, Phase, Slot, SlotState, ensure};
use crate::scheduler::Scheduler;
use crate::scheduler::WorkerId;
use crate::scheduler::roster::FRAME_CREDIT;
use crate::scheduler::test_jobs::TestJobs;

impl Checker {
    /// Checks that everything due has come, and that both accounts agree.
    pub(in super::super) fn settle(&mut self, scheduler: &Scheduler<TestJobs>) -> Check {
        ensure!(
            self.expected.is_empty(),
            "jobs are not resolved as they should be: {:?}",
            self.expected
        );
        ensure!(self.must_break.is_none(), "the pool does not break");
        ensure!(self.must_halt.is_none(), "the pool does not halt");
        ensure!(!self.due.ready, "FirstReady does not come");
        ensure!(!self.due.drained || self.unresolved > 0, "Drained does not come");
        ensure!(!self.is_over() || self.has_ended(), "Ended does not come");
        ensure!(
            scheduler.has_ended() == self.has_ended(),
            "the end is announced and not known"
        );
        for worker in std::mem::take(&mut self.must_revoke) {
            ensure!(
                self.slots[worker].is_revoking,
                "worker {worker} is not asked for what it has"
            );
        }
        ensure!(
            self.must_kill.is_empty(),
            "workers are not killed: {:?}",
            self.must_kill
        );
        self.check_recycling()?;
        self.check_numbers(scheduler)?;
        let workers = scheduler.workers().zip(&self.slots);
        for (known, slot) in workers {
            let is_known = known.incarnation == slot.incarnation && known.in_flight == slot.flight.len();
            ensure!(is_known, "worker {} is shown wrongly", known.worker);
        }
        (0..self.slots.len()).try_for_each(|worker| self.check_worker(worker))
    }

    /// Whether nothing is left and nothing comes.
    pub(super) fn is_over(&self) -> bool {
        let is_over = |slot: &Slot| {
            matches!(
                slot.state,
                SlotState::Over | SlotState::Failed | SlotState::Vacant
            )
        };
        self.phase != Phase::Open && self.slots.iter().all(is_over)
    }

    fn check_recycling(&self) -> Check {
        let is_due = |slot: &Slot| {
            slot.state == SlotState::Ready && slot.successor.is_none() && self.must_be_due(slot)
        };
        let is_vacant = |slot: &Slot| slot.state == SlotState::Vacant;
        ensure!(
            !(self.needs_workers() && self.slots.iter().any(is_due) && self.slots.iter().any(is_vacant)),
            "a worker that is due has no successor"
        );
        Ok(())
    }

    fn check_numbers(&self, scheduler: &Scheduler<TestJobs>) -> Check {
        let in_flight: usize = self.slots.iter().map(|slot| slot.flight.len()).sum();
        ensure!(
            scheduler.queued() == self.queued.len(),
            "the queue holds {} jobs",
            scheduler.queued()
        );
        self.check_bytes(scheduler)?;
        ensure!(
            scheduler.in_flight() == in_flight,
            "{} jobs are in flight",
            scheduler.in_flight()
        );
        ensure!(
            self.unresolved == in_flight + self.queued.len(),
            "a job is nowhere"
        );
        let counters = scheduler.counters();
        let resolved = self.submitted() - self.unresolved as u64;
        ensure!(
            counters.submitted == self.submitted(),
            "submissions are miscounted"
        );
        ensure!(counters.resolved() == resolved, "outcomes are miscounted");
        ensure!(
            counters.abandoned == self.abandoned,
            "abandoned jobs are miscounted"
        );
        Ok(())
    }

    /// A miscount remains, so it is enough to add up the bytes while the queue is short.
    fn check_bytes(&self, scheduler: &Scheduler<TestJobs>) -> Check {
        let known = scheduler.queued_bytes();
        if self.queued.len() <= 32 {
            let bytes: usize = self.queued.iter().map(|&job| self.record(job).bytes).sum();
            ensure!(known == bytes, "the queue holds {known} bytes instead of {bytes}");
        }
        Ok(())
    }

    fn check_worker(&self, worker: WorkerId) -> Check {
        let slot = &self.slots[worker];
        let keeps_cancelled = slot.flight.values().any(|&job| self.record(job).is_cancelled);
        ensure!(
            slot.is_revoking || !keeps_cancelled,
            "a cancelled job stays with worker {worker}"
        );
        ensure!(
            !self.could_take(slot),
            "worker {worker} could take a job and gets none"
        );
        let is_wanted = match self.phase {
            Phase::Open => true,
            Phase::Closing => self.unresolved > 0,
            Phase::Stopping | Phase::Broken | Phase::Halted => !slot.flight.is_empty(),
            Phase::Killed => false,
        };
        let is_right = match slot.state {
            SlotState::Unborn => false,
            SlotState::Starting | SlotState::Ready => is_wanted,
            SlotState::KillPending | SlotState::Retiring => !slot.flight.is_empty(),
            SlotState::Closing => self.phase != Phase::Killed,
            SlotState::Killed | SlotState::Vacant => true,
            SlotState::Failed => !self.was_ready || !is_wanted,
            SlotState::Over => !is_wanted,
        };
        ensure!(
            is_right,
            "worker {worker} is {:?} while the pool is {:?}",
            slot.state,
            self.phase
        );
        Ok(())
    }

    /// Whether the worker has a lane free for the first job of the queue.
    fn could_take(&self, slot: &Slot) -> bool {
        let Some(&first) = self.queued.first() else {
            return false;
        };
        let is_solitary = |job| self.record(job).is_solitary;
        let wants_solitude = is_solitary(first) || slot.flight.values().any(|&job| is_solitary(job));
        let lanes = if wants_solitude {
            1
        } else {
            self.config.lanes as usize
        };
        let has_credit = slot.sent - slot.received < FRAME_CREDIT;
        slot.state == SlotState::Ready
            && !slot.is_revoking
            && !slot.is_silent
            && has_credit
            && slot.flight.len() < lanes
    }
}
