//! Replaces healthy workers: after a number of jobs, or when they have grown.
//!
//! The successor is started first, in a vacant slot. Once it is ready it takes the old worker's number and place. The
//! old worker gets no more jobs, finishes those that it has, and ends. So there are always as many workers as before.

use std::time::Duration;

use super::Scheduler;
use super::action::Action;
use super::event::{Incarnation, WorkerId};
use super::roster::WorkerState;
use super::span::SpanContents;

impl<J: SpanContents> Scheduler<J> {
    pub(super) fn grown(&mut self, worker: WorkerId, incarnation: Incarnation) {
        if let Some(slot) = self.roster.serving(worker, incarnation) {
            slot.due = true;
            self.has_due = true;
        }
    }

    /// Starts successors of workers that are due, if there are vacant slots.
    pub(super) fn recycle(&mut self, now: Duration, actions: &mut Vec<Action<J>>) {
        while self.has_due && self.needs_workers() {
            let lacks_successor = |slot: &super::roster::RosterSlot| slot.due && slot.successor.is_none();
            let Some(old) = self.roster.find(WorkerState::Ready, lacks_successor) else {
                self.has_due = false;
                return;
            };
            let Some(successor) = self.roster.find(WorkerState::Vacant, |_| true) else {
                return;
            };
            let slot = self.roster.get_mut(old);
            slot.successor = Some(successor);
            let (number, generation) = (slot.number, slot.generation);
            let slot = self.roster.get_mut(successor);
            (slot.succeeds, slot.number, slot.generation) = (Some(old), number, generation);
            self.start_worker(successor, Duration::ZERO, now, actions);
        }
    }

    /// A worker is ready. The worker whose successor it is, if any, gets no more jobs.
    pub(super) fn succeed(&mut self, successor: WorkerId, actions: &mut Vec<Action<J>>) {
        let Some(old) = self.roster.get_mut(successor).succeeds.take() else {
            return;
        };
        self.counters.recycled += 1;
        let slot = self.roster.get_mut(old);
        slot.successor = None;
        slot.replaced = true;
        if slot.state != WorkerState::Ready {
            return;
        }
        slot.state = WorkerState::Retiring;
        if self.in_flight.jobs(old) > 0 {
            self.ask_to_revoke(old, actions);
        }
        self.end_if_done(old, actions);
    }

    /// Whether a worker that died has, or is about to have, a successor. Its slot is then vacant.
    pub(super) fn has_replacement(&mut self, worker: WorkerId) -> bool {
        let slot = self.roster.get_mut(worker);
        let successor = slot.successor.take();
        if successor.is_none() && !slot.replaced {
            return false;
        }
        slot.state = WorkerState::Vacant;
        slot.forget_failures();
        if let Some(successor) = successor {
            self.roster.get_mut(successor).succeeds = None;
        }
        true
    }
}
