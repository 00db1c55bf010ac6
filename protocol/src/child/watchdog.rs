//! The watchdog: a child never outlives its parent.
//!
//! One thread blocks on the control socket, whose other end only the parent has. When the parent ends, however it
//! ends, the read returns and the thread kills the child's process group, so that processes that its code started end
//! too. It works whatever that code does meanwhile: it needs no lock, no allocation and no help from it.
//!
//! A worker whose link has closed exits only after its parent has said so ([`wait_for_leave`]). Otherwise the
//! parent has ended, and the watchdog, which is about to notice, must be what ends this process.
//!
//! Owns that thread, and whether the parent has said so. It does not look at jobs, frames or the link.

use std::{
    io,
    os::fd::OwnedFd,
    sync::{
        Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use rustix::process::{Signal, getpgrp, getpid, kill_process, kill_process_group};

use crate::message::control;

const STACK_BYTES: usize = 128 * 1024;

static MAY_LEAVE: Leave = Leave {
    said: Mutex::new(false),
    changed: Condvar::new(),
};

/// Whether the parent has said that the worker may end.
struct Leave {
    said: Mutex<bool>,
    changed: Condvar,
}

impl Leave {
    fn open(&self) {
        *self.said.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }

    fn wait(&self) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        while !*said {
            said = self.changed.wait(said).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Waits until the parent has said that this process may end. If the parent ends, the watchdog kills this process meanwhile.
pub fn wait_for_leave() {
    MAY_LEAVE.wait();
}

static STARTED: AtomicBool = AtomicBool::new(false);

/// Whether this process has a watchdog: it was started as a child of this library.
pub fn has_started() -> bool {
    STARTED.load(Ordering::Relaxed)
}

/// Starts the watchdog of this process.
///
/// # Errors
/// If the system has no descriptor or thread left for it.
pub fn start(control: &OwnedFd) -> io::Result<()> {
    let control = control.try_clone()?;
    thread::Builder::new()
        .name("watchdog".into())
        .stack_size(STACK_BYTES)
        .spawn(move || {
            control::wait_until_closed(&control, || MAY_LEAVE.open());
            end_process()
        })?;
    STARTED.store(true, Ordering::Relaxed);
    Ok(())
}

/// Ends this process at once, with its process group if it leads one: the group of another leader is not ours to kill.
#[expect(
    clippy::disallowed_methods,
    reason = "the last way to end a process that must not outlive its parent"
)]
fn end_process() -> ! {
    let own = getpid();
    // SIGKILL cannot be caught, so neither call returns if it succeeds. A sandbox may refuse both.
    if getpgrp() == own {
        let _refused = kill_process_group(own, Signal::KILL);
    }
    let _refused = kill_process(own, Signal::KILL);
    std::process::abort()
}
