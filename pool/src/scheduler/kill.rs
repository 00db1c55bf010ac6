//! Kills: of the whole pool, and of single workers.
//!
//! A worker is killed for a late or cancelled job once its other lanes have finished their jobs. A worker that does
//! not react is killed at once. A worker that uses too much memory is killed once the jobs that it has not started
//! are taken back, so that none of them starts only to be lost.

use std::time::Duration;

use super::action::{Action, FailReason, KillReason};
use super::event::{Incarnation, WorkerId};
use super::roster::WorkerState;
use super::span::SpanContents;
use super::{Phase, Scheduler};

impl<J: SpanContents> Scheduler<J> {
    /// Kills the pool.
    pub(super) fn kill(&mut self, actions: &mut Vec<Action<J>>) {
        self.phase = Phase::Killed;
        self.end_all(&FailReason::Closed, actions);
    }

    /// Breaks the pool, running jobs and all.
    pub(super) fn break_at_once(&mut self, cause: J::Cause, actions: &mut Vec<Action<J>>) {
        if self.has_ended {
            return;
        }
        self.break_down(cause.clone(), actions);
        self.end_all(&FailReason::Broken(cause), actions);
    }

    /// Fails all jobs and kills all workers.
    fn end_all(&mut self, reason: &FailReason<J::Cause>, actions: &mut Vec<Action<J>>) {
        for worker in self.roster.ids() {
            for piece in self.in_flight.clear(worker) {
                self.fail(piece.span, reason.clone(), actions);
            }
            if self.roster.get(worker).is_alive() {
                self.kill_worker(worker, KillReason::Killed, actions);
            }
        }
        while let Some(span) = self.queue.pop() {
            self.fail(span, reason.clone(), actions);
        }
    }

    /// Kills a worker that has not reacted for this long.
    pub(super) fn unresponsive(
        &mut self,
        worker: WorkerId,
        incarnation: Incarnation,
        timeout: Duration,
        actions: &mut Vec<Action<J>>,
    ) {
        if self.may_be_killed(worker, incarnation) {
            self.kill_worker(worker, KillReason::Unresponsive(timeout), actions);
        }
    }

    /// Kills a worker that uses too much memory, after taking back the jobs that it has not started.
    pub(super) fn memory_exceeded(
        &mut self,
        worker: WorkerId,
        incarnation: Incarnation,
        (used, limit): (u64, u64),
        actions: &mut Vec<Action<J>>,
    ) {
        if !self.may_be_killed(worker, incarnation) {
            return;
        }
        let reason = KillReason::MemoryExceeded { used, limit };
        if self.in_flight.jobs(worker) == 0 {
            self.kill_worker(worker, reason, actions);
        } else {
            self.roster.get_mut(worker).kill_when_revoked(reason);
            self.ask_to_revoke(worker, actions);
        }
    }

    /// Whether this worker has been ready and is not yet being killed. The start of a worker has its own deadline.
    fn may_be_killed(&mut self, worker: WorkerId, incarnation: Incarnation) -> bool {
        let slot = self.roster.living(worker, incarnation);
        slot.is_some_and(|slot| !matches!(slot.state, WorkerState::Starting | WorkerState::Killed))
    }

    /// Kills a worker whose kill is pending, or closes a retiring one, if there is nothing left to wait for.
    pub(super) fn end_if_done(&mut self, worker: WorkerId, actions: &mut Vec<Action<J>>) {
        let is_idle = self.in_flight.jobs(worker) == 0;
        let slot = self.roster.get(worker);
        match slot.state {
            WorkerState::KillPending if is_idle || slot.waits_for_nothing() => {
                self.kill_worker(worker, slot.kill_reason, actions);
            }
            WorkerState::Retiring if is_idle => self.retire(worker, actions),
            _ => {}
        }
    }

    /// Kills a worker, unless that was already requested.
    pub(super) fn kill_worker(&mut self, worker: WorkerId, reason: KillReason, actions: &mut Vec<Action<J>>) {
        let slot = self.roster.get_mut(worker);
        if slot.state == WorkerState::Killed {
            return;
        }
        slot.state = WorkerState::Killed;
        slot.kill_reason = reason;
        actions.push(Action::Kill {
            worker,
            incarnation: slot.incarnation,
            reason,
        });
    }
}
