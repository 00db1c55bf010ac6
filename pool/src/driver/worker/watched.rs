//! The processes that the watch's thread watches, and how it is woken.

use std::{
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use rustix::event::{EventfdFlags, eventfd};

use super::process::WorkerProcess;

/// What the watch's thread watches, and how it is woken.
#[derive(Debug)]
pub(crate) struct Watched {
    processes: Mutex<Vec<Arc<WorkerProcess>>>,
    nudge: OwnedFd,
    /// The thread sleeps without a time to wake up at.
    sleeps: AtomicBool,
    stops: AtomicBool,
}

impl Watched {
    pub(crate) fn new() -> rustix::io::Result<Self> {
        Ok(Self {
            processes: Mutex::default(),
            nudge: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
            sleeps: AtomicBool::new(false),
            stops: AtomicBool::new(false),
        })
    }

    pub(crate) fn processes(&self) -> MutexGuard<'_, Vec<Arc<WorkerProcess>>> {
        self.processes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Watches one more process until it has ended.
    pub(crate) fn add(&self, process: Arc<WorkerProcess>) {
        self.processes().push(process);
        self.nudge();
    }

    /// Becomes readable when the thread is nudged.
    pub(crate) fn nudged(&self) -> BorrowedFd<'_> {
        self.nudge.as_fd()
    }

    /// Takes note of all nudges so far.
    pub(crate) fn take_nudges(&self) {
        let mut count = [0; 8];
        let _read = rustix::io::read(&self.nudge, &mut count);
    }

    /// Notes whether the thread sleeps without a time to wake up at.
    pub(crate) fn set_sleeps(&self, sleeps: bool) {
        self.sleeps.store(sleeps, Ordering::SeqCst);
    }

    /// Whether the thread is to end once the last process has ended.
    pub(crate) fn stops(&self) -> bool {
        self.stops.load(Ordering::SeqCst)
    }

    /// Has the thread look at the clock, if it sleeps without one.
    pub(crate) fn keep_time(&self) {
        if self.sleeps.load(Ordering::SeqCst) && self.sleeps.swap(false, Ordering::SeqCst) {
            self.nudge();
        }
    }

    /// Whether the thread sleeps without a time to wake up at.
    #[cfg(test)]
    pub(crate) fn sleeps(&self) -> bool {
        self.sleeps.load(Ordering::SeqCst)
    }

    /// Ends the thread once the last process has ended.
    pub(crate) fn stop(&self) {
        self.stops.store(true, Ordering::SeqCst);
        self.nudge();
    }

    /// Has the thread look again at what there is to watch.
    pub(crate) fn nudge(&self) {
        // A full counter is as good as one more: the thread will wake.
        let _written = rustix::io::write(&self.nudge, &1_u64.to_ne_bytes());
    }
}
