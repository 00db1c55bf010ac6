//! The thread that serves one place through all its lives.
//!
//! It starts a worker when told to, hands its results to the scheduler while it lives, and reports its death.

use std::{sync::Arc, time::Duration};

use rustix::process::Signal;

use super::start;
use crate::{
    driver::{
        core::Core,
        log,
        worker::{
            Life, memory,
            slot::{Order, Seat},
        },
    },
    failure::{Cause, Death, EndReason, Exit, StartFailure, StartFailureKind},
    scheduler::Event,
};

/// The thread of one place.
pub(super) fn run(core: &Core, seat: &Seat) {
    loop {
        match seat.next_order() {
            Order::Retire => return,
            Order::GiveUp(life) => {
                report_failure(core, seat, life, given_up_failure(core, seat));
            }
            Order::Start(life) => {
                let started = start::start(&core.settings, &core.watched, seat, life);
                seat.clear_starting();
                match started {
                    Ok(worker) => serve(core, seat, &Arc::new(worker)),
                    Err(failure) if seat.is_given_up(life) => {
                        let failure = StartFailure {
                            kind: StartFailureKind::GivenUp,
                            ..failure
                        };
                        report_failure(core, seat, life, failure);
                    }
                    Err(failure) => report_failure(core, seat, life, failure),
                }
            }
        }
    }
}

fn given_up_failure(core: &Core, seat: &Seat) -> StartFailure {
    StartFailure {
        worker: seat.number(),
        program: core.settings.program.shown(),
        pid: None,
        kind: StartFailureKind::GivenUp,
        output: String::new(),
    }
}

fn report_failure(core: &Core, seat: &Seat, life: u64, failure: StartFailure) {
    if !matches!(failure.kind, StartFailureKind::GivenUp) {
        tracing::warn!("{failure}");
    }
    let outlook = failure.outlook();
    let cause = Cause::NotStarted(Arc::new(failure));
    core.handle(Event::StartFailed {
        worker: seat.slot,
        life,
        cause: cause.clone(),
        outlook,
    });
    core.settings.hooks.ended(&cause);
}

fn serve(core: &Core, seat: &Seat, life: &Arc<Life>) {
    let (worker, number) = (seat.slot, life.number);
    tracing::debug!(worker = seat.number(), pid = life.process.pid(), "ready");
    core.settings.hooks.started(seat.number(), life.process.pid());
    seat.set_life(Some(Arc::clone(life)));
    if log::wanted_level() > 0 {
        life.process.listen_to_log(true);
        core.watched.nudge();
    }
    if seat.is_given_up(number) {
        life.process.kill(EndReason::Closed);
    }
    core.handle(Event::Ready { worker, life: number });
    core.receive_until_death(seat, life);
    seat.set_life(None);
    let exit = life.process.wait_ended(Duration::ZERO).unwrap_or(Exit::Unknown);
    let output = life.process.last_output();
    let death = Death {
        worker: seat.number(),
        pid: life.process.pid(),
        exit,
        reason: life.process.reason().or_else(|| refusal(core, exit, &output)),
        output,
        captured: life.process.captured_rest(),
    };
    tracing::debug!("{death}");
    let cause = Cause::Died(Arc::new(death));
    let claimed = life.board.claimed();
    core.handle(Event::Died {
        worker,
        life: number,
        claimed,
        cause: cause.clone(),
    });
    core.settings.hooks.ended(&cause);
}

/// Whether a worker that ended by itself did so because it was refused memory.
fn refusal(core: &Core, exit: Exit, output: &str) -> Option<EndReason> {
    let limit = core.settings.memory.max?;
    let is_refusal = exit.signal() == Some(Signal::ABORT.as_raw()) && memory::tells_of_refusal(output);
    is_refusal.then_some(EndReason::AllocationRefused { limit })
}
