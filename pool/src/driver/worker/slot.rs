//! One worker slot: the mailbox of its thread, and its current worker.
//!
//! Any thread that performs the scheduler's actions writes to the mailbox. The slot's own thread reads it.

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

/// A slot for one worker at a time.
#[derive(Default)]
pub(crate) struct WorkerSlot {
    /// The index of this slot in the scheduler.
    pub(crate) index: usize,
    /// The number under which users know the worker in this slot.
    number: AtomicU32,
    /// Since when a process is being started here, in nanoseconds of the board's clock; 0 if none is.
    spawning_since: AtomicU64,
    mailbox: Mutex<Mailbox>,
    changed: Condvar,
    worker: Mutex<Option<Arc<Worker>>>,
}

#[derive(Default)]
struct Mailbox {
    start: Option<(u64, Instant)>,
    /// The incarnation that is to be given up before it is ready.
    given_up: Option<u64>,
    starting: Option<(u64, Arc<WorkerProcess>)>,
    retires: bool,
}

/// What a slot's thread is to do next.
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

    /// The number under which users know the worker in this slot.
    pub(crate) fn number(&self) -> u32 {
        self.number.load(Ordering::Relaxed)
    }

    /// Runs `spawn`, and shows meanwhile that a process is being started.
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

    /// The current worker, if it is this incarnation.
    pub(crate) fn worker(&self, incarnation: u64) -> Option<Arc<Worker>> {
        self.current().filter(|worker| worker.incarnation == incarnation)
    }

    /// The current worker.
    pub(crate) fn current(&self) -> Option<Arc<Worker>> {
        self.worker.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_worker(&self, worker: Option<Arc<Worker>>) {
        *self.worker.lock().unwrap_or_else(PoisonError::into_inner) = worker;
    }

    /// Commands the start of an incarnation with this number.
    pub(crate) fn start_at(&self, incarnation: u64, number: u32, when: Instant) {
        self.number.store(number, Ordering::Relaxed);
        self.mailbox().start = Some((incarnation, when));
        self.changed.notify_all();
    }

    /// Ends an incarnation. A current worker is passed to `end`; one that is not ready yet is given up.
    pub(crate) fn end(&self, incarnation: u64, reason: EndReason, end: impl FnOnce(&Worker, EndReason)) {
        // The mailbox is written before the worker is read; the slot's thread does it the other way round, so one of
        // the two sees what the other did.
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

    /// Ends the thread. No worker may be starting or running.
    pub(crate) fn retire(&self) {
        self.mailbox().retires = true;
        self.changed.notify_all();
    }

    /// Notes which process is being started, so that it can be given up.
    pub(crate) fn set_starting(&self, incarnation: u64, process: &Arc<WorkerProcess>) {
        let mut mailbox = self.mailbox();
        mailbox.starting = Some((incarnation, Arc::clone(process)));
        if mailbox.given_up == Some(incarnation) {
            process.kill(EndReason::Closed);
        }
    }

    /// Notes that no process is being started any more.
    pub(crate) fn clear_starting(&self) {
        self.mailbox().starting = None;
    }

    /// Waits for the next command.
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

    /// Whether this incarnation is to be given up.
    pub(crate) fn is_given_up(&self, incarnation: u64) -> bool {
        self.mailbox().given_up == Some(incarnation)
    }
}
