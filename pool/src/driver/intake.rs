//! What comes from workers: their results, and how far they are.
//!
//! A worker's own thread comes here at each wake-up, the watch for what the clock has shown. What lies in shared memory
//! is always taken in before anything is said of a worker that depends on it.

use std::{sync::PoisonError, time::Duration};

use super::{
    core::{Actions, Core},
    log::Log,
    worker::{Life, slot::Seat},
};
use crate::{failure::EndReason, scheduler::Event};

impl Core {
    /// Takes in all results that a worker has published, and how far it is.
    pub(super) fn take_results(&self, seat: &Seat, life: &Life) {
        let worker = seat.slot;
        let mut harvester = life.harvester();
        let (mut harvest, whole) = harvester.harvest(&life.board);
        if let Err(error) = whole {
            life.process.kill(EndReason::Protocol(error.to_string()));
        }
        // What a job has logged was sent before its result was published: it is there, and is told first.
        let records = life.process.read_log();
        if self.settings.capture.is_some() {
            life.process.read_output();
        }
        let progress = life.board.progress();
        let mut actions = Actions::new();
        let mut state = self.lock();
        let now = self.now();
        let log = Log::new(records, |position| {
            state.scheduler.job_at(worker, life.number, position)
        });
        for (first, count) in harvest.runs() {
            let is_failure = self.settings.is_failure;
            let event = Event::Finished {
                worker,
                life: life.number,
                first,
                count,
                failed: is_failure.map_or(0, |is_failure| harvest.failures(first, count, is_failure)),
            };
            state.scheduler.handle(event, now, &mut actions);
        }
        let event = Event::Progress {
            worker,
            life: life.number,
            received: progress.received,
            done: progress.done,
            busy: progress.busy,
        };
        state.scheduler.handle(event, now, &mut actions);
        life.has_told(progress.received);
        // Delivering may run a waker, which is the caller's code and may come back here: it must find nothing locked.
        drop(harvester);
        self.put_in_line(&mut actions);
        self.give_hints(&state);
        drop(state);
        log.tell(seat.number(), life.process.pid());
        self.perform(actions, &mut harvest);
        life.harvester().reuse(harvest);
    }

    /// Tells what a worker has logged since the last time.
    pub(super) fn tell_log(&self, seat: &Seat, life: &Life) {
        let records = life.process.read_log();
        let state = self.lock();
        let log = Log::new(records, |position| {
            state.scheduler.job_at(seat.slot, life.number, position)
        });
        drop(state);
        log.tell(seat.number(), life.process.pid());
    }

    /// Serves one worker until its process has ended and its last results are in.
    pub(super) fn receive_until_death(&self, seat: &Seat, life: &Life) {
        let wakes = life.wakes.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let wake = wakes.receive(None);
            life.board.accept_wake();
            self.take_results(seat, life);
            match wake {
                Ok(Some(protocol::link::Wake::Ended)) => return,
                Ok(_) => {}
                Err(error) => {
                    life.process
                        .kill(EndReason::Protocol(format!("its link broke: {error}")));
                    if life.process.wait_ended(Duration::from_millis(100)).is_some() {
                        return;
                    }
                }
            }
        }
    }

    /// A job has run past its deadline.
    pub(super) fn overdue(&self, seat: &Seat, life: &Life, position: u64) {
        let claimed = life.revoke();
        self.take_results(seat, life);
        self.handle(Event::Overdue {
            worker: seat.slot,
            life: life.number,
            position,
            claimed,
        });
    }

    /// A job has run for so long that those behind it should go elsewhere, and results before it should not wait.
    pub(super) fn stalled(&self, seat: &Seat, life: &Life) {
        self.take_results(seat, life);
        self.handle(Event::Stalled {
            worker: seat.slot,
            life: life.number,
        });
    }

    /// A worker takes none of the jobs that it was sent.
    pub(super) fn silent(&self, seat: &Seat, life: &Life) {
        self.take_results(seat, life);
        self.handle(Event::Silent {
            worker: seat.slot,
            life: life.number,
        });
    }

    /// A worker has grown so large that it is to be replaced.
    pub(super) fn grown(&self, seat: &Seat, life: &Life) {
        self.handle(Event::Grown {
            worker: seat.slot,
            life: life.number,
        });
    }

    pub(super) fn revoke(&self, seat: &Seat, life: &Life) {
        let claimed = life.revoke();
        self.take_results(seat, life);
        self.handle(Event::Revoked {
            worker: seat.slot,
            life: life.number,
            claimed,
        });
    }
}
