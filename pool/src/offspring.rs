//! One child process of this one: started, signalled, waited for and reaped through its pidfd alone.
//!
//! Owns the pidfd. Who waits, in which thread, and what an end means is for those who hold it: the pool's driver and
//! the handle of a child with a function to run. No other child of the host is ever waited for.

use std::{
    io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::process::CommandExt,
    },
    process::{Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use protocol::link::spawn_guard;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, WaitIdStatus},
};

use crate::failure::Exit;

/// A child process that leads a process group of its own.
#[derive(Debug)]
pub(crate) struct Offspring {
    pid: Pid,
    pidfd: OwnedFd,
}

impl Offspring {
    /// Starts a child whose standard input is `control`.
    ///
    /// A group of its own keeps a terminal's Ctrl-C from it, and lets its own children end with it.
    pub(crate) fn spawn(mut command: Command, control: OwnedFd) -> io::Result<Self> {
        command.process_group(0).stdin(Stdio::from(control));
        let mut child = {
            let _guard = spawn_guard();
            let _mark = Spawning::begin();
            command.spawn()?
        };
        let pid = Pid::from_child(&child);
        match rustix::process::pidfd_open(pid, PidfdFlags::empty()) {
            Ok(pidfd) => Ok(Self { pid, pidfd }),
            Err(errno) => {
                drop(child.kill());
                drop(child.wait());
                Err(no_pidfd(errno))
            }
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().cast_unsigned()
    }

    /// Becomes readable when the process has ended.
    pub(crate) fn pidfd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }

    /// Sends a signal. The process may have ended just now, which is no error.
    pub(crate) fn signal(&self, signal: Signal) {
        let _sent = rustix::process::pidfd_send_signal(&self.pidfd, signal);
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.wait_ended(Some(Instant::now()))
    }

    /// Waits until it has ended, until `deadline` at most (`None`: for ever); says whether it has.
    pub(crate) fn wait_ended(&self, deadline: Option<Instant>) -> bool {
        loop {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let timeout = left.map(|left| {
                Timespec::try_from(left).unwrap_or(Timespec {
                    tv_sec: i64::MAX,
                    tv_nsec: 0,
                })
            });
            let mut descriptors = [PollFd::new(&self.pidfd, PollFlags::IN)];
            match poll(&mut descriptors, timeout.as_ref()) {
                Ok(0) if left.is_some_and(|left| left.is_zero()) => return false,
                Ok(0) | Err(Errno::INTR) => {}
                Ok(_) => return true,
                Err(errno) => {
                    // Out of kernel memory: look again a little later.
                    tracing::warn!("waiting for process {}: {errno}", self.pid());
                    std::thread::sleep(std::time::Duration::from_millis(10));
                }
            }
        }
    }

    /// Reaps it once it has ended: takes its status and ends what is left of its group.
    pub(crate) fn reap(&self) -> Exit {
        let wait = |options| {
            rustix::io::retry_on_intr(|| rustix::process::waitid(WaitId::PidFd(self.pidfd()), options))
        };
        // While it is not yet reaped its number belongs to it, so the group of that number is its own.
        if let Ok(Some(status)) = wait(WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {
            let exit = exit_of(&status);
            let _sent = rustix::process::kill_process_group(self.pid, Signal::KILL);
            let _reaped = wait(WaitIdOptions::EXITED);
            return exit;
        }
        Exit::Unknown
    }
}

/// The thread that is starting a child just now; one at a time does.
static SPAWNING: Mutex<Option<Pid>> = Mutex::new(None);

fn spawning() -> MutexGuard<'static, Option<Pid>> {
    SPAWNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Marks this thread as the one that is starting a child.
struct Spawning;

impl Spawning {
    fn begin() -> Self {
        *spawning() = Some(rustix::thread::gettid());
        Self
    }
}

impl Drop for Spawning {
    fn drop(&mut self) {
        *spawning() = None;
    }
}

/// Frees a thread whose start of a child does not end because somebody has stopped that child before it became another
/// program: until then the two share their memory, and the system lets the parent's thread wait.
///
/// Such a child is killed. It is known by its arguments, which are still this process's own.
pub(crate) fn free_stuck_spawn() {
    let Some(thread) = *spawning() else { return };
    let children = format!("/proc/self/task/{}/children", thread.as_raw_nonzero());
    let children = std::fs::read_to_string(children).unwrap_or_default();
    let pids = children
        .split_whitespace()
        .filter_map(|pid| pid.parse().ok())
        .filter_map(Pid::from_raw);
    for pid in pids {
        let is_stuck = || is_stopped(pid) && std::fs::read(file_of(pid, "cmdline")).ok() == own_arguments();
        // The pidfd first and then the look: what is killed is what was seen.
        if let Ok(pidfd) = rustix::process::pidfd_open(pid, PidfdFlags::empty())
            && is_stuck()
        {
            tracing::warn!(
                pid = pid.as_raw_nonzero().get(),
                "a child was stopped while it was started; it is killed"
            );
            let _sent = rustix::process::pidfd_send_signal(&pidfd, Signal::KILL);
        }
    }
}

fn file_of(pid: Pid, name: &str) -> String {
    format!("/proc/{}/{name}", pid.as_raw_nonzero())
}

fn own_arguments() -> Option<Vec<u8>> {
    std::fs::read("/proc/self/cmdline").ok()
}

fn is_stopped(pid: Pid) -> bool {
    let stat = std::fs::read_to_string(file_of(pid, "stat")).unwrap_or_default();
    stat.rsplit(')')
        .next()
        .is_some_and(|rest| rest.trim_start().starts_with('T'))
}

fn no_pidfd(errno: Errno) -> io::Error {
    match errno {
        Errno::NOSYS | Errno::PERM => io::Error::new(
            io::ErrorKind::Unsupported,
            format!("pidfd_open: {errno}; it needs Linux 5.4 or newer, and a sandbox that allows it"),
        ),
        other => other.into(),
    }
}

fn exit_of(status: &WaitIdStatus) -> Exit {
    if let Some(code) = status.exit_status() {
        return Exit::Code(code);
    }
    match status.terminating_signal() {
        Some(number) => Exit::Signal {
            number,
            core_dumped: status.dumped(),
        },
        None => Exit::Unknown,
    }
}
