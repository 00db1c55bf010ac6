//! One worker process as the parent holds it: started, watched, signalled and reaped.
//!
//! Owns the pidfd, by which alone the process is signalled and waited for, and the pipe of its output. It is reaped by
//! the pool's watch thread and by nobody else; no other child of the host is ever waited for.

use std::{
    ffi::OsString,
    io::{self, PipeReader, Read},
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use protocol::link::{Wake, WakeSender, spawn_guard};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::OFlags,
    process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, WaitIdStatus},
};

use super::tail::Tail;
use crate::failure::{EndReason, Exit};

/// Which program is started as a worker, and how.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    /// `None`: the program that is running now, by the very file that it was started from.
    pub(crate) path: Option<PathBuf>,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) environment: Vec<(OsString, Option<OsString>)>,
    pub(crate) clears_environment: bool,
}

/// The running program, also when its file was replaced or deleted since: a worker must be of the same build.
const OWN_PROGRAM: &str = "/proc/self/exe";

impl Program {
    /// The path to show.
    pub(crate) fn shown(&self) -> PathBuf {
        match &self.path {
            Some(path) => path.clone(),
            None => std::env::current_exe().unwrap_or_else(|_| OWN_PROGRAM.into()),
        }
    }

    fn command(&self, job: &str) -> Command {
        let path = self.path.as_deref().unwrap_or(Path::new(OWN_PROGRAM));
        let mut command = Command::new(path);
        if self.path.is_none() {
            command.arg0(self.shown());
        }
        command
            .arg(format!("{}{job}", protocol::WORKER_ARGUMENT))
            .args(&self.arguments);
        if self.clears_environment {
            command.env_clear();
        }
        for (name, value) in &self.environment {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }
}

/// A worker process.
#[derive(Debug)]
pub(crate) struct Process {
    worker: u32,
    pid: Pid,
    pidfd: OwnedFd,
    /// The control socket. Its closing tells the worker that the parent has gone.
    control: OwnedFd,
    output: PipeReader,
    tail: Mutex<Tail>,
    /// Nobody can write to the pipe any more.
    is_silent: AtomicBool,
    end: Mutex<End>,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct End {
    exit: Option<Exit>,
    /// Whom to tell.
    listener: Option<WakeSender>,
    /// Why the pool ended it.
    reason: Option<EndReason>,
}

impl Process {
    /// Starts a worker whose standard input is the second of the control sockets.
    pub(crate) fn spawn(
        program: &Program,
        job: &str,
        worker: u32,
        (control, stdin): (OwnedFd, OwnedFd),
    ) -> io::Result<Self> {
        let (output, writer) = io::pipe()?;
        rustix::fs::fcntl_setfl(&output, OFlags::NONBLOCK)?;
        let mut command = program.command(job);
        // A group of its own keeps a terminal's Ctrl-C from the worker, and lets its own children end with it.
        command.process_group(0);
        command
            .stdin(Stdio::from(stdin))
            .stdout(Stdio::from(writer.try_clone()?))
            .stderr(Stdio::from(writer));
        let child = {
            let _guard = spawn_guard();
            command.spawn()?
        };
        let pid = Pid::from_child(&child);
        match rustix::process::pidfd_open(pid, PidfdFlags::empty()) {
            Ok(pidfd) => Ok(Self {
                worker,
                pid,
                pidfd,
                control,
                output,
                tail: Mutex::default(),
                is_silent: AtomicBool::new(false),
                end: Mutex::default(),
                ended: Condvar::new(),
            }),
            Err(errno) => {
                let mut child = child;
                drop(child.kill());
                drop(child.wait());
                Err(errno.into())
            }
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().cast_unsigned()
    }

    /// The process, which has not been reaped while its start goes on.
    pub(crate) fn id(&self) -> Pid {
        self.pid
    }

    /// The parent's end of the control socket.
    pub(crate) fn control(&self) -> BorrowedFd<'_> {
        self.control.as_fd()
    }

    /// Becomes readable when the process has ended.
    pub(crate) fn pidfd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }

    /// Becomes readable when the process has written something.
    pub(crate) fn output(&self) -> BorrowedFd<'_> {
        self.output.as_fd()
    }

    fn end(&self) -> MutexGuard<'_, End> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes why it is about to end, unless that is known already.
    pub(crate) fn give_reason(&self, reason: EndReason) {
        let mut end = self.end();
        if end.exit.is_none() {
            end.reason.get_or_insert(reason);
        }
    }

    /// Kills it. `reason` is told with its death, unless another was given before.
    pub(crate) fn kill(&self, reason: EndReason) {
        let mut end = self.end();
        if end.exit.is_none() {
            end.reason.get_or_insert(reason);
            // It may have ended just now, which is what is wanted.
            let _sent = rustix::process::pidfd_send_signal(&self.pidfd, Signal::KILL);
        }
    }

    /// Why the pool ended it.
    pub(crate) fn reason(&self) -> Option<EndReason> {
        self.end().reason.clone()
    }

    /// Has `listener` told when it ends; at once, if it has ended.
    pub(crate) fn tell_end_to(&self, listener: WakeSender) {
        let mut end = self.end();
        if end.exit.is_some() {
            tell(&listener);
        } else {
            end.listener = Some(listener);
        }
    }

    /// Whether nobody can write to its output any more.
    pub(crate) fn is_silent(&self) -> bool {
        self.is_silent.load(Ordering::Relaxed)
    }

    /// Whether it has ended and waits to be reaped.
    pub(crate) fn has_ended(&self) -> bool {
        let mut descriptors = [PollFd::new(&self.pidfd, PollFlags::IN)];
        let now = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        matches!(poll(&mut descriptors, Some(&now)), Ok(1..))
    }

    /// Reads what it has written.
    pub(crate) fn read_output(&self) {
        let mut buffer = [0; 4096];
        loop {
            match (&self.output).read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => self.tail.lock().unwrap_or_else(PoisonError::into_inner).push(
                    &buffer[..length],
                    self.worker,
                    self.pid(),
                ),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => break,
            }
        }
        self.is_silent.store(true, Ordering::Relaxed);
    }

    /// The end of what it has written.
    pub(crate) fn last_output(&self) -> String {
        self.tail.lock().unwrap_or_else(PoisonError::into_inner).text()
    }

    /// Reaps it after its pidfd became readable: takes its status and ends what is left of its group.
    pub(crate) fn reap(&self) {
        self.read_output();
        let exit = self.status();
        let mut end = self.end();
        end.exit = Some(exit);
        if let Some(listener) = end.listener.take() {
            tell(&listener);
        }
        drop(end);
        self.ended.notify_all();
    }

    fn status(&self) -> Exit {
        let wait = |options| {
            rustix::io::retry_on_intr(|| rustix::process::waitid(WaitId::PidFd(self.pidfd.as_fd()), options))
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

    /// Waits until it has been reaped, `patience` at most.
    pub(crate) fn wait_ended(&self, patience: Duration) -> Option<Exit> {
        let deadline = Instant::now() + patience;
        let mut end = self.end();
        while end.exit.is_none() {
            let left = deadline.checked_duration_since(Instant::now())?;
            end = self
                .ended
                .wait_timeout(end, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        end.exit
    }
}

fn tell(listener: &WakeSender) {
    if let Err(error) = listener.send(Wake::Ended) {
        tracing::warn!("a worker's end could not be told: {error}");
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
