//! One worker process as the parent holds it: started, watched, signalled and reaped.
//!
//! It owns the child process and the pipes of its output. Only the watch thread reaps it.

use std::{
    io,
    ops::Range,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use protocol::{
    WORKER_ARGUMENT,
    message::{
        capture::Secret,
        control::{self, MAX_CONTROL_BYTES},
        link::{Wake, WakeSender},
        log::Record,
    },
};
use rustix::{io::Errno, process::Signal};

use super::{output::OutputPipe, tail::Tail};
use crate::{
    Captured,
    failure::{EndReason, Exit},
    spawn::{child::ChildProcess, program::Program},
};

/// The most log records that are read at once.
const MAX_RECORDS: usize = 256;

/// How long to wait for a worker that the system refuses to kill, and that is to end by itself.
const REFUSED_WAIT: Duration = Duration::from_millis(500);

/// A worker process.
#[derive(Debug)]
pub(crate) struct WorkerProcess {
    worker: u32,
    child: ChildProcess,
    /// The control socket. When it closes, the worker knows that its parent has gone.
    control: OwnedFd,
    output: OutputPipe,
    /// Standard error, if it is captured apart from standard output.
    errors: Option<OutputPipe>,
    tail: Mutex<Tail>,
    /// Whether its log is read from the control socket.
    has_log: AtomicBool,
    end: Mutex<End>,
    ended: Condvar,
    /// Wakes the watch thread.
    watch: OnceLock<Arc<OwnedFd>>,
}

#[derive(Debug, Default)]
struct End {
    exit: Option<Exit>,
    /// Where to send the news of its end.
    listener: Option<WakeSender>,
    /// Why the pool ended it.
    reason: Option<EndReason>,
    /// When the system refused to kill it, and how.
    refused: Option<(Instant, i32)>,
}

impl End {
    /// Notes how the process ended, unless that was noted before, and reports it.
    fn report(&mut self, exit: Exit) {
        self.exit.get_or_insert(exit);
        if let Some(listener) = self.listener.take() {
            notify_end(&listener);
        }
    }
}

impl WorkerProcess {
    /// Starts a worker whose standard input is the second of the control sockets. With `capture`, its output is
    /// divided by jobs.
    pub(crate) fn spawn(
        program: &Program,
        job: &str,
        worker: u32,
        (control, stdin): (OwnedFd, OwnedFd),
        capture: Option<(Secret, usize)>,
    ) -> io::Result<Self> {
        let mut command = program.command(format!("{WORKER_ARGUMENT}{job}").into());
        let (output, writer) = OutputPipe::new(capture)?;
        let errors = if capture.is_some() {
            let (errors, writer) = OutputPipe::new(capture)?;
            command.stderr(writer);
            Some(errors)
        } else {
            command.stderr(writer.try_clone()?);
            None
        };
        command.stdout(writer);
        Ok(Self {
            worker,
            child: ChildProcess::spawn(command, stdin)?,
            control,
            output,
            errors,
            tail: Mutex::default(),
            has_log: AtomicBool::new(false),
            end: Mutex::default(),
            ended: Condvar::new(),
            watch: OnceLock::new(),
        })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.pid()
    }

    /// Sends a signal to it and to what it has started. Call this while it is watched, so that it is not reaped.
    pub(crate) fn signal_group(&self, signal: Signal) {
        self.child.signal_group(signal);
    }

    /// The parent's end of the control socket.
    pub(crate) fn control(&self) -> BorrowedFd<'_> {
        self.control.as_fd()
    }

    /// Becomes readable when the process has ended.
    pub(crate) fn pidfd(&self) -> BorrowedFd<'_> {
        self.child.pidfd()
    }

    /// The pipes of its output.
    pub(crate) fn output_pipes(&self) -> impl Iterator<Item = &OutputPipe> {
        std::iter::once(&self.output).chain(&self.errors)
    }

    /// Turns the reading of its log on or off.
    pub(crate) fn set_log_read(&self, listens: bool) {
        self.has_log.store(listens, Ordering::Relaxed);
    }

    /// Whether its log is read.
    pub(crate) fn has_log(&self) -> bool {
        self.has_log.load(Ordering::Relaxed)
    }

    /// What it has logged, as far as it has arrived.
    pub(crate) fn read_log(&self) -> Vec<Record> {
        let mut records = Vec::new();
        if !self.has_log() {
            return records;
        }
        let mut buffer = vec![0; MAX_CONTROL_BYTES];
        while self.has_log() && records.len() < MAX_RECORDS {
            match control::try_receive(self.control(), &mut buffer) {
                // Anything but a record is not expected now and is dropped.
                Ok(Some(bytes)) => records.extend(Record::decode(bytes).and_then(Result::ok)),
                Ok(None) => break,
                Err(_) => self.set_log_read(false),
            }
        }
        records
    }

    fn end(&self) -> MutexGuard<'_, End> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the reason of its end, unless there is one already.
    pub(crate) fn set_end_reason(&self, reason: EndReason) {
        let mut end = self.end();
        if end.exit.is_none() {
            end.reason.get_or_insert(reason);
        }
    }

    /// Kills the process. Its death is reported with `reason`, unless there is one already.
    pub(crate) fn kill(&self, reason: EndReason) {
        let mut end = self.end();
        if end.exit.is_none() {
            end.reason.get_or_insert(reason);
            if let Err(errno) = self.child.signal(Signal::KILL) {
                self.cut_off(&mut end, errno);
            }
        }
    }

    /// Ends the process by the second means after the system has refused the first: closes its lifeline, which its own
    /// watchdog obeys. If it does not end then either, it is given up.
    fn cut_off(&self, end: &mut End, errno: Errno) {
        if end.refused.is_some() {
            return;
        }
        tracing::warn!(pid = self.pid(), "killing a worker was refused: {errno}");
        end.refused = Some((Instant::now(), errno.raw_os_error()));
        let _closed = rustix::net::shutdown(&self.control, rustix::net::Shutdown::Both);
        if let Some(watch) = self.watch.get() {
            let _written = rustix::io::write(watch, &1_u64.to_ne_bytes());
        }
    }

    /// How long until the process is given up, if it could not be killed and has not ended.
    pub(crate) fn given_up_in(&self) -> Option<Duration> {
        let end = self.end();
        let (at, _) = end.refused.filter(|_| end.exit.is_none())?;
        Some(REFUSED_WAIT.saturating_sub(at.elapsed()))
    }

    /// Gives the process up if it is time to: reports its end, although it may not have ended.
    pub(crate) fn give_up_if_due(&self) {
        if self.given_up_in() != Some(Duration::ZERO) {
            return;
        }
        let mut end = self.end();
        if let Some((_, errno)) = end.refused {
            end.report(Exit::NotKilled(errno));
        }
        drop(end);
        self.ended.notify_all();
    }

    /// Whether the process was given up. It is still to be reaped.
    pub(crate) fn is_given_up(&self) -> bool {
        matches!(self.end().exit, Some(Exit::NotKilled(_)))
    }

    /// Notes how the watch thread is woken.
    pub(crate) fn set_watch(&self, wake: Arc<OwnedFd>) {
        self.watch.get_or_init(|| wake);
    }

    /// Why the pool ended it.
    pub(crate) fn reason(&self) -> Option<EndReason> {
        self.end().reason.clone()
    }

    /// Sends `listener` a message when the process ends, or at once if it has ended.
    pub(crate) fn set_end_listener(&self, listener: WakeSender) {
        let mut end = self.end();
        if end.exit.is_some() {
            notify_end(&listener);
        } else {
            end.listener = Some(listener);
        }
    }

    /// Whether it has ended and waits to be reaped.
    pub(crate) fn has_ended(&self) -> bool {
        self.child.has_ended()
    }

    /// Reads what it has written.
    pub(crate) fn read_output(&self) {
        for pipe in self.output_pipes() {
            pipe.read(|bytes| {
                let mut tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
                tail.push(bytes, self.worker, self.pid());
            });
        }
    }

    /// What the jobs at these positions have written, as far as it was read.
    pub(crate) fn take_captured(&self, positions: &Range<u64>) -> Vec<(u64, Captured)> {
        let Some(errors) = &self.errors else {
            return Vec::new();
        };
        let mut of_errors = errors.take(positions).into_iter().peekable();
        let of_output = self.output.take(positions).into_iter();
        let both = of_output.map(|(position, output)| {
            while of_errors.next_if(|(other, _)| *other < position).is_some() {}
            let errors = of_errors.next_if(|(other, _)| *other == position);
            let errors = errors.map(|(_, written)| written).unwrap_or_default();
            (position, Captured::of(output, errors))
        });
        both.collect()
    }

    /// What was written after the end of the last job, if that is captured.
    pub(crate) fn captured_rest(&self) -> Option<Captured> {
        let errors = self.errors.as_ref()?;
        Some(Captured::of(self.output.take_rest(), errors.take_rest()))
    }

    /// The end of what it has written.
    pub(crate) fn last_output(&self) -> String {
        self.tail.lock().unwrap_or_else(PoisonError::into_inner).text()
    }

    /// Reaps the process after its pidfd became readable: takes its status and ends what is left of its process
    /// group.
    pub(crate) fn reap(&self) {
        self.read_output();
        let exit = self.child.reap();
        let mut end = self.end();
        end.report(exit);
        drop(end);
        self.ended.notify_all();
    }

    /// Waits until the process was reaped, for `timeout` at most.
    pub(crate) fn wait_ended(&self, timeout: Duration) -> Option<Exit> {
        let deadline = Instant::now() + timeout;
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

fn notify_end(listener: &WakeSender) {
    if let Err(error) = listener.send(Wake::Ended) {
        tracing::warn!("the end of a worker could not be reported: {error}");
    }
}
