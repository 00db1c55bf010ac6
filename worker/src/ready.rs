//! The one answer to the parent's invitation.
//!
//! A worker is ready when the initialisers of all its lanes have succeeded; the first that fails speaks for all.

use std::{
    os::fd::OwnedFd,
    sync::{
        Barrier, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use protocol::{
    control,
    handshake::{self, Answer},
};

use crate::failure::Failure;

/// Answers the parent, once.
#[derive(Debug)]
pub(crate) struct Gate<'a> {
    control: &'a OwnedFd,
    answered: AtomicBool,
}

impl<'a> Gate<'a> {
    pub(crate) fn new(control: &'a OwnedFd) -> Self {
        Self {
            control,
            answered: AtomicBool::new(false),
        }
    }

    /// Answers that the worker takes jobs.
    fn accept(&self) -> Result<(), Failure> {
        self.answer(&Answer::ready())
    }

    /// Answers why the worker takes no jobs, unless it has answered before.
    pub(crate) fn refuse(&self, failure: &Failure) {
        if let Some(answer) = failure.answer() {
            // A parent that hears nothing finds the reason on the worker's standard error.
            drop(self.answer(&answer));
        }
    }

    fn answer(&self, answer: &Answer) -> Result<(), Failure> {
        if self.answered.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        let bytes = handshake::encode(answer).map_err(|error| Failure::Unusable(error.to_string()))?;
        Ok(control::send(self.control, &bytes, &[])?)
    }
}

/// Where the lanes meet once their initialisers have run.
#[derive(Debug)]
pub(crate) struct Opening<'a> {
    gate: &'a Gate<'a>,
    barrier: Barrier,
    failure: Mutex<Option<Failure>>,
}

impl<'a> Opening<'a> {
    pub(crate) fn new(gate: &'a Gate<'a>, lanes: usize) -> Self {
        Self {
            gate,
            barrier: Barrier::new(lanes),
            failure: Mutex::new(None),
        }
    }

    /// Waits until every lane has come here with what its initialiser gave, and until the parent is answered; says
    /// whether the worker serves.
    pub(crate) fn meet(&self, opened: Result<(), String>) -> bool {
        if let Err(message) = opened {
            self.note(Failure::Initialiser(message));
        }
        if self.barrier.wait().is_leader()
            && !self.has_failed()
            && let Err(failure) = self.gate.accept()
        {
            self.note(failure);
        }
        self.barrier.wait();
        !self.has_failed()
    }

    /// Why the worker does not serve, if it does not.
    pub(crate) fn outcome(self) -> Result<(), Failure> {
        let failure = self.failure.into_inner().unwrap_or_else(PoisonError::into_inner);
        failure.map_or(Ok(()), Err)
    }

    fn note(&self, failure: Failure) {
        let mut first = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert(failure);
    }

    fn has_failed(&self) -> bool {
        self.failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_some()
    }
}
