//! The thread of one worker slot, which serves one worker after another.
//!
//! It starts a worker when a command says so, passes the worker's results to the scheduler, and reports its death.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use rustix::process::Signal;

use super::start;
use crate::{
    driver::{
        core::Core,
        log,
        planted::Place,
        worker::{
            Worker, memory,
            slot::{Command, WorkerSlot},
        },
    },
    failure::{Cause, Death, EndReason, Exit, StartFailure, StartFailureKind},
    scheduler::{Event, Outlook},
};

/// The body of a worker slot's thread.
pub(super) fn run(core: &Core, slot: &WorkerSlot) {
    loop {
        match slot.next_command() {
            Command::Retire => return,
            Command::GiveUp(incarnation) => guarded(core, slot, incarnation, || {
                report_failure(core, slot, incarnation, given_up_failure(core, slot));
            }),
            Command::Start(incarnation) => {
                guarded(core, slot, incarnation, || {
                    start_and_serve(core, slot, incarnation);
                });
            }
        }
    }
}

/// Serves an incarnation by `serve`. If that panics, the pool is broken, and the incarnation ends here all the same.
pub(super) fn guarded(core: &Core, slot: &WorkerSlot, incarnation: u64, serve: impl FnOnce()) {
    let served = catch_unwind(AssertUnwindSafe(serve));
    if served.is_ok() {
        return;
    }
    core.break_down("in a thread that serves a worker");
    // Killed again, because the panic may have come before its slot knew of it.
    slot.end(incarnation, EndReason::Closed, |worker, reason| {
        worker.process.kill(reason);
    });
    slot.clear_starting();
    slot.set_worker(None);
    let cause = Cause::NotStarted(Arc::new(given_up_failure(core, slot)));
    let report = || {
        core.handle(Event::StartFailed {
            worker: slot.index,
            incarnation,
            cause,
            outlook: Outlook::Open,
        });
    };
    // If this panics too, the pool has broken already, and no caller waits for this worker.
    let _reported = catch_unwind(AssertUnwindSafe(report));
}

fn start_and_serve(core: &Core, slot: &WorkerSlot, incarnation: u64) {
    core.planted.trip(Place::Start);
    let started = start::start(&core.settings, &core.watched, slot, incarnation);
    slot.clear_starting();
    match started {
        Ok(worker) => serve(core, slot, &Arc::new(worker)),
        Err(failure) if slot.is_given_up(incarnation) => {
            let failure = StartFailure {
                kind: StartFailureKind::GivenUp,
                ..failure
            };
            report_failure(core, slot, incarnation, failure);
        }
        Err(failure) => report_failure(core, slot, incarnation, failure),
    }
}

fn given_up_failure(core: &Core, slot: &WorkerSlot) -> StartFailure {
    StartFailure {
        worker: slot.number(),
        program: core.settings.program.shown(),
        pid: None,
        kind: StartFailureKind::GivenUp,
        output: String::new(),
    }
}

fn report_failure(core: &Core, slot: &WorkerSlot, incarnation: u64, failure: StartFailure) {
    if !matches!(failure.kind, StartFailureKind::GivenUp) {
        tracing::warn!("{failure}");
    }
    let outlook = failure.outlook();
    let cause = Cause::NotStarted(Arc::new(failure));
    core.handle(Event::StartFailed {
        worker: slot.index,
        incarnation,
        cause: cause.clone(),
        outlook,
    });
    core.settings.hooks.ended(&cause);
}

pub(super) fn serve(core: &Core, slot: &WorkerSlot, worker: &Arc<Worker>) {
    let incarnation = worker.incarnation;
    tracing::debug!(worker = slot.number(), pid = worker.process.pid(), "ready");
    core.settings.hooks.started(slot.number(), worker.process.pid());
    slot.set_worker(Some(Arc::clone(worker)));
    if log::wanted_level() > 0 {
        worker.process.set_log_read(true);
        core.watched.wake();
    }
    if slot.is_given_up(incarnation) {
        worker.process.kill(EndReason::Closed);
    }
    core.handle(Event::Ready {
        worker: slot.index,
        incarnation,
    });
    core.receive_until_death(slot, worker);
    core.planted.trip(Place::Death);
    slot.set_worker(None);
    let exit = worker.process.wait_ended(Duration::ZERO).unwrap_or(Exit::Unknown);
    let output = worker.process.last_output();
    let death = Death {
        worker: slot.number(),
        pid: worker.process.pid(),
        exit,
        reason: worker.process.reason().or_else(|| refusal(core, exit, &output)),
        output,
        captured: worker.process.captured_rest(),
    };
    tracing::debug!("{death}");
    let cause = Cause::Died(Arc::new(death));
    // One that was given up may run on, and must not start any more of its jobs.
    let claimed = worker.revoke();
    core.handle(Event::Died {
        worker: slot.index,
        incarnation,
        claimed,
        cause: cause.clone(),
    });
    core.settings.hooks.ended(&cause);
}

