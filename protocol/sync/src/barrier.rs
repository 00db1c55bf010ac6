//! A point at which a number of threads, of whatever processes, wait for each other.
//!
//! Owns the handle of a barrier. What its words mean is in [`crate::object::barrier_state`]; waiting and waking are
//! [`event_count`]'s.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use crate::{
    heap::{
        error::SharedHeapError,
        objects::{BODY, Kind, Plan},
    },
    object::{
        barrier_state::{
            ARRIVED, BROKEN, Fate, PARTIES, RESET, STATE, WAITERS, break_for_all, fate, next_round,
        },
        handle::serialize_as_copy,
        reference::Reference,
    },
    word::{event_count, wait::WaitMode},
};

/// A barrier: [`Barrier::wait`] returns when as many threads, of whatever processes, have called it as it has parties.
///
/// More threads than parties may come, again and again: each round lets as many pass together as there are parties, and
/// the others wait for the next round.
///
/// A barrier that can never be passed is **broken** rather than stuck: all waiting threads, and all that come later,
/// get [`BarrierError::Broken`]. This happens if a process ends, is killed, or panics while it has a handle of the
/// barrier, if a handle in flight is lost, if a wait times out, or by [`Barrier::abort`]. Dropping a handle without a
/// panic breaks nothing.
///
/// ```
/// use sync::Barrier;
///
/// let barrier = Barrier::new(2)?;
/// let other = barrier.clone();
/// let thread = std::thread::spawn(move || other.wait());
/// let one = barrier.wait()?;
/// let another = thread.join().unwrap()?;
/// assert!(one.is_leader() != another.is_leader());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Barrier {
    reference: Arc<Reference>,
}

/// The result of passing a barrier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passed {
    is_leader: bool,
}

impl Passed {
    /// Whether this thread was the last of all parties to come.
    pub fn is_leader(self) -> bool {
        self.is_leader
    }
}

/// Why a barrier was not passed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BarrierError {
    /// A party is gone or gave up, so that the others would wait without end.
    #[error("the barrier is broken: a party died, panicked or gave up")]
    Broken,
    /// The others did not come in time; the barrier is broken now.
    #[error("the other parties did not come in time")]
    TimedOut,
    /// This process cannot use the shared heap.
    #[error(transparent)]
    SharedHeap(#[from] SharedHeapError),
}

impl Barrier {
    /// Creates a barrier for this many parties.
    ///
    /// # Errors
    /// With no parties, or if the system lacks what shared objects need or has run out of it.
    pub fn new(parties: u32) -> Result<Self, SharedHeapError> {
        if parties == 0 {
            return Err(SharedHeapError::Impossible {
                what: "a barrier of no parties: it needs one at least",
            });
        }
        let reference = Reference::create(Plan::new(Kind::Barrier))?;
        reference.body(PARTIES).store(parties.into(), Ordering::Release);
        Ok(Self::of(reference))
    }

    fn of(reference: Reference) -> Self {
        Self {
            reference: Arc::new(reference),
        }
    }

    /// The number of parties.
    pub fn parties(&self) -> u64 {
        self.reference.body(PARTIES).load(Ordering::Relaxed)
    }

    /// Waits for the other parties.
    ///
    /// # Errors
    /// [`BarrierError::Broken`] if the barrier is broken, or breaks meanwhile.
    pub fn wait(&self) -> Result<Passed, BarrierError> {
        self.wait_for(WaitMode::Forever)
    }

    /// Waits for the other parties, for at most `timeout`. If they do not come, the barrier breaks for all.
    ///
    /// # Errors
    /// [`BarrierError::TimedOut`] then; else as [`Barrier::wait`].
    pub fn wait_timeout(&self, timeout: Duration) -> Result<Passed, BarrierError> {
        self.wait_for(WaitMode::timeout(timeout))
    }

    /// Breaks the barrier for all.
    ///
    /// # Errors
    /// [`BarrierError::SharedHeap`] only.
    pub fn abort(&self) -> Result<(), BarrierError> {
        let table = self.reference.participant().table()?;
        break_for_all(table.arena(), self.reference.object());
        Ok(())
    }

    /// Repairs a broken barrier, with no thread waiting at it. Threads that wait meanwhile find it broken.
    ///
    /// # Errors
    /// [`BarrierError::SharedHeap`] only.
    pub fn reset(&self) -> Result<(), BarrierError> {
        let table = self.reference.participant().table()?;
        let mut transaction = table.transaction();
        let state = transaction.get(self.place(STATE));
        transaction.set(self.place(ARRIVED), 0);
        transaction.set(self.place(STATE), next_round(state & !BROKEN).wrapping_add(RESET));
        transaction.commit();
        drop(table);
        self.wake_all();
        Ok(())
    }

    /// Whether the barrier is broken.
    pub fn is_broken(&self) -> bool {
        self.reference.body(STATE).load(Ordering::Acquire) & BROKEN != 0
    }

    fn place(&self, index: u64) -> u64 {
        self.reference.object() + BODY + 8 * index
    }

    fn wait_for(&self, mode: WaitMode) -> Result<Passed, BarrierError> {
        let Some(arrival) = self.arrive()? else {
            return Ok(Passed { is_leader: true });
        };
        let state = self.reference.body(STATE);
        let look = |_| match fate(arrival, state.load(Ordering::Acquire)) {
            Fate::Waits => None,
            Fate::Passed => Some(Ok(Passed { is_leader: false })),
            Fate::Broken => Some(Err(BarrierError::Broken)),
        };
        let (waiters, peers) = (self.reference.body(WAITERS), self.reference.participant());
        loop {
            if let Some(passed) = event_count::wait_until(waiters, mode, peers, look) {
                return passed;
            }
            if self.give_up(arrival)? {
                return Err(BarrierError::TimedOut);
            }
        }
    }

