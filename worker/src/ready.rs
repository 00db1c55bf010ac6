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

use crate::error::WorkerError;

/// Answers the parent, once.
#[derive(Debug)]
pub(crate) struct ReadyReply<'a> {
    control: &'a OwnedFd,
    answered: AtomicBool,
}

impl<'a> ReadyReply<'a> {
    pub(crate) fn new(control: &'a OwnedFd) -> Self {
        Self {
            control,
            answered: AtomicBool::new(false),
        }
    }

    /// Answers that the worker takes jobs.
    fn send_ready(&self) -> Result<(), WorkerError> {
        self.answer(&Answer::ready())
    }

    /// Answers why the worker takes no jobs, unless it has answered before.
    pub(crate) fn refuse(&self, failure: &WorkerError) {
        if let Some(answer) = failure.answer() {
            // A parent that hears nothing finds the reason on the worker's standard error.
            drop(self.answer(&answer));
        }
    }

    fn answer(&self, answer: &Answer) -> Result<(), WorkerError> {
        if self.answered.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        let bytes = handshake::encode(answer).map_err(|error| WorkerError::Unusable(error.to_string()))?;
        Ok(control::send(self.control, &bytes, &[])?)
    }
}

/// Where the lanes meet once their initialisers have run.
#[derive(Debug)]
pub(crate) struct StartBarrier<'a> {
    reply: &'a ReadyReply<'a>,
    barrier: Barrier,
    failure: Mutex<Option<WorkerError>>,
}

impl<'a> StartBarrier<'a> {
    pub(crate) fn new(reply: &'a ReadyReply<'a>, lanes: usize) -> Self {
        Self {
            reply,
            barrier: Barrier::new(lanes),
            failure: Mutex::new(None),
        }
    }

    /// Waits until every lane has come here with what its initialiser gave, and until the parent is answered; says
    /// whether the worker serves.
    pub(crate) fn wait(&self, opened: Result<(), String>) -> bool {
        if let Err(message) = opened {
            self.note(WorkerError::Initialiser(message));
        }
        if self.barrier.wait().is_leader()
            && !self.has_failed()
            && let Err(failure) = self.reply.send_ready()
        {
            self.note(failure);
        }
        self.barrier.wait();
        !self.has_failed()
    }

    /// Why the worker does not serve, if it does not.
    pub(crate) fn outcome(self) -> Result<(), WorkerError> {
        let failure = self.failure.into_inner().unwrap_or_else(PoisonError::into_inner);
        failure.map_or(Ok(()), Err)
    }

    fn note(&self, failure: WorkerError) {
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
