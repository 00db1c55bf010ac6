//! The state that both ends of a stream share: the numbers, the window, the bounds, and which end waits.

use std::{
    fmt,
    sync::{
        Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{results::Results, window::Window};

/// The order in which a stream yields its outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The order of the inputs: first in, first out.
    Input,
    /// The order in which jobs end.
    Completion,
}

/// How far a stream's inputs may run ahead.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) items: u64,
    pub(crate) bytes: usize,
}

/// The state that both ends of a stream share.
pub(crate) struct StreamCore {
    state: Mutex<StreamState>,
    changed: Condvar,
    is_abandoned: AtomicBool,
    bounds: Bounds,
}

#[derive(Debug)]
pub(crate) struct StreamState {
    pub(crate) window: Window,
    accepted: u64,
    /// Outcomes that were seen, as far as the output end has reported.
    taken: u64,
    /// Memory held by outcomes in the window and by those that the output end still holds.
    bytes: usize,
    is_input_closed: bool,
    consumer_waits: bool,
    producer_waits: bool,
}

impl StreamState {
    pub(crate) fn ahead(&self) -> u64 {
        self.accepted - self.taken
    }

    fn settle(&mut self, seen: Done) {
        self.taken += seen.outcomes;
        self.bytes -= seen.bytes;
    }
}

/// What the output end has consumed since its last report.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Done {
    /// Outcomes seen.
    pub(crate) outcomes: u64,
    /// Memory released.
    pub(crate) bytes: usize,
}

impl fmt::Debug for StreamCore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("StreamCore")
            .field("bounds", &self.bounds)
            .finish_non_exhaustive()
    }
}

impl StreamCore {
    pub(crate) fn new(order: Order, bounds: Bounds) -> Self {
        let window = match order {
            Order::Input => Window::ordered(),
            Order::Completion => Window::unordered(),
        };
        Self {
            state: Mutex::new(StreamState {
                window,
                accepted: 0,
                taken: 0,
                bytes: 0,
                is_input_closed: false,
                consumer_waits: false,
                producer_waits: false,
            }),
            changed: Condvar::new(),
            is_abandoned: AtomicBool::new(false),
            bounds,
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, StreamState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many inputs may come in now.
    pub(crate) fn room(&self, state: &StreamState) -> u32 {
        let ahead = state.ahead();
        if ahead > 0 && state.bytes >= self.bounds.bytes {
            return 0;
        }
        u32::try_from(self.bounds.items.saturating_sub(ahead)).unwrap_or(u32::MAX)
    }

    /// How many inputs may come in at once.
    pub(crate) fn most_at_once(&self) -> u32 {
        u32::try_from(self.bounds.items / 4).unwrap_or(u32::MAX).max(1)
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        self.is_abandoned.load(Ordering::Relaxed)
    }

    /// Inserts the results of the inputs from `first` on.
    pub(crate) fn resolve(&self, first: u64, results: impl Iterator<Item = Results>) {
        let mut first = first;
        let mut state = self.lock();
        for results in results {
            let (count, bytes) = (results.left(), results.bytes());
            if state.window.insert(first, results) {
                state.bytes += bytes;
            }
            first += u64::from(count);
        }
        if state.consumer_waits && state.window.is_ready() {
            state.consumer_waits = false;
            drop(state);
            self.changed.notify_all();
        }
    }

    /// Numbers the next inputs, after waiting for room if `waits`, and returns the first number; `None` if the output end
    /// was dropped.
    pub(crate) fn accept(&self, inputs: u32, waits: bool) -> Option<u64> {
        let mut state = self.lock();
        while waits && self.room(&state) < inputs && !self.is_abandoned() {
            state.producer_waits = true;
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if self.is_abandoned() {
            return None;
        }
        let first = state.accepted;
        state.accepted += u64::from(inputs);
        Some(first)
    }

    pub(crate) fn close_input(&self) {
        self.lock().is_input_closed = true;
        self.changed.notify_all();
    }

    pub(crate) fn abandon(&self) {
        self.is_abandoned.store(true, Ordering::Relaxed);
        drop(self.lock());
        self.changed.notify_all();
    }

    /// Records what the output end has consumed.
    pub(crate) fn settle(&self, done: Done) {
        let mut state = self.lock();
        state.settle(done);
        self.make_room(state);
    }

    /// Takes the next results. If there are none yet, waits for some if `waits`; `None` if there are none, or all were
    /// taken.
    pub(crate) fn take(&self, done: Done, waits: bool) -> Option<(u64, Results)> {
        self.settle(done);
        let mut state = self.lock();
        loop {
            let taken = state.window.pop();
            let ended = state.is_input_closed && state.ahead() == 0;
            if taken.is_some() || ended || !waits {
                return taken;
            }
            state.consumer_waits = true;
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Wakes a producer that waits for room, if there is enough.
    fn make_room(&self, mut state: MutexGuard<'_, StreamState>) {
        // Some room at once rather than a little at a time: fewer wake-ups of a producer.
        let roomy = state.ahead() <= self.bounds.items / 4 * 3 && state.bytes <= self.bounds.bytes / 4 * 3;
        if state.producer_waits && (roomy || state.ahead() == 0) {
            state.producer_waits = false;
            drop(state);
            self.changed.notify_all();
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;

    use super::*;

    /// A stream without a pool.
    pub(crate) fn core() -> Arc<StreamCore> {
        let bounds = Bounds {
            items: 100,
            bytes: 1 << 20,
        };
        Arc::new(StreamCore::new(Order::Input, bounds))
    }
}