    /// Counts this party. Returns the state in which it waits, or `None` if it is the last and all may pass.
    fn arrive(&self) -> Result<Option<u64>, BarrierError> {
        let table = self.reference.participant().table()?;
        let mut transaction = table.transaction();
        let state = transaction.get(self.place(STATE));
        if state & BROKEN != 0 {
            return Err(BarrierError::Broken);
        }
        let arrived = transaction.get(self.place(ARRIVED)) + 1;
        let is_last = arrived >= transaction.get(self.place(PARTIES));
        transaction.set(self.place(ARRIVED), if is_last { 0 } else { arrived });
        if is_last {
            transaction.set(self.place(STATE), next_round(state));
        }
        transaction.commit();
        drop(table);
        if is_last {
            self.wake_all();
            return Ok(None);
        }
        Ok(Some(state))
    }

    fn wake_all(&self) {
        event_count::notify_all(self.reference.body(WAITERS));
    }

    /// Breaks the barrier unless the round in which this party has arrived is over. Returns whether it broke.
    fn give_up(&self, arrival: u64) -> Result<bool, BarrierError> {
        let table = self.reference.participant().table()?;
        let is_on = table.transaction().get(self.place(STATE)) == arrival;
        if is_on {
            break_for_all(table.arena(), self.reference.object());
        }
        Ok(is_on)
    }
}

serialize_as_copy!(Barrier);

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU64;

    use crate::object::in_flight::HandlesInFlight;

    /// A thread that is slow to wake finds that the others have gone on to later rounds.
    #[test]
    fn more_threads_than_parties_pass_it_two_by_two() {
        const WAITS: usize = 4000;
        let barrier = Barrier::new(2).unwrap();
        let begun = std::sync::atomic::AtomicUsize::new(0);
        let wait = || {
            let is_next = begun.fetch_add(1, Ordering::Relaxed) < WAITS;
            is_next.then(|| barrier.wait().map(Passed::is_leader).ok())
        };
        let passed: Vec<Option<bool>> = std::thread::scope(|scope| {
            let threads = [(); 5].map(|()| scope.spawn(|| std::iter::from_fn(wait).collect::<Vec<_>>()));
            let threads = threads.into_iter();
            threads.flat_map(|thread| thread.join().unwrap()).collect()
        });
        let count = |end| passed.iter().filter(|passed| **passed == end).count();
        assert_eq!(count(None), 0, "it was never broken");
        assert_eq!((count(Some(true)), count(Some(false))), (WAITS / 2, WAITS / 2));
    }

    #[test]
    fn parties_meet_round_after_round_with_one_leader_each() {
        let barrier = Barrier::new(3).unwrap();
        let leaders: usize = std::thread::scope(|scope| {
            let parties = [(); 3]
                .map(|()| scope.spawn(|| (0..500).filter(|_| barrier.wait().unwrap().is_leader()).count()));
            parties.into_iter().map(|party| party.join().unwrap()).sum()
        });
        assert_eq!(leaders, 500);
    }

    #[test]
    fn a_party_that_does_not_come_breaks_it_for_all() {
        let barrier = Barrier::new(3).unwrap();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| barrier.wait());
            let late = barrier.wait_timeout(Duration::from_millis(12));
            assert!(matches!(late, Err(BarrierError::TimedOut)));
            assert!(matches!(waiting.join().unwrap(), Err(BarrierError::Broken)));
        });
        assert!(matches!(barrier.wait(), Err(BarrierError::Broken)));
        barrier.reset().unwrap();
        assert!(!barrier.is_broken());
    }

    #[test]
    fn a_panicking_party_and_a_lost_handle_break_it() {
        let barrier = Barrier::new(2).unwrap();
        let mut bytes = Vec::new();
        protocol::encode_argument(&barrier, &mut bytes).unwrap();
        let other: Barrier = protocol::decode_argument(&bytes).unwrap();
        let panicking = std::thread::spawn(move || {
            let _party = other;
            panic!("before the barrier");
        });
        assert!(matches!(barrier.wait(), Err(BarrierError::Broken)));
        assert!(panicking.join().is_err());
        barrier.reset().unwrap();
        let (encoded, handles) =
            HandlesInFlight::collect(|| protocol::encode_argument(&barrier, &mut Vec::new()));
        encoded.unwrap();
        drop(handles);
        assert!(barrier.is_broken());
    }

    #[test]
    fn a_reset_turns_all_waiters_away_however_late_they_wake() {
        let barrier = Barrier::new(2).unwrap();
        let waits = || {
            let arrival = barrier.arrive().unwrap().unwrap();
            move |state: &AtomicU64| fate(arrival, state.load(Ordering::Relaxed))
        };
        let state = barrier.reference.body(STATE);
        let passes = waits();
        assert_eq!(passes(state), Fate::Waits);
        assert!(barrier.wait().unwrap().is_leader());
        assert_eq!(passes(state), Fate::Passed);
        let turned_away = waits();
        assert_eq!((passes(state), turned_away(state)), (Fate::Passed, Fate::Waits));
        barrier.abort().unwrap();
        assert_eq!((passes(state), turned_away(state)), (Fate::Passed, Fate::Broken));
        for _ in 0..5 {
            barrier.reset().unwrap();
            assert_eq!(turned_away(state), Fate::Broken);
            let next = waits();
            barrier.wait().unwrap();
            assert_eq!((next(state), turned_away(state)), (Fate::Passed, Fate::Broken));
        }
    }

    #[test]
    fn a_barrier_without_parties_cannot_be_created() {
        assert!(matches!(Barrier::new(0), Err(SharedHeapError::Impossible { .. })));
    }
}
