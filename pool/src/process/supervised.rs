//! One supervised child: a child process that runs a function, as its parent sees it.
//!
//! Owns the process and the parent's end of its control socket, which closes when the child ends. Nothing here runs in
//! the background: a caller that asks for the state reads the child's reports, and reaps the child once it has ended.

use std::{
    os::fd::{BorrowedFd, OwnedFd},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use protocol::{
    memory::Origin,
    message::control::{self, ControlError, Received},
    message::handshake,
};
use rustix::process::Signal;
use sync::HandlesInFlight;

use super::{call::Report, error::JoinErrorKind};
use crate::{failure::Exit, spawn::child::ChildProcess};

/// How long to wait for a child that the system refuses to kill, and that is to end by itself.
const REFUSED_WAIT: Duration = Duration::from_secs(1);

/// A child process that runs a function.
#[derive(Debug)]
pub(crate) struct SupervisedChild {
    pub(crate) number: u64,
    pub(crate) name: String,
    pub(crate) is_daemon: bool,
    parent: Origin,
    process: ChildProcess,
    control: OwnedFd,
    started: Instant,
    start_deadline: Duration,
    observed: Mutex<Observed>,
}

/// What the parent has observed of a child so far.
#[derive(Debug, Default)]
struct Observed {
    phase: Phase,
    /// No further report can come: the control socket is closed or has failed.
    is_closed: bool,
    outcome: Option<Result<Output, JoinErrorKind>>,
    exit: Option<Exit>,
    /// When the system refused to kill it, and how.
    refused: Option<(Instant, i32)>,
    /// The handles in the arguments, which the child may receive as long as it lives.
    arguments: Option<HandlesInFlight>,
}

/// What a function returned, still encoded.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) bytes: Vec<u8>,
    /// The handles in the output, which must be kept until it is decoded.
    pub(crate) handles: HandlesInFlight,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The child has not reported yet.
    #[default]
    Starting,
    /// The child has reported, whatever it reported.
    Begun,
    /// The child was killed because it had not reported in time.
    GivenUp,
}

impl SupervisedChild {
    pub(crate) fn new(
        (number, name): (u64, String),
        is_daemon: bool,
        (process, control): (ChildProcess, OwnedFd),
        arguments: HandlesInFlight,
        start_deadline: Duration,
    ) -> Self {
        Self {
            number,
            name,
            is_daemon,
            parent: Origin::here(),
            process,
            control,
            started: Instant::now(),
            start_deadline,
            observed: Mutex::new(Observed {
                arguments: Some(arguments),
                ..Observed::default()
            }),
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }

    pub(crate) fn pidfd(&self) -> BorrowedFd<'_> {
        self.process.pidfd()
    }

    pub(crate) fn control(&self) -> &OwnedFd {
        &self.control
    }

    /// Whether this process is a copy of the child's parent, which has no child.
    pub(crate) fn is_copy(&self) -> bool {
        !self.parent.is_here()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        if !self.is_copy()
            && let Err(errno) = self.process.signal(signal)
        {
            tracing::warn!(pid = self.pid(), "a signal to a process was refused: {errno}");
        }
    }

    /// Kills the child. If the system refuses that, the child's own watchdog does it, once its control socket closes.
    pub(crate) fn kill(&self) {
        if self.is_copy() {
            return;
        }
        if let Err(errno) = self.process.signal(Signal::KILL) {
            tracing::warn!(pid = self.pid(), "killing a process was refused: {errno}");
            self.observed()
                .refused
                .get_or_insert((Instant::now(), errno.raw_os_error()));
            let _closed = rustix::net::shutdown(&self.control, rustix::net::Shutdown::Both);
        }
    }

    /// Kills the child and reaps it.
    pub(crate) fn kill_and_reap(&self) {
        self.kill();
        self.wait(None);
    }

    fn observed(&self) -> MutexGuard<'_, Observed> {
        self.observed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How the child ended, if it has.
    pub(crate) fn exit(&self) -> Option<Exit> {
        self.wait(Some(Instant::now()))
    }

