//! One worker's place in the pool, and the thread that serves it through all its lives.
//!
//! The thread starts a worker when told to, hands its results to the scheduler while it lives, and reports its death.
//! Orders come from whichever thread performs the scheduler's actions.

use std::{
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use protocol::board;
use rustix::process::Signal;

use super::{
    super::{Core, log, thread::start},
    Life, memory,
    process::Process,
};
use crate::{
    failure::{Cause, Death, EndReason, Exit, StartFailure, StartFailureKind},
    scheduler::Event,
};

/// A worker's place.
#[derive(Default)]
pub(crate) struct Seat {
    /// Which slot of the scheduler this is.
    pub(crate) slot: usize,
    /// The number under which users know the worker here.
    number: AtomicU32,
    /// Since when a process is being started here, on the board's clock in nanoseconds; 0 when none is.
    spawning_since: AtomicU64,
    orders: Mutex<Orders>,
    changed: Condvar,
    life: Mutex<Option<Arc<Life>>>,
}

#[derive(Default)]
struct Orders {
    start: Option<(u64, Instant)>,
    /// The life that is to be given up before it is ready.
    given_up: Option<u64>,
    starting: Option<(u64, Arc<Process>)>,
    retires: bool,
}

enum Order {
    Start(u64),
    GiveUp(u64),
    Retire,
}

impl Seat {
    pub(crate) fn new(slot: usize) -> Self {
        Self {
            slot,
            ..Self::default()
        }
    }

    /// The number under which users know the worker here.
    pub(crate) fn number(&self) -> u32 {
        self.number.load(Ordering::Relaxed)
    }

    /// Runs the start of a process, and tells meanwhile that it does.
    pub(crate) fn spawning<T>(&self, spawn: impl FnOnce() -> T) -> T {
        let since = board::now().as_nanos() as u64;
        self.spawning_since.store(since.max(1), Ordering::SeqCst);
        let spawned = spawn();
        self.spawning_since.store(0, Ordering::SeqCst);
        spawned
    }

    /// Since when a process is being started here, on the board's clock.
    pub(crate) fn spawning_since(&self) -> Option<Duration> {
        let since = self.spawning_since.load(Ordering::SeqCst);
        (since > 0).then(|| Duration::from_nanos(since))
    }

    fn orders(&self) -> MutexGuard<'_, Orders> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The worker that takes jobs now, if there is one of that life.
    pub(crate) fn life(&self, number: u64) -> Option<Arc<Life>> {
        self.current().filter(|life| life.number == number)
    }

    /// The worker that takes jobs now.
    pub(crate) fn current(&self) -> Option<Arc<Life>> {
        self.life.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(in crate::driver) fn set_life(&self, life: Option<Arc<Life>>) {
        *self.life.lock().unwrap_or_else(PoisonError::into_inner) = life;
    }

    /// Orders the start of a life, of a worker of this number.
    pub(crate) fn start_at(&self, life: u64, number: u32, when: Instant) {
        self.number.store(number, Ordering::Relaxed);
        self.orders().start = Some((life, when));
        self.changed.notify_all();
    }

    /// Ends a life: a worker that takes jobs is handled by `end`, one that is still to become one is given up.
    pub(crate) fn end_life(&self, number: u64, reason: EndReason, end: impl FnOnce(&Life, EndReason)) {
        // First the order and then the look, as the thread does it the other way round: one of the two sees the other.
        let starting = {
            let mut orders = self.orders();
            orders.given_up = Some(number);
            orders.starting.clone()
        };
        self.changed.notify_all();
        if let Some(life) = self.life(number) {
            end(&life, reason);
        } else if let Some((_, process)) = starting.filter(|(life, _)| *life == number) {
            process.kill(reason);
        }
    }

    /// Ends the thread; no life is under way any more.
    pub(crate) fn retire(&self) {
        self.orders().retires = true;
        self.changed.notify_all();
    }

    /// Tells which process is being started, so that it can be given up.
    pub(crate) fn set_starting(&self, life: u64, process: &Arc<Process>) {
        let mut orders = self.orders();
        orders.starting = Some((life, Arc::clone(process)));
        if orders.given_up == Some(life) {
            process.kill(EndReason::Closed);
        }
    }

    fn next_order(&self) -> Order {
        let mut orders = self.orders();
        loop {
            if let Some((life, when)) = orders.start {
                if orders.given_up == Some(life) {
                    orders.start = None;
                    return Order::GiveUp(life);
                }
                let left = when.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    orders.start = None;
                    return Order::Start(life);
                }
                orders = self
                    .changed
                    .wait_timeout(orders, left)
                    .unwrap_or_else(PoisonError::into_inner)
                    .0;
            } else if orders.retires {
                return Order::Retire;
            } else {
                orders = self.changed.wait(orders).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    fn is_given_up(&self, life: u64) -> bool {
        self.orders().given_up == Some(life)
    }

    /// The thread of this place.
    pub(crate) fn run(&self, core: &Core) {
        loop {
            match self.next_order() {
                Order::Retire => return,
                Order::GiveUp(life) => {
                    self.report_failure(core, life, self.given_up_failure(core));
                }
                Order::Start(life) => {
                    let started = start::start(&core.settings, &core.watch, self, life);
                    self.orders().starting = None;
                    match started {
                        Ok(worker) => self.serve(core, &Arc::new(worker)),
                        Err(failure) if self.is_given_up(life) => {
                            let failure = StartFailure {
                                kind: StartFailureKind::GivenUp,
                                ..failure
                            };
                            self.report_failure(core, life, failure);
                        }
                        Err(failure) => self.report_failure(core, life, failure),
                    }
                }
            }
        }
    }

    fn given_up_failure(&self, core: &Core) -> StartFailure {
        StartFailure {
            worker: self.number(),
            program: core.settings.program.shown(),
            pid: None,
            kind: StartFailureKind::GivenUp,
            output: String::new(),
        }
    }

    fn report_failure(&self, core: &Core, life: u64, failure: StartFailure) {
        if !matches!(failure.kind, StartFailureKind::GivenUp) {
            tracing::warn!("{failure}");
        }
        let outlook = failure.outlook();
        let cause = Cause::NotStarted(Arc::new(failure));
        core.handle(Event::StartFailed {
            worker: self.slot,
            life,
            cause: cause.clone(),
            outlook,
        });
        core.settings.hooks.ended(&cause);
    }

    fn serve(&self, core: &Core, life: &Arc<Life>) {
        let (worker, number) = (self.slot, life.number);
        tracing::debug!(worker = self.number(), pid = life.process.pid(), "ready");
        core.settings.hooks.started(self.number(), life.process.pid());
        self.set_life(Some(Arc::clone(life)));
        if log::wanted_level() > 0 {
            life.process.listen_to_log(true);
            core.watch.nudge();
        }
        if self.is_given_up(number) {
            life.process.kill(EndReason::Closed);
        }
        core.handle(Event::Ready { worker, life: number });
        core.receive_until_death(self, life);
        self.set_life(None);
        let exit = life.process.wait_ended(Duration::ZERO).unwrap_or(Exit::Unknown);
        let output = life.process.last_output();
        let death = Death {
            worker: self.number(),
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
}

/// Whether a worker that ended by itself did so because it was refused memory.
fn refusal(core: &Core, exit: Exit, output: &str) -> Option<EndReason> {
    let limit = core.settings.memory.max?;
    let is_refusal = exit.signal() == Some(Signal::ABORT.as_raw()) && memory::tells_of_refusal(output);
    is_refusal.then_some(EndReason::AllocationRefused { limit })
}
