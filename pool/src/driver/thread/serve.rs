//! The thread of one worker slot, which serves one worker after another.
//!
//! It starts a worker when a command says so, passes the worker's results to the scheduler, and reports its death.

use std::{sync::Arc, time::Duration};

use rustix::process::Signal;

use super::start;
use crate::{
    driver::{
        core::Core,
        log,
        worker::{
            Worker, memory,
            slot::{Command, WorkerSlot},
        },
    },
    failure::{Cause, Death, EndReason, Exit, StartFailure, StartFailureKind},
    scheduler::Event,
};

/// The body of a worker slot's thread.
pub(super) fn run(core: &Core, slot: &WorkerSlot) {
    loop {
        match slot.next_command() {
            Command::Retire => return,
            Command::GiveUp(incarnation) => {
                report_failure(core, slot, incarnation, given_up_failure(core, slot));
            }
            Command::Start(incarnation) => {
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
        }
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

fn serve(core: &Core, slot: &WorkerSlot, worker: &Arc<Worker>) {
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