    /// Waits until the child has ended, and reaps it. Waits no longer than until `deadline`, if there is one.
    ///
    /// Many threads may wait at once. A child that does not reach its function in time is killed meanwhile.
    pub(crate) fn wait(&self, deadline: Option<Instant>) -> Option<Exit> {
        if self.is_copy() {
            return Some(Exit::Unknown);
        }
        self.wait_begun(deadline);
        let (exit, refused) = {
            let observed = self.observed();
            (observed.exit, observed.refused)
        };
        if exit.is_some() {
            return exit;
        }
        let Some((at, errno)) = refused else {
            return self.process.wait_ended(deadline).then(|| self.reap());
        };
        let latest = at + REFUSED_WAIT;
        if self
            .process
            .wait_ended(Some(deadline.map_or(latest, |deadline| deadline.min(latest))))
        {
            return Some(self.reap());
        }
        (Instant::now() >= latest).then_some(Exit::NotKilled(errno))
    }

    /// Waits until the child has reported, ended or been given up, or until `deadline`.
    fn wait_begun(&self, deadline: Option<Instant>) {
        let latest = self.started.checked_add(self.start_deadline);
        loop {
            let (phase, is_closed) = self.read_first_report();
            if phase != Phase::Starting {
                return;
            }
            let until = deadline.into_iter().chain(latest).min();
            if self.process.wait_ended_or(&self.control, !is_closed, until) {
                // Its last reports are read when it is reaped.
                return;
            }
            let now = Instant::now();
            if latest.is_some_and(|latest| now >= latest) {
                return self.give_up();
            }
            if deadline.is_some_and(|deadline| now >= deadline) {
                return;
            }
        }
    }

    fn give_up(&self) {
        let mut observed = self.observed();
        observed.read_reports(&self.control);
        if observed.phase == Phase::Starting {
            observed.phase = Phase::GivenUp;
            drop(observed);
            self.kill();
        }
    }

    /// Reads the child's reports if there was none yet; returns its phase, and whether no further report can come.
    fn read_first_report(&self) -> (Phase, bool) {
        let mut observed = self.observed();
        if observed.phase == Phase::Starting {
            observed.read_reports(&self.control);
        }
        (observed.phase, observed.is_closed)
    }

    /// Reaps the child after its end, once, and reads its last reports.
    fn reap(&self) -> Exit {
        let mut observed = self.observed();
        if let Some(exit) = observed.exit {
            return exit;
        }
        let exit = self.process.reap();
        observed.exit = Some(exit);
        observed.arguments = None;
        observed.read_reports(&self.control);
        exit
    }

    /// Takes the result of the call, after the child's end.
    pub(crate) fn take_outcome(&self, exit: Exit) -> Result<Output, JoinErrorKind> {
        if self.is_copy() {
            return Err(JoinErrorKind::Forked);
        }
        let mut observed = self.observed();
        let phase = observed.phase;
        observed.outcome.take().unwrap_or(Err(match phase {
            // A signal says enough, whenever it came.
            Phase::Starting if exit.signal().is_none() => JoinErrorKind::NotBegun(exit),
            Phase::Starting | Phase::Begun => JoinErrorKind::Died(exit),
            Phase::GivenUp => JoinErrorKind::Silent(self.start_deadline),
        }))
    }
}

impl Observed {
    /// Reads all reports that have arrived.
    fn read_reports(&mut self, control: &OwnedFd) {
        while !self.is_closed {
            match control::receive(control, Some(Instant::now())) {
                Ok(received) => self.apply(received),
                Err(ControlError::TimedOut) => return,
                Err(ControlError::Closed) => self.is_closed = true,
                Err(error) => {
                    self.is_closed = true;
                    self.outcome = Some(Err(JoinErrorKind::NotHandedOver(error.to_string())));
                }
            }
        }
    }

    fn apply(&mut self, mut received: Received) {
        if self.phase == Phase::Starting {
            self.phase = Phase::Begun;
        }
        let report = match handshake::decode::<Report>(&received) {
            Ok(report) => report,
            Err(error) => {
                self.outcome = Some(Err(JoinErrorKind::Handshake(error)));
                return;
            }
        };
        self.outcome = match report {
            Report::Begun => None,
            Report::Refused(refusal) => Some(Err(refusal.into())),
            Report::Failed(fault) => Some(Err(fault.into())),
            Report::Returned(data, handles) => {
                let handles = handles.accept();
                let taken = data.unpack(received.descriptors.pop());
                let output = taken.map(|bytes| Output { bytes, handles });
                Some(output.map_err(|error| JoinErrorKind::NotHandedOver(error.to_string())))
            }
        };
    }
}
