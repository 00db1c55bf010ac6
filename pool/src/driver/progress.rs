//! What becomes true of the pool as a whole, and waiting for it.

use std::time::Instant;

use super::core::{Core, State};
use crate::{BuildError, SubmitError, failure::Cause, scheduler::Event};

impl Core {
    /// Waits until the first worker is ready.
    pub(crate) fn wait_ready(&self) -> Result<(), BuildError> {
        self.wait_until(None, |State { milestones, .. }| {
            milestones.was_ready || milestones.broken.is_some()
        });
        let milestones = &self.lock().milestones;
        match milestones.broken.clone().filter(|_| !milestones.was_ready) {
            None => Ok(()),
            Some(Cause::NotStarted(failure)) => Err(BuildError::NoWorker(failure)),
            Some(cause) => Err(BuildError::Broken(cause)),
        }
    }

    /// Waits until no job is queued or running; says whether that came before `deadline`.
    pub(crate) fn wait_idle(&self, deadline: Option<Instant>) -> bool {
        self.wait_until(deadline, |state| state.scheduler.is_idle())
    }

    /// Waits until no worker is left; says whether that came before `deadline`.
    pub(crate) fn wait_ended(&self, deadline: Option<Instant>) -> bool {
        self.wait_until(deadline, |state| state.milestones.ended)
    }

    fn wait_until(&self, deadline: Option<Instant>, is_true: impl Fn(&State) -> bool) -> bool {
        let mut state = self.lock();
        while !is_true(&state) {
            state = match self.changed.wait(state, deadline) {
                Some(state) => state,
                None => return false,
            };
        }
        true
    }

    /// Why no more jobs are accepted, if none are.
    pub(crate) fn closed_reason(&self) -> Option<SubmitError> {
        self.lock().closed_reason()
    }

    pub(crate) fn close(&self) {
        self.handle(Event::Close);
        self.room.notify_all();
    }

    pub(crate) fn kill(&self) {
        self.handle(Event::Kill);
        self.room.notify_all();
    }
}
