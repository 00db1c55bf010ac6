//! The ends of jobs in flight: they finish, are taken back, run late, or are cancelled.

use std::ops::Range;

use super::Scheduler;
use super::action::{Action, FailReason, KillReason};
use super::event::{Incarnation, WorkerId};
use super::span::{JobId, SpanContents};

impl<J: SpanContents> Scheduler<J> {
    pub(super) fn finished(
        &mut self,
        worker: WorkerId,
        incarnation: Incarnation,
        positions: Range<u64>,
        failed: u32,
        actions: &mut Vec<Action<J>>,
    ) {
        if self.roster.serving(worker, incarnation).is_none() {
            return;
        }
        let before = self.counters.finished;
        while let Some(piece) = self.in_flight.finish(worker, positions.start, positions.end) {
            self.counters.finished += u64::from(piece.span.len());
            actions.push(Action::Deliver {
                worker,
                first: piece.position,
                span: piece.span,
            });
        }
        let finished = self.counters.finished - before;
        if finished > 0 {
            self.counters.faults += finished.min(failed.into());
            self.has_due |= self.roster.get_mut(worker).finished(finished);
            self.budget.progressed();
            self.end_if_done(worker, actions);
        }
    }

    pub(super) fn stalled(
        &mut self,
        worker: WorkerId,
        incarnation: Incarnation,
        actions: &mut Vec<Action<J>>,
    ) {
        let jobs = self.in_flight.jobs(worker);
        let Some(slot) = self.roster.serving(worker, incarnation).filter(|_| jobs > 0) else {
            return;
        };
        // This job is not part of the measured pace before it ends. Without the hold, more jobs would be sent behind
        // it.
        slot.held = true;
        if jobs > self.config.lanes as usize {
            self.ask_to_revoke(worker, actions);
        }
    }

    pub(super) fn silent(
        &mut self,
        worker: WorkerId,
        incarnation: Incarnation,
        actions: &mut Vec<Action<J>>,
    ) {
        let jobs = self.in_flight.jobs(worker);
        if let Some(slot) = self.roster.serving(worker, incarnation).filter(|_| jobs > 0) {
            slot.silent = true;
            self.ask_to_revoke(worker, actions);
        }
    }

    pub(super) fn revoked(
        &mut self,
        worker: WorkerId,
        incarnation: Incarnation,
        claimed: u64,
        actions: &mut Vec<Action<J>>,
    ) {
        let Some(slot) = self.roster.serving(worker, incarnation) else {
            return;
        };
        slot.raise_epoch();
        slot.revoking = false;
        // The running jobs may be slow: one has to finish before others are sent to wait again.
        slot.held = true;
        self.reclaim(worker, claimed, actions);
        self.halt_running(worker, actions);
        self.end_if_done(worker, actions);
    }

    pub(super) fn overdue(
        &mut self,
        worker: WorkerId,
        incarnation: Incarnation,
        position: u64,
        claimed: u64,
        actions: &mut Vec<Action<J>>,
    ) {
        let Some(slot) = self.roster.serving(worker, incarnation) else {
            return;
        };
        slot.raise_epoch();
        slot.kill_when_done(KillReason::Deadline);
        self.reclaim(worker, claimed, actions);
        let end = position.saturating_add(1);
        while let Some(piece) = self.in_flight.finish(worker, position, end) {
            self.fail(piece.span, FailReason::Deadline, actions);
        }
        self.end_if_done(worker, actions);
    }

    pub(super) fn cancel(&mut self, job: JobId, actions: &mut Vec<Action<J>>) {
        if let Some(span) = self.queue.remove(job) {
            self.fail(span, FailReason::Cancelled, actions);
        } else if let Some(worker) = self.in_flight.mark_cancelled(job) {
            self.ask_to_revoke(worker, actions);
        }
    }

    /// Takes back what the worker has not claimed, and ends what was cancelled.
    pub(super) fn reclaim(&mut self, worker: WorkerId, claimed: u64, actions: &mut Vec<Action<J>>) {
        let unclaimed = self.in_flight.revoke(worker, claimed);
        self.counters.revocations += u64::from(!unclaimed.is_empty());
        // From the back, so that each span is put at the very front of the queue.
        for piece in unclaimed.into_iter().rev() {
            if piece.cancelled {
                self.fail(piece.span, FailReason::Cancelled, actions);
            } else {
                self.counters.requeued += u64::from(piece.span.len());
                self.queue.requeue(piece.span);
            }
        }
        for piece in self.in_flight.take_cancelled(worker) {
            // It is running, so only the end of its process stops it.
            self.roster.get_mut(worker).kill_when_done(KillReason::Cancelled);
            self.fail(piece.span, FailReason::Cancelled, actions);
        }
    }

    pub(super) fn ask_to_revoke(&mut self, worker: WorkerId, actions: &mut Vec<Action<J>>) {
        let slot = self.roster.get_mut(worker);
        if !slot.revoking {
            slot.revoking = true;
            actions.push(Action::Revoke {
                worker,
                incarnation: slot.incarnation,
            });
        }
    }
}
