//! What comes from workers: their results, and how far they are.
//!
//! A worker's own thread comes here at each wake-up, the watch for what the clock has shown. What lies in shared memory
//! is always taken in before anything is said of a worker that depends on it.

use std::{sync::PoisonError, time::Duration};

use super::{
    core::{Actions, Core},
    log::Log,
    worker::{Worker, slot::WorkerSlot},
};
use crate::{failure::EndReason, scheduler::Event};

impl Core {
    /// Takes in all results that a worker has published, and how far it is.
    pub(super) fn take_results(&self, slot: &WorkerSlot, worker: &Worker) {
        let index = slot.index;
        let mut harvester = worker.harvester();
        let (mut harvest, whole) = harvester.harvest(&worker.board);
        if let Err(error) = whole {
            worker.process.kill(EndReason::Protocol(error.to_string()));
        }
        // What a job has logged was sent before its result was published: it is there, and is told first.
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
        // Delivering may run a waker, which is the caller's code and may come back here: it must find nothing locked.
        drop(harvester);
        self.enqueue(&mut actions);
        self.update_hints(&locked);
        drop(locked);
        log.tell(slot.number(), worker.process.pid());
        self.perform(actions, &mut harvest);
        worker.harvester().reuse(harvest);
    }

    /// Tells what a worker has logged since the last time.
    pub(super) fn forward_log(&self, slot: &WorkerSlot, worker: &Worker) {
        let records = worker.process.read_log();
        let locked = self.lock();
        let log = Log::new(records, |position| {
            locked.scheduler.job_at(slot.index, worker.incarnation, position)
        });
        drop(locked);
        log.tell(slot.number(), worker.process.pid());
    }

    /// Serves one worker until its process has ended and its last results are in.
    pub(super) fn receive_until_death(&self, slot: &WorkerSlot, worker: &Worker) {
        let wakes = worker.wakes.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let wake = wakes.receive(None);
            worker.board.accept_wake();
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

    /// A job has run past its deadline.
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

    /// A job has run for so long that those behind it should go elsewhere, and results before it should not wait.
    pub(super) fn stalled(&self, slot: &WorkerSlot, worker: &Worker) {
        self.take_results(slot, worker);
        self.handle(Event::Stalled {
            worker: slot.index,
            incarnation: worker.incarnation,
        });
    }

    /// A worker takes none of the jobs that it was sent.
    pub(super) fn silent(&self, slot: &WorkerSlot, worker: &Worker) {
        self.take_results(slot, worker);
        self.handle(Event::Silent {
            worker: slot.index,
            incarnation: worker.incarnation,
        });
    }

    /// A worker has not reacted for this long.
    pub(super) fn unresponsive(&self, slot: &WorkerSlot, worker: &Worker, timeout: Duration) {
        self.take_results(slot, worker);
        self.handle(Event::Unresponsive {
            worker: slot.index,
            incarnation: worker.incarnation,
            timeout,
        });
    }

    /// A worker uses more memory than it may.
    pub(super) fn memory_exceeded(&self, slot: &WorkerSlot, worker: &Worker, used: u64, limit: u64) {
        self.handle(Event::MemoryExceeded {
            worker: slot.index,
            incarnation: worker.incarnation,
            used,
            limit,
        });
    }

    /// A worker has grown so large that it is to be replaced.
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
