//! What becomes of jobs in flight: they finish, are taken back, run late, or are cancelled.

use super::Scheduler;
use super::action::{Action, Failure};
use super::event::{Life, WorkerId};
use super::roster::WorkerState;
use super::span::{JobId, Load};

impl<L: Load> Scheduler<L> {
    pub(super) fn finished(
        &mut self,
        worker: WorkerId,
        life: Life,
        first: u64,
        count: u32,
        actions: &mut Vec<Action<L>>,
    ) {
        if self.roster.serving(worker, life).is_none() {
            return;
        }
        let end = first.saturating_add(u64::from(count));
        let before = self.counters.finished;
        while let Some(piece) = self.in_flight.finish(worker, first, end) {
            self.counters.finished += u64::from(piece.span.len());
            actions.push(Action::Deliver {
                worker,
                first: piece.position,
                span: piece.span,
            });
        }
        if self.counters.finished > before {
            self.roster.get_mut(worker).finished();
            self.budget.progressed();
            self.execute_if_done(worker, actions);
        }
    }

    pub(super) fn stalled(&mut self, worker: WorkerId, life: Life, actions: &mut Vec<Action<L>>) {
        let jobs = self.in_flight.jobs(worker);
        let Some(slot) = self.roster.serving(worker, life).filter(|_| jobs > 0) else {
            return;
        };
        // The measured pace does not know of this job before it ends: without this, more would be sent behind it.
        slot.held = true;
        if jobs > self.config.lanes as usize {
            self.ask_to_revoke(worker, actions);
        }
    }

    pub(super) fn revoked(
        &mut self,
        worker: WorkerId,
        life: Life,
        claimed: u64,
        actions: &mut Vec<Action<L>>,
    ) {
        let Some(slot) = self.roster.serving(worker, life) else {
            return;
        };
        slot.raise_epoch();
        slot.revoking = false;
        // What runs there may be slow: one job has to finish before others are sent to wait again.
        slot.held = true;
        self.reclaim(worker, claimed, actions);
        self.execute_if_done(worker, actions);
    }

    pub(super) fn overdue(
        &mut self,
        worker: WorkerId,
        life: Life,
        position: u64,
        claimed: u64,
        actions: &mut Vec<Action<L>>,
    ) {
        let Some(slot) = self.roster.serving(worker, life) else {
            return;
        };
        slot.raise_epoch();
        slot.state = WorkerState::Condemned;
        self.reclaim(worker, claimed, actions);
        let end = position.saturating_add(1);
        while let Some(piece) = self.in_flight.finish(worker, position, end) {
            self.fail(piece.span, Failure::Deadline, actions);
        }
        self.execute_if_done(worker, actions);
    }

    pub(super) fn cancel(&mut self, job: JobId, actions: &mut Vec<Action<L>>) {
        if let Some(span) = self.queue.remove(job) {
            self.fail(span, Failure::Cancelled, actions);
        } else if let Some(worker) = self.in_flight.mark_cancelled(job) {
            self.ask_to_revoke(worker, actions);
        }
    }

    /// Takes back what the worker has not claimed, and ends what was cancelled.
    pub(super) fn reclaim(&mut self, worker: WorkerId, claimed: u64, actions: &mut Vec<Action<L>>) {
        let unclaimed = self.in_flight.revoke(worker, claimed);
        self.counters.revocations += u64::from(!unclaimed.is_empty());
        // From the back, so that each span joins the queue at its very front.
        for piece in unclaimed.into_iter().rev() {
            if piece.cancelled {
                self.fail(piece.span, Failure::Cancelled, actions);
            } else {
                self.counters.requeued += u64::from(piece.span.len());
                self.queue.requeue(piece.span);
            }
        }
        for piece in self.in_flight.take_cancelled(worker) {
            // It runs, and only its process's end stops it.
            self.roster.get_mut(worker).state = WorkerState::Condemned;
            self.fail(piece.span, Failure::Cancelled, actions);
        }
    }

    fn ask_to_revoke(&mut self, worker: WorkerId, actions: &mut Vec<Action<L>>) {
        let slot = self.roster.get_mut(worker);
        if !slot.revoking {
            slot.revoking = true;
            actions.push(Action::Revoke {
                worker,
                life: slot.life,
            });
        }
    }
}
