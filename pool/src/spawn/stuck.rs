//! The start of a child, and ending a start that is stuck.
//!
//! A new child shares this process's memory until it executes its program, and the system blocks the thread that starts
//! it until then. A `SIGSTOP` to the child in that moment blocks that thread too, and with it all others that want to
//! start a child.

use std::{
    fs,
    sync::{Mutex, MutexGuard, PoisonError},
};

use protocol::message::link::spawn_guard;
use rustix::process::{Pid, PidfdFlags, Signal};

/// The thread that is starting a child; only one at a time does.
static STARTER: Mutex<Option<Pid>> = Mutex::new(None);

fn starter() -> MutexGuard<'static, Option<Pid>> {
    STARTER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs the start of a child in this thread, once no other thread is starting one.
pub(crate) fn spawning<T>(spawn: impl FnOnce() -> T) -> T {
    let _guard = spawn_guard();
    *starter() = Some(rustix::thread::gettid());
    let spawned = spawn();
    *starter() = None;
    spawned
}

/// Kills the child that is being started, if it was stopped before it executed its program, which frees its starter.
///
/// Such a child still has this process's own arguments.
pub(crate) fn free_stuck() {
    let Some(thread) = *starter() else { return };
    let children = format!("/proc/self/task/{}/children", thread.as_raw_nonzero());
    let children = fs::read_to_string(children).unwrap_or_default();
    let pids = children.split_whitespace().filter_map(|pid| pid.parse().ok());
    pids.filter_map(Pid::from_raw).for_each(kill_if_stuck);
}

fn kill_if_stuck(pid: Pid) {
    // Opens the pidfd before it looks, so that it kills the process that it saw.
    let Ok(pidfd) = rustix::process::pidfd_open(pid, PidfdFlags::empty()) else {
        return;
    };
    if is_stopped(pid) && has_own_arguments(pid) {
        let pid = pid.as_raw_nonzero().get();
        tracing::warn!(pid, "killing a child that was stopped while it was being started");
        let _sent = rustix::process::pidfd_send_signal(&pidfd, Signal::KILL);
    }
}

fn file_of(pid: Pid, name: &str) -> String {
    format!("/proc/{}/{name}", pid.as_raw_nonzero())
}

fn has_own_arguments(pid: Pid) -> bool {
    let own = fs::read("/proc/self/cmdline").ok();
    own.is_some() && fs::read(file_of(pid, "cmdline")).ok() == own
}

fn is_stopped(pid: Pid) -> bool {
    let stat = fs::read_to_string(file_of(pid, "stat")).unwrap_or_default();
    let behind_name = stat.rsplit(')').next();
    behind_name.is_some_and(|rest| rest.trim_start().starts_with('T'))
}
