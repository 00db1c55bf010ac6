//! A flag that processes can wait for.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::{
    heap::{
        error::FamilyError,
        objects::{Kind, Plan},
    },
    object::{handle::travels_as_a_copy, reference::Tie},
    word::{
        futex::Word,
        lock_word::{Patience, Peers},
    },
};

const SET: u64 = 1;
/// Somebody may sleep until it is set.
const SLEEPERS: u64 = 2;
/// Counts how often it was set, in the rest of the lower half.
const ROUND: u64 = 4;
const LOW: u64 = (1 << 32) - 1;

/// A flag that is set or not, and for which all processes can wait.
///
/// A waiter is woken by every [`Event::set`] that happens while it waits, also when the flag is cleared at once.
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
    tie: Arc<Tie>,
    word: &'static AtomicU64,
}

impl Event {
    /// Makes an event that is not set.
    ///
    /// # Errors
    /// When the system lacks what shared objects need, or has run out of it.
    pub fn new() -> Result<Self, FamilyError> {
        Tie::create(Plan::new(Kind::Event)).map(Self::of)
    }

    fn of(tie: Tie) -> Self {
        Self {
            word: tie.body(0),
            tie: Arc::new(tie),
        }
    }

    /// Sets the flag and wakes all who wait for it.
    pub fn set(&self) {
        let before = self.change(|word| {
            let round = if word & SET == 0 { ROUND } else { 0 };
            (word + round) & LOW & !SLEEPERS | SET
        });
        if before & SLEEPERS != 0 {
            self.word.wake(u32::MAX);
        }
    }

    /// Clears the flag.
    pub fn clear(&self) {
        self.change(|word| word & !SET);
    }

    /// Whether the flag is set.
    pub fn is_set(&self) -> bool {
        self.word.load(Ordering::Acquire) & SET != 0
    }

    /// Waits until the flag is set.
    pub fn wait(&self) {
        self.wait_for(Patience::Endless);
    }

    /// Waits until the flag is set, for at most `timeout`; says whether it was.
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        self.wait_for(Patience::of(timeout))
    }

    fn wait_for(&self, patience: Patience) -> bool {
        let start = self.word.load(Ordering::Acquire);
        loop {
            let seen = self.word.load(Ordering::Acquire);
            if seen & SET != 0 || (seen ^ start) & LOW & !(SET | SLEEPERS) != 0 {
                return true;
            }
            let Some(slice) = patience.slice() else {
                return false;
            };
            if self
                .word
                .exchange(seen, seen | SLEEPERS, Ordering::Relaxed)
                .is_ok()
            {
                self.word.sleep((seen | SLEEPERS) as u32, slice);
                self.tie.member().tend();
            }
        }
    }

    /// Changes the word in one step, and gives what it was.
    fn change(&self, change: impl Fn(u64) -> u64) -> u64 {
        let change = |word| Some(change(word));
        let changed = self
            .word
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, change);
        changed.unwrap_or_else(|word| word)
    }
}

travels_as_a_copy!(Event);

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
