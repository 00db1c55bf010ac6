//! One worker's place in the pool: its orders, and the worker that is there now.
//!
//! Orders come from whichever thread performs the scheduler's actions. The place's own thread takes them.

use std::{
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use protocol::board;

use super::{Life, process::Process};
use crate::failure::EndReason;

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

/// What the thread of a place is to do next.
pub(crate) enum Order {
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

    pub(crate) fn set_life(&self, life: Option<Arc<Life>>) {
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

    /// No process is being started any more.
    pub(crate) fn clear_starting(&self) {
        self.orders().starting = None;
    }

    /// Waits for the next order.
    pub(crate) fn next_order(&self) -> Order {
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

    /// Whether this life is to be given up.
    pub(crate) fn is_given_up(&self, life: u64) -> bool {
        self.orders().given_up == Some(life)
    }
}
