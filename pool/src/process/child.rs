//! The handle of a process that was started.

use std::{
    fmt,
    marker::PhantomData,
    os::fd::{AsFd, BorrowedFd},
    sync::Arc,
    time::{Duration, Instant},
};

use protocol::decode_argument;
use rustix::process::Signal;

use super::{
    JoinError, JoinErrorKind, Portable, household,
    member::{Member, Output},
};
use crate::failure::Exit;

/// A process that was started, and will give a `T`.
///
/// Dropping it neither ends the process nor leaks it: the process runs on, and when the program's main code ends it is
/// waited for, or ended if it is a daemon. Several threads may use one handle.
///
/// As a descriptor ([`AsFd`]) it becomes readable when the process has ended, so that it can be polled among others.
pub struct Child<T> {
    member: Arc<Member>,
    output: PhantomData<fn() -> T>,
}

impl<T: Portable> Child<T> {
    /// Waits until the process has ended, and gives what its function returned.
    ///
    /// # Errors
    /// Why it gave nothing: it panicked, a signal ended it, it exited by itself, …; see [`JoinErrorKind`].
    pub fn join(self) -> Result<T, JoinError> {
        let exit = self.wait();
        self.decode(exit)
    }

    /// Waits until the process has ended, for `patience` at most, and gives the handle back when that was too short.
    ///
    /// # Errors
    /// The handle itself, to wait again.
    pub fn join_timeout(self, patience: Duration) -> Result<Result<T, JoinError>, Self> {
        match self.wait_timeout(patience) {
            Some(exit) => Ok(self.decode(exit)),
            None => Err(self),
        }
    }

    fn decode(&self, exit: Exit) -> Result<T, JoinError> {
        let decode = |Output { bytes, handles }| {
            let decoded = decode_argument(&bytes).map_err(JoinErrorKind::UndecodableOutput);
            drop(handles);
            decoded
        };
        let decoded = self.member.take_outcome(exit).and_then(decode);
        decoded.map_err(|kind| JoinError {
            name: self.name().to_owned(),
            pid: self.pid(),
            kind,
        })
    }
}

impl<T> Child<T> {
    pub(crate) fn new(member: Arc<Member>) -> Self {
        Self {
            member,
            output: PhantomData,
        }
    }

    /// Its process id. It belongs to this process until the handle has told of its end.
    pub fn pid(&self) -> u32 {
        self.member.pid()
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.member.name
    }

    /// Whether it is ended, and not waited for, when the main code ends.
    pub fn is_daemon(&self) -> bool {
        self.member.is_daemon
    }

    /// Whether it has not ended yet.
    pub fn is_alive(&self) -> bool {
        self.member.exit().is_none()
    }

    /// How it ended, if it has: the code with which it exited, or the signal that ended it.
    ///
    /// A process whose function returned exits with 0, one whose function panicked with 101.
    pub fn exit_status(&self) -> Option<Exit> {
        self.member.exit()
    }

    /// Waits until it has ended, and leaves its value for [`Child::join`].
    pub fn wait(&self) -> Exit {
        self.member.wait(None).unwrap_or(Exit::Unknown)
    }

    /// Waits until it has ended, for `patience` at most, and leaves its value for [`Child::join`].
    pub fn wait_timeout(&self, patience: Duration) -> Option<Exit> {
        self.member.wait(Instant::now().checked_add(patience))
    }

    /// Sends it SIGTERM, and does not wait: it may be alive for a moment yet, or for as long as it likes when it
    /// handles the signal. Does nothing when it has ended.
    ///
    /// Its own children end with it. What else it has started, and left in its group, is ended at the latest when its
    /// handle tells of its end, or the main code ends.
    pub fn terminate(&self) {
        self.member.signal(Signal::TERM);
    }

    /// Sends it SIGKILL, which nothing withstands; otherwise as [`Child::terminate`].
    pub fn kill(&self) {
        self.member.signal(Signal::KILL);
    }
}

impl<T> AsFd for Child<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.member.pidfd()
    }
}

impl<T> Drop for Child<T> {
    fn drop(&mut self) {
        household::let_go(&self.member);
    }
}

impl<T> fmt::Debug for Child<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Child")
            .field("name", &self.name())
            .field("pid", &self.pid())
            .field("daemon", &self.is_daemon())
            .finish_non_exhaustive()
    }
}
