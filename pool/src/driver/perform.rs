//! Performs the scheduler's actions.
//!
//! Any thread comes here with the actions that resulted from its own event. None of them blocks. Whatever goes wrong
//! becomes another event.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Instant,
};

use super::{
    core::{Actions, Core, PoolState},
    planted::Place,
    worker::{Outgoing, Worker, harvest::Harvest, slot::WorkerSlot},
};
use crate::{
    JobError,
    failure::{Cause, EndReason},
    job::jobs::Jobs,
    outcome::results::Results,
    scheduler::{Action, FailReason, KillReason},
};

impl Core {
    /// Performs the `Enqueue` actions and puts a `Flush` in the place of each. Call this under the scheduler's lock,
    /// so that the frames in each outbox are in the order of their positions.
    pub(super) fn enqueue(&self, actions: &mut Actions) {
        for action in actions {
            let Action::Enqueue {
                worker, incarnation, ..
            } = *action
            else {
                continue;
            };
            let enqueue = std::mem::replace(action, Action::Flush { worker, incarnation });
            if let Action::Enqueue {
                epoch,
                first,
                count,
                frame,
                ..
            } = enqueue
                && let Some(receiver) = self.slots[worker].worker(incarnation)
            {
                receiver.enqueue(Outgoing {
                    epoch,
                    first,
                    count,
                    frame,
                });
            }
        }
    }

    /// Performs all other actions in order. No lock may be held. `harvest` has the results that they deliver.
    ///
    /// A panic on the way breaks the pool; the actions after it are performed all the same, so that no job is lost.
    pub(super) fn perform(&self, actions: Actions, harvest: &mut Harvest) {
        let (mut actions, mut has_panicked) = (actions.into_iter(), false);
        while catch_unwind(AssertUnwindSafe(|| self.perform_each(&mut actions, harvest))).is_err() {
            has_panicked = true;
        }
        if has_panicked {
            self.break_down("while it did what was decided");
        }
    }

    fn perform_each(&self, actions: &mut impl Iterator<Item = Action<Jobs>>, harvest: &mut Harvest) {
        for action in actions {
            match action {
                Action::Enqueue { .. } => unreachable!("frames go into outboxes under the lock"),
                Action::Flush { worker, incarnation } => self.flush(worker, incarnation),
                Action::Deliver { first, span, .. } => {
                    let results = harvest.take(first, span.len());
                    span.contents.resolve(results);
                }
                Action::Fail { span, reason } => {
                    let results = Results::failed(self.error_of(reason), span.len());
                    span.contents.resolve(std::iter::once(results));
                }
                Action::Start {
                    worker,
                    incarnation,
                    number,
                    after,
                } => {
                    self.slots[worker].start_at(incarnation, number, Instant::now() + after);
                }
                Action::Revoke { worker, incarnation } => {
                    let slot = &self.slots[worker];
                    if let Some(worker) = slot.worker(incarnation) {
                        self.revoke(slot, &worker);
                    }
                }
                Action::Kill {
                    worker,
                    incarnation,
                    reason,
                } => {
                    let kill = |worker: &Worker, reason| worker.process.kill(reason);
                    self.slots[worker].end(incarnation, reason.into(), kill);
                }
                Action::Close {
                    worker,
                    incarnation,
                    recycled,
                } => {
                    let reason = if recycled {
                        EndReason::Recycled
                    } else {
                        EndReason::Closed
                    };
                    self.slots[worker].end(incarnation, reason, Worker::close);
                    self.watched.keep_time();
                }
                Action::Room => self.room.notify_all(),
                Action::Drained => self.changed.notify_all(),
                Action::FirstReady => self.set_pool_state(|pool_state| pool_state.was_ready = true),
                Action::Broken(cause) => {
                    tracing::warn!("the pool is broken: {cause}");
                    self.set_pool_state(|pool_state| pool_state.broken = Some(cause));
                    self.room.notify_all();
                }
                Action::Halted(by) => {
                    tracing::warn!("the pool halts: {by}");
                    self.room.notify_all();
                }
                Action::Ended => {
                    self.set_pool_state(|pool_state| pool_state.ended = true);
                    self.room.notify_all();
                    self.retire();
                }
            }
            self.planted.trip(Place::Perform);
        }
    }

    fn flush(&self, worker: usize, incarnation: u64) {
        if let Some(worker) = self.slots[worker].worker(incarnation) {
            worker.flush();
            if self.settings.keeps_time() || worker.has_unclaimed_jobs() {
                self.watched.keep_time();
            }
        }
    }

    fn set_pool_state(&self, set: impl FnOnce(&mut PoolState)) {
        set(&mut self.lock().pool_state);
        self.changed.notify_all();
    }

    fn error_of(&self, reason: FailReason<Cause>) -> JobError {
        match reason {
            FailReason::WorkerDied(Cause::Died(death)) => JobError::WorkerDied(death),
            FailReason::WorkerDied(cause) | FailReason::Broken(cause) => JobError::Broken(cause),
            FailReason::Deadline => {
                JobError::DeadlineExceeded(self.settings.job_deadline.unwrap_or_default())
            }
            FailReason::Cancelled => JobError::Cancelled,
            FailReason::Quarantined(causes) => JobError::Quarantined(causes),
            FailReason::Halted { by, started } => JobError::Halted { by, started },
            FailReason::Closed => JobError::Closed,
        }
    }

    pub(super) fn retire(&self) {
        self.slots.iter().for_each(WorkerSlot::retire);
        self.watched.stop();
    }
}

impl From<KillReason> for EndReason {
    fn from(reason: KillReason) -> Self {
        match reason {
            KillReason::Deadline => Self::Deadline,
            KillReason::Cancelled => Self::Cancelled,
            KillReason::Halted => Self::Halted,
            KillReason::Killed => Self::Closed,
            KillReason::Unresponsive(timeout) => Self::Unresponsive(timeout),
            KillReason::MemoryExceeded { used, limit } => Self::Memory { used, limit },
        }
    }
}
