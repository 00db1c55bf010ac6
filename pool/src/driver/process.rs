//! One worker process as the parent holds it: started, watched, signalled and reaped.
//!
//! Owns the child process and the pipe of its output. It is reaped by the pool's watch thread and by nobody else.

use std::{
    io::{self, PipeReader, Read},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    process::Stdio,
    sync::{
        Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use protocol::{
    WORKER_ARGUMENT,
    control::{self, MAX_CONTROL_BYTES},
    link::{Wake, WakeSender},
    log::Record,
};
use rustix::{fs::OFlags, process::Signal};

use super::tail::Tail;
use crate::{
    failure::{EndReason, Exit},
    offspring::Offspring,
    program::Program,
};

/// No more of a log is taken at once.
const RECORDS_AT_ONCE: usize = 256;

/// A worker process.
#[derive(Debug)]
pub(crate) struct Process {
    worker: u32,
    offspring: Offspring,
    /// The control socket. Its closing tells the worker that the parent has gone.
    control: OwnedFd,
    output: PipeReader,
    tail: Mutex<Tail>,
    /// Nobody can write to the pipe any more.
    is_silent: AtomicBool,
    /// It tells of its log over the control socket.
    has_log: AtomicBool,
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
        let mut command = program.command(format!("{WORKER_ARGUMENT}{job}").into());
        command
            .stdout(Stdio::from(writer.try_clone()?))
            .stderr(Stdio::from(writer));
        Ok(Self {
            worker,
            offspring: Offspring::spawn(command, stdin)?,
            control,
            output,
            tail: Mutex::default(),
            is_silent: AtomicBool::new(false),
            has_log: AtomicBool::new(false),
            end: Mutex::default(),
            ended: Condvar::new(),
        })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.offspring.pid()
    }

    /// The parent's end of the control socket.
    pub(crate) fn control(&self) -> BorrowedFd<'_> {
        self.control.as_fd()
    }

    /// Becomes readable when the process has ended.
    pub(crate) fn pidfd(&self) -> BorrowedFd<'_> {
        self.offspring.pidfd()
    }

    /// Becomes readable when the process has written something.
    pub(crate) fn output(&self) -> BorrowedFd<'_> {
        self.output.as_fd()
    }

    /// Begins or ends listening to its log.
    pub(crate) fn listen_to_log(&self, listens: bool) {
        self.has_log.store(listens, Ordering::Relaxed);
    }

    /// Whether its log is listened to.
    pub(crate) fn has_log(&self) -> bool {
        self.has_log.load(Ordering::Relaxed)
    }

    /// What it has logged, as far as it is there.
    pub(crate) fn read_log(&self) -> Vec<Record> {
        let mut records = Vec::new();
        if !self.has_log() {
            return records;
        }
        let mut buffer = vec![0; MAX_CONTROL_BYTES];
        while self.has_log() && records.len() < RECORDS_AT_ONCE {
            match control::try_receive(self.control(), &mut buffer) {
                // What is no record is nothing that a worker says now.
                Ok(Some(bytes)) => records.extend(Record::decode(bytes).and_then(Result::ok)),
                Ok(None) => break,
                Err(_) => self.listen_to_log(false),
            }
        }
        records
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
            self.offspring.signal(Signal::KILL);
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
        self.offspring.has_ended()
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
        let exit = self.offspring.reap();
        let mut end = self.end();
        end.exit = Some(exit);
        if let Some(listener) = end.listener.take() {
            tell(&listener);
        }
        drop(end);
        self.ended.notify_all();
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
