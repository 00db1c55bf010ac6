//! The start of a child, as long as it lasts, and freeing it when it would last for ever.
//!
//! Until a new child has become its program, it shares this process's memory, and the system lets the thread that
//! starts it wait. Somebody who stops the child in that moment (`SIGSTOP`) would so stop that thread too, and with it
//! all others that want to start one.

use std::{
    fs,
    sync::{Mutex, MutexGuard, PoisonError},
};

use protocol::message::link::spawn_guard;
use rustix::process::{Pid, PidfdFlags, Signal};

/// The thread that is starting a child just now; one at a time does.
static STARTER: Mutex<Option<Pid>> = Mutex::new(None);

fn starter() -> MutexGuard<'static, Option<Pid>> {
    STARTER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs the start of a child in this thread, when no other thread does.
pub(crate) fn spawning<T>(spawn: impl FnOnce() -> T) -> T {
    let _guard = spawn_guard();
    *starter() = Some(rustix::thread::gettid());
    let spawned = spawn();
    *starter() = None;
    spawned
}

/// Frees the thread that is starting a child, if that child was stopped before it became its program: it is killed.
///
/// Such a child is known by its arguments, which are still this process's own.
pub(crate) fn free_stuck() {
    let Some(thread) = *starter() else { return };
    let children = format!("/proc/self/task/{}/children", thread.as_raw_nonzero());
    let children = fs::read_to_string(children).unwrap_or_default();
    let pids = children.split_whitespace().filter_map(|pid| pid.parse().ok());
    pids.filter_map(Pid::from_raw).for_each(kill_if_stuck);
}

fn kill_if_stuck(pid: Pid) {
    // The pidfd first and then the look: what is killed is what was seen.
    let Ok(pidfd) = rustix::process::pidfd_open(pid, PidfdFlags::empty()) else {
        return;
    };
    if is_stopped(pid) && has_own_arguments(pid) {
        let pid = pid.as_raw_nonzero().get();
        tracing::warn!(
            pid,
            "a child was stopped while it was being started; it is killed"
        );
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
