//! What workers report: their results and their progress.
//!
//! A worker slot's thread comes here at each wake-up, and the watch thread when the clock shows something. What a
//! worker has put into shared memory is always taken before an event about that worker is handled.

use std::{sync::PoisonError, time::Duration};

use super::{
    core::{Actions, Core},
    log::Log,
    planted::Place,
    worker::{Worker, slot::WorkerSlot},
};
use crate::{
    failure::EndReason,
    scheduler::{Action, Event},
};

impl Core {
    /// Takes all results that a worker has published, and its progress.
    pub(super) fn take_results(&self, slot: &WorkerSlot, worker: &Worker) {
        let _guard = self.break_on_panic();
        let index = slot.index;
        let mut harvester = worker.harvester();
        let (mut harvest, whole) = harvester.harvest(&worker.board);
        if let Err(error) = whole {
            worker.process.kill(EndReason::Protocol(error.to_string()));
        }
        // A job's log is sent before its result is published, so it has arrived; it is forwarded first.
        let records = worker.process.read_log();
        if self.settings.capture.is_some() {
            worker.process.read_output();
        }
        let progress = worker.board.progress();
        let mut actions = Actions::new();
        let mut locked = self.lock();
        let now = self.now();
        let log = Log::new(records, |position| {
            locked.scheduler.job_at(index, worker.incarnation, position)
        });
        for (first, count) in harvest.runs() {
            let is_failure = self.settings.is_failure;
            let event = Event::Finished {
                worker: index,
                incarnation: worker.incarnation,
                first,
                count,
                failed: is_failure.map_or(0, |is_failure| harvest.failures(first, count, is_failure)),
            };
            locked.scheduler.handle(event, now, &mut actions);
        }
        let event = Event::Progress {
            worker: index,
            incarnation: worker.incarnation,
            received: progress.received,
            done: progress.done,
            busy: progress.busy,
        };
        locked.scheduler.handle(event, now, &mut actions);
        worker.note_reported(progress.received);
        if self.settings.capture.is_some() {
            attach_captured(slot, worker, &actions);
        }
        // Delivering can run a waker, which is the caller's code and may call back into the pool, so no lock may be
        // held.
        drop(harvester);
        self.enqueue(&mut actions);
        self.update_hints(&locked);
        drop(locked);
        log.emit(slot.number(), worker.process.pid());
        self.perform(actions, &mut harvest);
        worker.harvester().reuse(harvest);
    }

    /// Forwards what a worker has logged since the last time.
    pub(super) fn forward_log(&self, slot: &WorkerSlot, worker: &Worker) {
        let records = worker.process.read_log();
        let locked = self.lock();
        let log = Log::new(records, |position| {
            locked.scheduler.job_at(slot.index, worker.incarnation, position)
        });
        drop(locked);
        log.emit(slot.number(), worker.process.pid());
    }

    /// Serves one worker until its process has ended and its last results are taken.
    ///
    /// The death itself arrives here as a message as well: see [`crate::scheduler`].
    pub(super) fn receive_until_death(&self, slot: &WorkerSlot, worker: &Worker) {
        let wakes = worker.wakes.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let wake = wakes.receive(None);
            worker.board.accept_wake();
            self.planted.trip(Place::Results);
            self.take_results(slot, worker);
            match wake {
                Ok(Some(protocol::message::link::Wake::Ended)) => return,
                Ok(_) => {}
                Err(error) => {
                    worker
                        .process
                        .kill(EndReason::Protocol(format!("its link broke: {error}")));
                    if worker.process.wait_ended(Duration::from_millis(100)).is_some() {
                        return;
                    }
                }
            }
        }
    }

    /// Reports a job that has run past its deadline.
    pub(super) fn overdue(&self, slot: &WorkerSlot, worker: &Worker, position: u64) {
        let claimed = worker.revoke();
        self.take_results(slot, worker);
        self.handle(Event::Overdue {
            worker: slot.index,
            incarnation: worker.incarnation,
            position,
            claimed,
        });
    }

    /// Reports a job that has run for so long that the jobs behind it should go to other workers. Results before it
    /// are delivered now.
    pub(super) fn stalled(&self, slot: &WorkerSlot, worker: &Worker) {
        self.take_results(slot, worker);
        self.handle(Event::Stalled {
            worker: slot.index,
            incarnation: worker.incarnation,
        });
    }

    /// Reports a worker that takes none of the jobs that it was sent.
    pub(super) fn silent(&self, slot: &WorkerSlot, worker: &Worker) {
        self.take_results(slot, worker);
        self.handle(Event::Silent {
            worker: slot.index,
            incarnation: worker.incarnation,
        });
    }

    /// Reports a worker that has not reacted for this long.
    pub(super) fn unresponsive(&self, slot: &WorkerSlot, worker: &Worker, timeout: Duration) {
        self.take_results(slot, worker);
        self.handle(Event::Unresponsive {
            worker: slot.index,
            incarnation: worker.incarnation,
            timeout,
        });
    }

    /// Reports a worker that uses more memory than its limit.
    pub(super) fn memory_exceeded(&self, slot: &WorkerSlot, worker: &Worker, used: u64, limit: u64) {
        self.handle(Event::MemoryExceeded {
            worker: slot.index,
            incarnation: worker.incarnation,
            used,
            limit,
        });
    }

    /// Reports a worker that has grown so large that it should be replaced.
    pub(super) fn grown(&self, slot: &WorkerSlot, worker: &Worker) {
        self.handle(Event::Grown {
            worker: slot.index,
            incarnation: worker.incarnation,
        });
    }

    pub(super) fn revoke(&self, slot: &WorkerSlot, worker: &Worker) {
        let claimed = worker.revoke();
        self.take_results(slot, worker);
        self.handle(Event::Revoked {
            worker: slot.index,
            incarnation: worker.incarnation,
            claimed,
        });
    }
}

/// Attaches the captured output to the jobs that these actions deliver.
///
/// To be called while the worker's harvester is locked: a worker's output is taken in the order of its positions, and
/// what is before the positions taken is dropped.
fn attach_captured(slot: &WorkerSlot, worker: &Worker, actions: &Actions) {
    for action in actions {
        let Action::Deliver {
            worker: index,
            first,
            span,
        } = action
        else {
            continue;
        };
        if *index != slot.index {
            continue;
        }
        let positions = *first..first + u64::from(span.len());
        for (position, captured) in worker.process.take_captured(&positions) {
            span.contents.attach((position - first) as usize, captured);
        }
    }
}
