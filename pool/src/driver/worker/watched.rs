//! The processes that the watch thread watches, and how it is woken.

use std::{
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use std::time::Duration;

use protocol::board;
use rustix::{
    event::{EventfdFlags, eventfd},
    process::Signal,
};

use super::process::WorkerProcess;

/// The processes to watch, and how the watch thread is woken.
#[derive(Debug)]
pub(crate) struct Watched {
    processes: Mutex<Vec<Arc<WorkerProcess>>>,
    suspension: Mutex<Suspension>,
    wake: Arc<OwnedFd>,
    /// The thread sleeps without a timeout.
    sleeps: AtomicBool,
    stops: AtomicBool,
}

/// Whether all processes are stopped, and how long they were.
#[derive(Debug, Default)]
struct Suspension {
    /// Since when they are.
    since: Option<Duration>,
    /// How long they were since the time was last taken.
    lasted: Duration,
}

impl Watched {
    pub(crate) fn new() -> rustix::io::Result<Self> {
        Ok(Self {
            processes: Mutex::default(),
            suspension: Mutex::default(),
            wake: Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?),
            sleeps: AtomicBool::new(false),
            stops: AtomicBool::new(false),
        })
    }

    pub(crate) fn processes(&self) -> MutexGuard<'_, Vec<Arc<WorkerProcess>>> {
        self.processes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a process, which is watched until it has ended.
    pub(crate) fn add(&self, process: Arc<WorkerProcess>) {
        process.set_watch(Arc::clone(&self.wake));
        let mut processes = self.processes();
        if self.is_suspended() {
            process.signal_group(Signal::STOP);
        }
        processes.push(process);
        drop(processes);
        self.wake();
    }

    /// Stops all processes, and those that are added, until they are resumed.
    pub(crate) fn suspend(&self) {
        // Locked first, so that a process is added either before this or after it.
        let processes = self.processes();
        self.suspension().since.get_or_insert_with(board::now);
        for process in &*processes {
            process.signal_group(Signal::STOP);
        }
    }

    /// Lets all processes go on after a suspension.
    pub(crate) fn resume(&self) {
        let processes = self.processes();
        let mut suspension = self.suspension();
        let Some(since) = suspension.since.take() else {
            return;
        };
        suspension.lasted += board::now().saturating_sub(since);
        drop(suspension);
        for process in &*processes {
            process.signal_group(Signal::CONT);
        }
        drop(processes);
        self.wake();
    }

    /// Whether the processes are stopped until they are resumed.
    pub(crate) fn is_suspended(&self) -> bool {
        self.suspension().since.is_some()
    }

    /// How long the processes were stopped since the last call.
    pub(crate) fn take_suspended_time(&self) -> Duration {
        std::mem::take(&mut self.suspension().lasted)
    }

    fn suspension(&self) -> MutexGuard<'_, Suspension> {
        self.suspension.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Becomes readable when the thread is to wake up.
    pub(crate) fn wake_requests(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }

    /// Resets the request to wake up.
    pub(crate) fn reset_wake_requests(&self) {
        let mut count = [0; 8];
        let _read = rustix::io::read(&self.wake, &mut count);
    }

    /// Notes whether the thread sleeps without a timeout.
    pub(crate) fn set_sleeps(&self, sleeps: bool) {
        self.sleeps.store(sleeps, Ordering::SeqCst);
    }

    /// Whether the thread is to end after the last process.
    pub(crate) fn stops(&self) -> bool {
        self.stops.load(Ordering::SeqCst)
    }

    /// Wakes the thread to keep time, if it sleeps without a timeout.
    pub(crate) fn keep_time(&self) {
        if self.sleeps.load(Ordering::SeqCst) && self.sleeps.swap(false, Ordering::SeqCst) {
            self.wake();
        }
    }

    /// Whether the thread sleeps without a timeout.
    #[cfg(test)]
    pub(crate) fn sleeps(&self) -> bool {
        self.sleeps.load(Ordering::SeqCst)
    }

    /// Ends the thread after the last process.
    pub(crate) fn stop(&self) {
        self.stops.store(true, Ordering::SeqCst);
        self.wake();
    }

    /// Wakes the thread.
    pub(crate) fn wake(&self) {
        // If the counter is full, the thread will wake anyway.
        let _written = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
    }
}
