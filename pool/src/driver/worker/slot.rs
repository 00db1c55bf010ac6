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

use super::{Worker, process::WorkerProcess};
use crate::failure::EndReason;

/// A worker's place.
#[derive(Default)]
pub(crate) struct WorkerSlot {
    /// Which slot of the scheduler this is.
    pub(crate) index: usize,
    /// The number under which users know the worker here.
    number: AtomicU32,
    /// Since when a process is being started here, on the board's clock in nanoseconds; 0 when none is.
    spawning_since: AtomicU64,
    mailbox: Mutex<Mailbox>,
    changed: Condvar,
    worker: Mutex<Option<Arc<Worker>>>,
}

#[derive(Default)]
struct Mailbox {
    start: Option<(u64, Instant)>,
    /// The life that is to be given up before it is ready.
    given_up: Option<u64>,
    starting: Option<(u64, Arc<WorkerProcess>)>,
    retires: bool,
}

/// What the thread of a place is to do next.
pub(crate) enum Command {
    Start(u64),
    GiveUp(u64),
    Retire,
}

impl WorkerSlot {
    pub(crate) fn new(index: usize) -> Self {
        Self {
            index,
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

    fn mailbox(&self) -> MutexGuard<'_, Mailbox> {
        self.mailbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The worker that takes jobs now, if there is one of that life.
    pub(crate) fn worker(&self, incarnation: u64) -> Option<Arc<Worker>> {
        self.current().filter(|worker| worker.incarnation == incarnation)
    }

    /// The worker that takes jobs now.
    pub(crate) fn current(&self) -> Option<Arc<Worker>> {
        self.worker.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_worker(&self, worker: Option<Arc<Worker>>) {
        *self.worker.lock().unwrap_or_else(PoisonError::into_inner) = worker;
    }

    /// Orders the start of a life, of a worker of this number.
    pub(crate) fn start_at(&self, incarnation: u64, number: u32, when: Instant) {
        self.number.store(number, Ordering::Relaxed);
        self.mailbox().start = Some((incarnation, when));
        self.changed.notify_all();
    }

    /// Ends a life: a worker that takes jobs is handled by `end`, one that is still to become one is given up.
    pub(crate) fn end(&self, incarnation: u64, reason: EndReason, end: impl FnOnce(&Worker, EndReason)) {
        // First the order and then the look, as the thread does it the other way round: one of the two sees the other.
        let starting = {
            let mut mailbox = self.mailbox();
            mailbox.given_up = Some(incarnation);
            mailbox.starting.clone()
        };
        self.changed.notify_all();
        if let Some(worker) = self.worker(incarnation) {
            end(&worker, reason);
        } else if let Some((_, process)) = starting.filter(|(starting, _)| *starting == incarnation) {
            process.kill(reason);
        }
    }

    /// Ends the thread; no life is under way any more.
    pub(crate) fn retire(&self) {
        self.mailbox().retires = true;
        self.changed.notify_all();
    }

    /// Tells which process is being started, so that it can be given up.
    pub(crate) fn set_starting(&self, incarnation: u64, process: &Arc<WorkerProcess>) {
        let mut mailbox = self.mailbox();
        mailbox.starting = Some((incarnation, Arc::clone(process)));
        if mailbox.given_up == Some(incarnation) {
            process.kill(EndReason::Closed);
        }
    }

    /// No process is being started any more.
    pub(crate) fn clear_starting(&self) {
        self.mailbox().starting = None;
    }

    /// Waits for the next order.
    pub(crate) fn next_command(&self) -> Command {
        let mut mailbox = self.mailbox();
        loop {
            if let Some((incarnation, when)) = mailbox.start {
                if mailbox.given_up == Some(incarnation) {
                    mailbox.start = None;
                    return Command::GiveUp(incarnation);
                }
                let left = when.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    mailbox.start = None;
                    return Command::Start(incarnation);
                }
                mailbox = self
                    .changed
                    .wait_timeout(mailbox, left)
                    .unwrap_or_else(PoisonError::into_inner)
                    .0;
            } else if mailbox.retires {
                return Command::Retire;
            } else {
                mailbox = self.changed.wait(mailbox).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    /// Whether this life is to be given up.
    pub(crate) fn is_given_up(&self, incarnation: u64) -> bool {
        self.mailbox().given_up == Some(incarnation)
    }
}
