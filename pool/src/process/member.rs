//! One child with a function to run, as its parent holds it.
//!
//! Owns the child process and the parent's end of its control socket, whose end is the child's end. Nothing here runs
//! in the background: whoever asks reads what the child has reported, and reaps it when it has ended.

use std::{
    os::fd::{BorrowedFd, OwnedFd},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use protocol::{
    control::{self, ControlError, Received},
    errand::Report,
    family::Transit,
    handshake,
};
use rustix::process::Signal;

use super::error::JoinErrorKind;
use crate::{failure::Exit, spawn::child::ChildProcess};

/// A child.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) number: u64,
    pub(crate) name: String,
    pub(crate) is_daemon: bool,
    offspring: ChildProcess,
    control: OwnedFd,
    started: Instant,
    start_deadline: Duration,
    account: Mutex<Account>,
}

/// What is known of a child's life.
#[derive(Debug, Default)]
struct Account {
    stage: Stage,
    /// The control socket says nothing more.
    is_deaf: bool,
    outcome: Option<Result<Output, JoinErrorKind>>,
    exit: Option<Exit>,
    /// The handles among its arguments, which it may receive for as long as it lives.
    arguments: Option<Transit>,
}

/// What a function returned.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) bytes: Vec<u8>,
    /// The handles in it, which are kept until it was decoded.
    pub(crate) handles: Transit,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// It has not said that it found its function.
    #[default]
    Starting,
    /// It has answered, one way or the other.
    Begun,
    /// It was killed because it had not answered in time.
    GivenUp,
}

impl Member {
    pub(crate) fn new(
        (number, name): (u64, String),
        is_daemon: bool,
        (offspring, control): (ChildProcess, OwnedFd),
        transit: Transit,
        start_deadline: Duration,
    ) -> Self {
        Self {
            number,
            name,
            is_daemon,
            offspring,
            control,
            started: Instant::now(),
            start_deadline,
            account: Mutex::new(Account {
                arguments: Some(transit),
                ..Account::default()
            }),
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.offspring.pid()
    }

    pub(crate) fn pidfd(&self) -> BorrowedFd<'_> {
        self.offspring.pidfd()
    }

    pub(crate) fn control(&self) -> &OwnedFd {
        &self.control
    }

    pub(crate) fn signal(&self, signal: Signal) {
        self.offspring.signal(signal);
    }

    /// Kills and reaps it.
    pub(crate) fn end(&self) {
        self.signal(Signal::KILL);
        self.wait(None);
    }

    fn account(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How it ended, if it has.
    pub(crate) fn exit(&self) -> Option<Exit> {
        self.wait(Some(Instant::now()))
    }

    /// Waits until it has ended, until `deadline` at most (`None`: for ever), and reaps it.
    ///
    /// Many threads may wait at once. A child that does not come to its function in time is killed meanwhile.
    pub(crate) fn wait(&self, deadline: Option<Instant>) -> Option<Exit> {
        self.wait_begun(deadline);
        if let Some(exit) = self.account().exit {
            return Some(exit);
        }
        self.offspring.wait_ended(deadline).then(|| self.settle())
    }

    /// Waits until it has answered or ended, or was given up, until `deadline` at most.
    fn wait_begun(&self, deadline: Option<Instant>) {
        let latest = self.started.checked_add(self.start_deadline);
        loop {
            let (stage, is_deaf) = self.hear();
            if stage != Stage::Starting {
                return;
            }
            let until = deadline.into_iter().chain(latest).min();
            if self.offspring.wait_ended_or(&self.control, !is_deaf, until) {
                // What it reported before it ended is read when it is settled.
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
        let mut account = self.account();
        account.hear(&self.control);
        if account.stage == Stage::Starting {
            account.stage = Stage::GivenUp;
            self.offspring.signal(Signal::KILL);
        }
    }

    /// Reads what it has reported; says how far it is, and whether nothing more will come.
    fn hear(&self) -> (Stage, bool) {
        let mut account = self.account();
        if account.stage == Stage::Starting {
            account.hear(&self.control);
        }
        (account.stage, account.is_deaf)
    }

    /// Reaps it after its end, once, and reads its last reports.
    fn settle(&self) -> Exit {
        let mut account = self.account();
        if let Some(exit) = account.exit {
            return exit;
        }
        let exit = self.offspring.reap();
        account.exit = Some(exit);
        account.arguments = None;
        account.hear(&self.control);
        exit
    }

    /// Takes what came of it, after its end.
    pub(crate) fn take_outcome(&self, exit: Exit) -> Result<Output, JoinErrorKind> {
        let mut account = self.account();
        let stage = account.stage;
        account.outcome.take().unwrap_or(Err(match stage {
            // A signal is account enough, whenever it came.
            Stage::Starting if exit.signal().is_none() => JoinErrorKind::NotBegun(exit),
            Stage::Starting | Stage::Begun => JoinErrorKind::Died(exit),
            Stage::GivenUp => JoinErrorKind::Silent(self.start_deadline),
        }))
    }
}

impl Account {
    /// Reads all reports that are there.
    fn hear(&mut self, control: &OwnedFd) {
        while !self.is_deaf {
            match control::receive(control, Some(Instant::now())) {
                Ok(received) => self.take_in(received),
                Err(ControlError::TimedOut) => return,
                Err(ControlError::Closed) => self.is_deaf = true,
                Err(error) => {
                    self.is_deaf = true;
                    self.outcome = Some(Err(JoinErrorKind::NotHandedOver(error.to_string())));
                }
            }
        }
    }

    fn take_in(&mut self, mut received: Received) {
        if self.stage == Stage::Starting {
            self.stage = Stage::Begun;
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
            Report::Returned(payload, handles) => {
                let handles = handles.claim();
                let taken = payload.unwrap(received.descriptors.pop());
                let output = taken.map(|bytes| Output { bytes, handles });
                Some(output.map_err(|error| JoinErrorKind::NotHandedOver(error.to_string())))
            }
        };
    }
}
