//! The watchdog: a worker never outlives its parent.
//!
//! One thread blocks on the control socket, whose other end only the parent holds. When the parent ends, however it
//! ends, the read returns and the thread kills the worker's process group, so that processes which the jobs started
//! go too. It works whatever the jobs do meanwhile: it needs no lock, no allocation and no help of theirs.

use std::{os::fd::OwnedFd, thread};

use protocol::control;
use rustix::process::{Signal, getpgrp, getpid, kill_process, kill_process_group};

use crate::failure::Failure;

const STACK_BYTES: usize = 128 * 1024;

/// Starts the watchdog of this process.
pub(crate) fn start(control: &OwnedFd) -> Result<(), Failure> {
    let control = control
        .try_clone()
        .map_err(Failure::system("duplicating the control socket"))?;
    thread::Builder::new()
        .name("watchdog".into())
        .stack_size(STACK_BYTES)
        .spawn(move || {
            control::wait_until_closed(&control);
            end_process()
        })
        .map_err(Failure::system("starting the watchdog's thread"))?;
    Ok(())
}

/// Ends this process at once, with its group when it leads one: the group of another leader is not ours to kill.
fn end_process() -> ! {
    let own = getpid();
    // Killing cannot be undone or caught, so that neither call returns when it succeeds. A sandbox may refuse both.
    if getpgrp() == own {
        let _refused = kill_process_group(own, Signal::KILL);
    }
    let _refused = kill_process(own, Signal::KILL);
    std::process::abort()
}
