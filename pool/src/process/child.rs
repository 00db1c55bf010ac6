//! The handle of a child process.

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
    JoinError, JoinErrorKind, Portable, children,
    supervised::{Output, SupervisedChild},
};
use crate::failure::Exit;

/// A child process that runs a function which returns a `T`.
///
/// Dropping the handle neither ends the process nor leaks it: the process runs on, and when the program's main code
/// ends, it is waited for, or ended if it is a daemon. Several threads may use one handle.
///
/// As a descriptor ([`AsFd`]) the handle becomes readable when the process has ended, so that it can be polled with
/// others.
pub struct Child<T> {
    child: Arc<SupervisedChild>,
    output: PhantomData<fn() -> T>,
}

impl<T: Portable> Child<T> {
    /// Waits until the process has ended, and returns what its function returned.
    ///
    /// # Errors
    /// Why there is no value: the function panicked, a signal ended the process, it exited early, …; see
    /// [`JoinErrorKind`].
    pub fn join(self) -> Result<T, JoinError> {
        let exit = self.wait();
        self.decode(exit)
    }

    /// Waits until the process has ended, for at most `timeout`, and returns the handle if it has not.
    ///
    /// # Errors
    /// The handle itself, to wait again.
    pub fn join_timeout(self, timeout: Duration) -> Result<Result<T, JoinError>, Self> {
        match self.wait_timeout(timeout) {
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
        let decoded = self.child.take_outcome(exit).and_then(decode);
        decoded.map_err(|kind| JoinError {
            name: self.name().to_owned(),
            pid: self.pid(),
            kind,
        })
    }
}

impl<T> Child<T> {
    pub(crate) fn new(child: Arc<SupervisedChild>) -> Self {
        Self {
            child,
            output: PhantomData,
        }
    }

    /// The process id. It stays this process's own until the handle has reported the end.
    pub fn pid(&self) -> u32 {
        self.child.pid()
    }

    /// The process's name.
    pub fn name(&self) -> &str {
        &self.child.name
    }

    /// Whether the process is ended, instead of being waited for, when the main code ends.
    pub fn is_daemon(&self) -> bool {
        self.child.is_daemon
    }

    /// Whether the process has not ended yet.
    pub fn is_alive(&self) -> bool {
        self.child.exit().is_none()
    }

    /// How the process ended, if it has: its exit code, or the signal that ended it.
    ///
    /// A process whose function returned exits with 0, one whose function panicked with 101.
    pub fn exit_status(&self) -> Option<Exit> {
        self.child.exit()
    }

    /// Waits until the process has ended, and leaves its value for [`Child::join`].
    pub fn wait(&self) -> Exit {
        self.child.wait(None).unwrap_or(Exit::Unknown)
    }

    /// Waits until the process has ended, for at most `timeout`, and leaves its value for [`Child::join`].
    pub fn wait_timeout(&self, timeout: Duration) -> Option<Exit> {
        self.child.wait(Instant::now().checked_add(timeout))
    }

    /// Sends SIGTERM without waiting: the process may live for a moment longer, or for any time if it handles the
    /// signal. Does nothing if the process has ended.
    ///
    /// Its own children end with it. Other processes that it has started in its process group are killed at the latest
    /// when a handle reports its end, or when the main code ends.
    pub fn terminate(&self) {
        self.child.signal(Signal::TERM);
    }

    /// Sends SIGKILL, which no process can handle; otherwise as [`Child::terminate`].
    pub fn kill(&self) {
        self.child.kill();
    }
}

impl<T> AsFd for Child<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.child.pidfd()
    }
}

impl<T> Drop for Child<T> {
    fn drop(&mut self) {
        children::release_handle(&self.child);
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
