//! [`OutcomeSlot`]: holds the outcome of one job until its handle takes it.
//!
//! A slot is filled once: the first outcome counts and any later one is dropped, so that a result that races with a
//! deadline or a cancel has exactly one end. It knows neither workers nor queues.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::Instant,
};

use sync::HandlesInFlight;

use super::Outcome;
use crate::Captured;

/// Holds one job's outcome.
#[derive(Debug, Default)]
pub(crate) struct OutcomeSlot {
    state: Mutex<SlotState>,
    filled: Condvar,
}

#[derive(Debug, Default)]
struct SlotState {
    outcome: Option<Outcome>,
    is_filled: bool,
    captured: Captured,
    waiting: bool,
    waker: Option<Waker>,
    /// The handles in the job, which its worker may receive until there is an outcome.
    handles: HandlesInFlight,
}

impl OutcomeSlot {
    /// An empty slot for a job that contains these handles.
    pub(crate) fn new(handles: HandlesInFlight) -> Self {
        let state = SlotState {
            handles,
            ..SlotState::default()
        };
        Self {
            state: Mutex::new(state),
            filled: Condvar::new(),
        }
    }

    /// Returns the handles to this process, because the job was not accepted.
    pub(crate) fn undo(&self) {
        std::mem::take(&mut self.lock().handles).undo();
    }

    fn lock(&self) -> MutexGuard<'_, SlotState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fills the slot, unless it is filled already, and wakes all waiters.
    pub(crate) fn fill(&self, outcome: Outcome) -> Filled {
        let mut state = self.lock();
        if state.is_filled {
            return Filled::Before;
        }
        state.is_filled = true;
        state.outcome = Some(outcome);
        let (waiting, waker) = (state.waiting, state.waker.take());
        let handles = std::mem::take(&mut state.handles);
        drop(state);
        drop(handles);
        if waiting {
            self.filled.notify_all();
        }
        if let Some(waker) = waker {
            wake(waker);
        }
        Filled::Now
    }

    /// Stores what the job has written; called before the slot is filled.
    pub(crate) fn attach(&self, captured: Captured) {
        self.lock().captured = captured;
    }

    /// Takes what the job has written, if that was captured.
    pub(crate) fn take_captured(&self) -> Captured {
        std::mem::take(&mut self.lock().captured)
    }

    /// Whether the slot was filled, even if the outcome was taken since.
    pub(crate) fn is_filled(&self) -> bool {
        self.lock().is_filled
    }

    /// Takes the outcome if it is there.
    pub(crate) fn try_take(&self) -> Option<Outcome> {
        self.lock().outcome.take()
    }

    /// Waits for the outcome and takes it; `None` if `deadline` passes first.
    pub(crate) fn take(&self, deadline: Option<Instant>) -> Option<Outcome> {
        let mut state = self.lock();
        loop {
            if let Some(outcome) = state.outcome.take() {
                return Some(outcome);
            }
            state.waiting = true;
            state = match deadline {
                None => self.filled.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let left = deadline
                        .checked_duration_since(Instant::now())
                        .filter(|left| !left.is_zero())?;
                    self.filled
                        .wait_timeout(state, left)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                }
            };
        }
    }

    /// Takes the outcome, or stores the waker.
    pub(crate) fn poll(&self, context: &Context<'_>) -> Poll<Outcome> {
        let mut state = self.lock();
        if let Some(outcome) = state.outcome.take() {
            return Poll::Ready(outcome);
        }
        match &mut state.waker {
            Some(waker) => waker.clone_from(context.waker()),
            none => *none = Some(context.waker().clone()),
        }
        Poll::Pending
    }
}

/// Whether an outcome found its slot empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Filled {
    Now,
    Before,
}

/// Runs a waker, which is the caller's code, and catches its panic.
fn wake(waker: Waker) {
    let woken = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| waker.wake()));
    if woken.is_err() {
        tracing::warn!("a waker panicked");
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use super::*;
    use crate::JobError;

    #[test]
    fn only_the_first_outcome_counts() {
        let slot = OutcomeSlot::default();
        assert_eq!(slot.fill(Outcome::failed(JobError::Cancelled)), Filled::Now);
        assert_eq!(slot.fill(Outcome::failed(JobError::Closed)), Filled::Before);
        assert!(
            matches!(slot.try_take(), Some(Outcome::Failed(error)) if matches!(*error, JobError::Cancelled))
        );
        assert_eq!(slot.fill(Outcome::failed(JobError::Closed)), Filled::Before);
        assert!(slot.try_take().is_none());
    }

    #[test]
    fn a_waiter_wakes_or_times_out() {
        let slot = Arc::new(OutcomeSlot::default());
        assert!(
            slot.take(Some(Instant::now() + Duration::from_millis(5)))
                .is_none()
        );
        let filler = Arc::clone(&slot);
        let thread = std::thread::spawn(move || filler.fill(Outcome::failed(JobError::Cancelled)));
        assert!(slot.take(None).is_some());
        assert_eq!(thread.join().unwrap(), Filled::Now);
    }

    #[test]
    fn a_panicking_waker_has_no_other_effect() {
        struct Panics;
        impl std::task::Wake for Panics {
            fn wake(self: Arc<Self>) {
                panic!("in a waker, on purpose");
            }
        }
        let slot = OutcomeSlot::default();
        let waker = Waker::from(Arc::new(Panics));
        assert!(slot.poll(&Context::from_waker(&waker)).is_pending());
        assert_eq!(slot.fill(Outcome::failed(JobError::Cancelled)), Filled::Now);
    }
}
