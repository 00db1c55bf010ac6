//! A flag that processes can wait for.
//!
//! Owns the handle of an event. Waiting and waking are [`event_count`]'s, whose upper half holds the flag, so that
//! setting it and counting the notification are one step.

use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use crate::{
    heap::{
        error::SharedHeapError,
        objects::{Kind, Plan},
    },
    object::{handle::serialize_as_copy, reference::Reference},
    word::{event_count, wait::WaitMode},
};

const CLEARED: u32 = 0;
const SET: u32 = 1;

/// A flag that all processes can set, clear and wait for.
///
/// Each [`Event::set`] wakes all threads that wait at that time, also if the flag is cleared at once.
///
/// ```
/// use sync::Event;
///
/// let event = Event::new()?;
/// let waiter = event.clone();
/// let waiting = std::thread::spawn(move || waiter.wait());
/// event.set();
/// waiting.join().unwrap();
/// assert!(event.is_set());
/// event.clear();
/// assert!(!event.wait_timeout(std::time::Duration::from_millis(1)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Event {
    reference: Arc<Reference>,
    word: &'static AtomicU64,
}

impl Event {
    /// Creates an event that is not set.
    ///
    /// # Errors
    /// If the system lacks what shared objects need, or has run out of it.
    pub fn new() -> Result<Self, SharedHeapError> {
        Reference::create(Plan::new(Kind::Event)).map(Self::of)
    }

    fn of(reference: Reference) -> Self {
        Self {
            word: reference.body(0),
            reference: Arc::new(reference),
        }
    }

    /// Sets the flag and wakes all threads that wait for it.
    pub fn set(&self) {
        event_count::notify_all_with(self.word, SET);
    }

    /// Clears the flag.
    pub fn clear(&self) {
        event_count::set_own(self.word, CLEARED);
    }

    /// Whether the flag is set.
    pub fn is_set(&self) -> bool {
        event_count::own(self.word) == SET
    }

    /// Waits until the flag is set.
    pub fn wait(&self) {
        self.wait_for(WaitMode::Forever);
    }

    /// Waits until the flag is set, for at most `timeout`. Returns whether it was set.
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        self.wait_for(WaitMode::timeout(timeout))
    }

    fn wait_for(&self, mode: WaitMode) -> bool {
        let start = event_count::prepare(self.word);
        let peers = self.reference.participant();
        let was_set = event_count::wait_until(self.word, mode, peers, |now| {
            (now != start || self.is_set()).then_some(())
        });
        was_set.is_some()
    }
}

serialize_as_copy!(Event);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_who_wait_see_a_pulse_however_short() {
        for _ in 0..50 {
            let event = Event::new().unwrap();
            let (ready, is_ready) = std::sync::mpsc::channel();
            std::thread::scope(|scope| {
                for _ in 0..3 {
                    let (event, ready) = (event.clone(), ready.clone());
                    scope.spawn(move || {
                        ready.send(()).unwrap();
                        event.wait();
                    });
                }
                for _ in 0..3 {
                    is_ready.recv().unwrap();
                }
                // One that has not begun to wait yet sees a later one.
                let done = Event::new().unwrap();
                let pulses = done.clone();
                let pulsing = event.clone();
                let pulsed = scope.spawn(move || {
                    while !pulses.wait_timeout(Duration::from_micros(50)) {
                        pulsing.set();
                        pulsing.clear();
                    }
                });
                event.wait();
                event.set();
                done.set();
                pulsed.join().unwrap();
                event.set();
            });
        }
    }
}
