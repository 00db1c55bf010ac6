//! The reply to the parent's start request.
//!
//! A worker is ready once the initialisers of all its lanes have succeeded. If one fails, the first failure is the reply.

use std::{
    os::fd::OwnedFd,
    sync::{
        Barrier, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use protocol::message::{
    control,
    handshake::{self, Answer},
};

use crate::error::WorkerError;

/// Answers the start request, at most once.
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

    /// Answers that the worker is ready for jobs.
    fn send_ready(&self) -> Result<(), WorkerError> {
        self.answer(&Answer::ready())
    }

    /// Answers why the worker takes no jobs, unless it has answered before.
    pub(crate) fn refuse(&self, error: &WorkerError) {
        if let Some(answer) = error.answer() {
            // If this fails, the parent finds the reason on the worker's standard error.
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

/// A barrier at which the lanes wait for each other after their initialisers.
#[derive(Debug)]
pub(crate) struct StartBarrier<'a> {
    reply: &'a ReadyReply<'a>,
    barrier: Barrier,
    error: Mutex<Option<WorkerError>>,
}

impl<'a> StartBarrier<'a> {
    pub(crate) fn new(reply: &'a ReadyReply<'a>, lanes: usize) -> Self {
        Self {
            reply,
            barrier: Barrier::new(lanes),
            error: Mutex::new(None),
        }
    }

    /// Waits until every lane has arrived with the result of its initialiser, and until the parent is answered. Returns
    /// whether the worker serves.
    pub(crate) fn wait(&self, initialised: Result<(), String>) -> bool {
        if let Err(message) = initialised {
            self.note(WorkerError::Initialiser(message));
        }
        if self.barrier.wait().is_leader()
            && !self.has_failed()
            && let Err(error) = self.reply.send_ready()
        {
            self.note(error);
        }
        self.barrier.wait();
        !self.has_failed()
    }

    /// The first error of any lane.
    pub(crate) fn outcome(self) -> Result<(), WorkerError> {
        let error = self.error.into_inner().unwrap_or_else(PoisonError::into_inner);
        error.map_or(Ok(()), Err)
    }

    fn note(&self, error: WorkerError) {
        let mut first = self.error.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert(error);
    }

    fn has_failed(&self) -> bool {
        self.error
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_some()
    }
}
