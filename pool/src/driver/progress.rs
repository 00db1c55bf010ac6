//! Waiting for the pool as a whole: until it is ready, idle or ended.

use std::time::Instant;

use super::core::{Core, Locked};
use crate::{BuildError, SubmitError, failure::Cause, scheduler::Event};

impl Core {
    /// Waits until the first worker is ready.
    pub(crate) fn wait_ready(&self) -> Result<(), BuildError> {
        self.wait_until(None, |Locked { pool_state, .. }| {
            pool_state.was_ready || pool_state.broken.is_some()
        });
        let pool_state = &self.lock().pool_state;
        match pool_state.broken.clone().filter(|_| !pool_state.was_ready) {
            None => Ok(()),
            Some(Cause::NotStarted(failure)) => Err(BuildError::NoWorker(failure)),
            Some(cause) => Err(BuildError::Broken(cause)),
        }
    }

    /// Waits until no job is queued or running. Returns whether that happened before `deadline`; in a copy of the pool's
    /// process it returns at once, as all waits do.
    pub(crate) fn wait_idle(&self, deadline: Option<Instant>) -> bool {
        self.wait_until(deadline, |locked| locked.scheduler.is_idle())
    }

    /// Waits until no worker is left. Returns whether that happened before `deadline`.
    pub(crate) fn wait_ended(&self, deadline: Option<Instant>) -> bool {
        self.wait_until(deadline, |locked| locked.pool_state.ended)
    }

    fn wait_until(&self, deadline: Option<Instant>, is_true: impl Fn(&Locked) -> bool) -> bool {
        if self.is_copy() {
            return false;
        }
        let mut locked = self.lock();
        while !is_true(&locked) {
            locked = match self.changed.wait(locked, deadline) {
                Some(locked) => locked,
                None => return false,
            };
        }
        true
    }

    /// Why the pool accepts no more jobs, if it does not.
    pub(crate) fn closed_reason(&self) -> Option<SubmitError> {
        if self.is_copy() {
            return Some(SubmitError::Forked);
        }
        self.lock().closed_reason()
    }

    pub(crate) fn close(&self) {
        self.handle(Event::Close);
        self.room.notify_all();
    }

    pub(crate) fn stop(&self) {
        self.handle(Event::Stop);
        self.room.notify_all();
    }

    pub(crate) fn kill(&self) {
        self.handle(Event::Kill);
        self.room.notify_all();
    }
}
