//! [`ChildProcess`]: started, signalled, waited for and reaped through its pidfd alone.
//!
//! Its owners, the pool's driver and the handle of a child with a function to run, decide which thread waits and what an
//! end means. No other child of the host is ever waited for.

use std::{
    io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::process::CommandExt,
    },
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, WaitIdStatus},
};

use crate::{failure::Exit, spawn::stuck::spawning};

/// A child process that leads a process group of its own.
#[derive(Debug)]
pub(crate) struct ChildProcess {
    pid: Pid,
    pidfd: OwnedFd,
}

impl ChildProcess {
    /// Starts a child whose standard input is `control`.
    ///
    /// Its own process group keeps a terminal's Ctrl-C from it, and lets its own children end with it.
    #[expect(clippy::disallowed_methods, reason = "the one place that starts processes")]
    pub(crate) fn spawn(mut command: Command, control: OwnedFd) -> io::Result<Self> {
        command.process_group(0).stdin(Stdio::from(control));
        let mut child = spawning(|| command.spawn())?;
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

    /// Sends a signal. The process may have ended just now, which is no error; a refusal is.
    pub(crate) fn signal(&self, signal: Signal) -> rustix::io::Result<()> {
        match rustix::process::pidfd_send_signal(&self.pidfd, signal) {
            Err(Errno::SRCH) => Ok(()),
            sent => sent,
        }
    }

    /// Sends a signal to its process group. Its number must still be its own: it is not reaped.
    pub(crate) fn signal_group(&self, signal: Signal) {
        let _sent = rustix::process::kill_process_group(self.pid, signal);
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.wait_ended(Some(Instant::now()))
    }

    /// Waits until it has ended, until `deadline` at most (`None`: without a limit). Returns whether it has.
    pub(crate) fn wait_ended(&self, deadline: Option<Instant>) -> bool {
        loop {
            let is_over = deadline.is_some_and(|deadline| Instant::now() >= deadline);
            let [has_ended] = wait_readable([PollFd::new(&self.pidfd, PollFlags::IN)], deadline);
            if has_ended || is_over {
                return has_ended;
            }
        }
    }

    /// Waits until it has ended, or `other` can be read (if that `counts`), or `deadline` has come. Returns whether it has
    /// ended, perhaps early.
    pub(crate) fn wait_ended_or(&self, other: &OwnedFd, counts: bool, deadline: Option<Instant>) -> bool {
        if !counts {
            return self.wait_ended(deadline);
        }
        let descriptors = [&self.pidfd, other].map(|descriptor| PollFd::new(descriptor, PollFlags::IN));
        wait_readable(descriptors, deadline)[0]
    }

    /// Reaps it once it has ended: takes its status and ends what is left of its group.
    pub(crate) fn reap(&self) -> Exit {
        let wait = |options| {
            rustix::io::retry_on_intr(|| rustix::process::waitid(WaitId::PidFd(self.pidfd()), options))
        };
        // While it is not yet reaped its number belongs to it, so the group of that number is its own.
        if let Ok(Some(status)) = wait(WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {
            let exit = exit_of(&status);
            if let Err(errno @ Errno::PERM) = rustix::process::kill_process_group(self.pid, Signal::KILL) {
                tracing::warn!(
                    pid = self.pid(),
                    "what is left of a process group could not be killed: {errno}"
                );
            }
            let _reaped = wait(WaitIdOptions::EXITED);
            return exit;
        }
        Exit::Unknown
    }
}

/// Waits until one of the descriptors can be read, until `deadline` at most. Returns which can, perhaps early.
fn wait_readable<const N: usize>(mut descriptors: [PollFd<'_>; N], deadline: Option<Instant>) -> [bool; N] {
    let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
    let timeout = left.map(|left| {
        Timespec::try_from(left).unwrap_or(Timespec {
            tv_sec: i64::MAX,
            tv_nsec: 0,
        })
    });
    match poll(&mut descriptors, timeout.as_ref()) {
        Ok(_) => descriptors.map(|descriptor| !descriptor.revents().is_empty()),
        Err(errno) => {
            if errno != Errno::INTR {
                // Out of kernel memory: look again a little later.
                tracing::warn!("waiting for a process: {errno}");
                #[expect(
                    clippy::disallowed_methods,
                    reason = "poll has failed, so there is no event to wait for"
                )]
                std::thread::sleep(Duration::from_millis(10));
            }
            [false; N]
        }
    }
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