/// Returns the reason if a worker ended by itself because an allocation was refused.
fn refusal(core: &Core, exit: Exit, output: &str) -> Option<EndReason> {
    let limit = core.settings.memory.max?;
    let is_refusal = exit.signal() == Some(Signal::ABORT.as_raw()) && memory::is_allocation_failure(output);
    is_refusal.then_some(EndReason::AllocationRefused { limit })
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::{
        JobError, SubmitError,
        driver::fake_worker::{FakeWorker, TIMEOUT},
        outcome::{Outcome, slot::OutcomeSlot},
    };

    fn assert_broken(fake: &FakeWorker, waiting: &OutcomeSlot, place: Place) {
        let outcome = waiting.take(Some(Instant::now() + TIMEOUT));
        let Some(Outcome::Failed(error)) = outcome else {
            panic!("{place:?}: the job waits, or has a value");
        };
        assert!(
            matches!(*error, JobError::Broken(Cause::Panicked(_))),
            "{place:?}: {error}"
        );
        let refused = fake.core.closed_reason();
        assert!(
            matches!(refused, Some(SubmitError::Broken(Cause::Panicked(_)))),
            "{place:?}"
        );
    }

    /// The end of the pool comes too: each thread that panics still does what its pool's end needs of it.
    fn assert_ends(fake: &FakeWorker) {
        assert!(fake.core.wait_ended(Some(Instant::now() + TIMEOUT)));
    }

    #[test]
    fn a_panic_of_the_watch_breaks_the_pool_and_leaves_no_caller_waiting() {
        let mut fake = FakeWorker::new();
        let waiting = fake.submit();
        fake.core.planted.plant(Place::Watch);
        fake.watch();
        assert_broken(&fake, &waiting, Place::Watch);
    }

    #[test]
    fn a_panic_of_a_slots_thread_breaks_the_pool_and_leaves_no_caller_waiting() {
        for place in [Place::Results, Place::Death, Place::Perform] {
            let mut fake = FakeWorker::new();
            let waiting = fake.submit();
            fake.watch();
            fake.core.planted.plant(place);
            let (core, worker) = (Arc::clone(&fake.core), Arc::clone(&fake.worker));
            let thread = std::thread::spawn(move || {
                let slot = &core.slots[0];
                guarded(&core, slot, worker.incarnation, || serve(&core, slot, &worker));
                run(&core, slot);
            });
            assert_broken(&fake, &waiting, place);
            assert_ends(&fake);
            assert!(thread.join().is_ok(), "{place:?} ends the thread");
        }
    }

    #[test]
    fn a_panic_before_a_start_ends_that_start() {
        let fake = FakeWorker::new();
        let waiting = fake.submit();
        fake.core.planted.plant(Place::Start);
        let slot = &fake.core.slots[0];
        let incarnation = fake.worker.incarnation;
        guarded(&fake.core, slot, incarnation, || {
            start_and_serve(&fake.core, slot, incarnation);
        });
        assert_broken(&fake, &waiting, Place::Start);
        assert_ends(&fake);
    }

    #[test]
    fn a_panic_in_one_callers_thread_leaves_no_other_caller_waiting() {
        let fake = FakeWorker::new();
        let waiting = fake.submit();
        fake.core.planted.plant(Place::Submit);
        let panicked = std::thread::scope(|scope| {
            let core = &fake.core;
            scope
                .spawn(|| core.submit(FakeWorker::item(), None).is_ok())
                .join()
                .is_err()
        });
        assert!(panicked);
        assert_broken(&fake, &waiting, Place::Submit);
    }
}
