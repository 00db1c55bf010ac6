//! A place where a number of threads of all processes wait for each other.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use crate::{
    heap::{
        error::FamilyError,
        objects::{BODY, Kind, Plan},
    },
    object::{
        barrier_state::{BROKEN, Fate, RESET, STATE, break_for_all, fate, next_round},
        handle::travels_as_a_copy,
        reference::Tie,
    },
    word::{
        futex::Word,
        lock_word::{Patience, Peers},
    },
};

const PARTIES: u64 = 0;
const ARRIVED: u64 = 1;

/// A barrier: [`Barrier::wait`] returns when as many threads, of whatever processes, have called it as it has parties.
///
/// More threads than parties may come, again and again: as many pass together as there are parties, and the others wait
/// for the next round.
///
/// A barrier that can never be passed is **broken** rather than stuck: all who wait, and all who come, get
/// [`BarrierError::Broken`]. That happens when a process ends, is killed, or panics while it has a handle of the barrier,
/// when a handle on its way to another process is lost, when a wait times out, or by [`Barrier::abort`]. Dropping a
/// handle in peace is a resignation and breaks nothing.
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
    tie: Arc<Tie>,
}

/// That a barrier was passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passed {
    is_leader: bool,
}

impl Passed {
    /// Whether this is the one of all parties that came last.
    pub fn is_leader(self) -> bool {
        self.is_leader
    }
}

/// Why a barrier was not passed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BarrierError {
    /// A party is gone, or gave up, so that the others would wait for ever.
    #[error("the barrier is broken: a party died, panicked or gave up")]
    Broken,
    /// The others did not come in time; the barrier is broken now.
    #[error("the other parties did not come in time")]
    TimedOut,
    /// This process has no part in its family's objects any more.
    #[error(transparent)]
    Family(#[from] FamilyError),
}

impl Barrier {
    /// Makes a barrier for so many parties.
    ///
    /// # Errors
    /// With no parties, or when the system lacks what shared objects need or has run out of it.
    pub fn new(parties: u32) -> Result<Self, FamilyError> {
        if parties == 0 {
            return Err(FamilyError::Impossible {
                what: "a barrier of no parties: it needs one at least",
            });
        }
        let tie = Tie::create(Plan::new(Kind::Barrier))?;
        tie.body(PARTIES).store(parties.into(), Ordering::Release);
        Ok(Self::of(tie))
    }

    fn of(tie: Tie) -> Self {
        Self { tie: Arc::new(tie) }
    }

    /// For how many parties it is.
    pub fn parties(&self) -> u64 {
        self.tie.body(PARTIES).load(Ordering::Relaxed)
    }

    /// Waits for the other parties.
    ///
    /// # Errors
    /// [`BarrierError::Broken`] when the barrier is broken, or breaks meanwhile.
    pub fn wait(&self) -> Result<Passed, BarrierError> {
        self.wait_for(Patience::Endless)
    }

    /// Waits for the other parties, for at most `timeout`. When they do not come, the barrier is broken for them too.
    ///
    /// # Errors
    /// [`BarrierError::TimedOut`] then; else as [`Barrier::wait`].
    pub fn wait_timeout(&self, timeout: Duration) -> Result<Passed, BarrierError> {
        self.wait_for(Patience::of(timeout))
    }

    /// Breaks the barrier for all.
    ///
    /// # Errors
    /// [`BarrierError::Family`] only.
    pub fn abort(&self) -> Result<(), BarrierError> {
        let books = self.tie.member().books()?;
        break_for_all(books.arena(), self.tie.object());
        Ok(())
    }

    /// Makes a broken barrier whole again, with nobody waiting at it. Those who wait meanwhile find it broken.
    ///
    /// # Errors
    /// [`BarrierError::Family`] only.
    pub fn reset(&self) -> Result<(), BarrierError> {
        let books = self.tie.member().books()?;
        let mut transaction = books.transaction();
        let state = transaction.get(self.place(STATE));
        transaction.set(self.place(ARRIVED), 0);
        transaction.set(self.place(STATE), next_round(state & !BROKEN).wrapping_add(RESET));
        transaction.commit();
        drop(books);
        self.tie.body(STATE).wake(u32::MAX);
        Ok(())
    }

    /// Whether it is broken.
    pub fn is_broken(&self) -> bool {
        self.tie.body(STATE).load(Ordering::Acquire) & BROKEN != 0
    }

    fn place(&self, index: u64) -> u64 {
        self.tie.object() + BODY + 8 * index
    }

    fn wait_for(&self, patience: Patience) -> Result<Passed, BarrierError> {
        let Some(arrival) = self.arrive()? else {
            return Ok(Passed { is_leader: true });
        };
        let word = self.tie.body(STATE);
        loop {
            match fate(arrival, word.load(Ordering::Acquire)) {
                Fate::Waits => {}
                Fate::Passed => return Ok(Passed { is_leader: false }),
                Fate::Broken => return Err(BarrierError::Broken),
            }
            match patience.slice() {
                Some(slice) => word.sleep(arrival as u32, slice),
                None if self.give_up(arrival)? => return Err(BarrierError::TimedOut),
                None => {}
            }
            self.tie.member().tend();
        }
    }

    /// Counts this party; gives the state in which it waits, or `None` when it is the last and all may go.
    fn arrive(&self) -> Result<Option<u64>, BarrierError> {
        let books = self.tie.member().books()?;
        let mut transaction = books.transaction();
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
        drop(books);
        if is_last {
            self.tie.body(STATE).wake(u32::MAX);
            return Ok(None);
        }
        Ok(Some(state))
    }

    /// Breaks the barrier unless the round in which this party has arrived is over.
    fn give_up(&self, arrival: u64) -> Result<bool, BarrierError> {
        let books = self.tie.member().books()?;
        let is_on = books.transaction().get(self.place(STATE)) == arrival;
        if is_on {
            break_for_all(books.arena(), self.tie.object());
        }
        Ok(is_on)
    }
}

travels_as_a_copy!(Barrier);

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU64;

    use crate::object::in_flight::Transit;

    /// Whoever is slow to wake finds that the others have gone on to later rounds.
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
        let (encoded, transit) = Transit::of(|| protocol::encode_argument(&barrier, &mut Vec::new()));
        encoded.unwrap();
        drop(transit);
        assert!(barrier.is_broken());
    }

    #[test]
    fn a_reset_throws_out_who_waits_however_late_he_wakes() {
        let barrier = Barrier::new(2).unwrap();
        let waits = || {
            let arrival = barrier.arrive().unwrap().unwrap();
            move |state: &AtomicU64| fate(arrival, state.load(Ordering::Relaxed))
        };
        let state = barrier.tie.body(STATE);
        let passes = waits();
        assert_eq!(passes(state), Fate::Waits);
        assert!(barrier.wait().unwrap().is_leader());
        assert_eq!(passes(state), Fate::Passed);
        let thrown_out = waits();
        assert_eq!((passes(state), thrown_out(state)), (Fate::Passed, Fate::Waits));
        barrier.abort().unwrap();
        assert_eq!((passes(state), thrown_out(state)), (Fate::Passed, Fate::Broken));
        for _ in 0..5 {
            barrier.reset().unwrap();
            assert_eq!(thrown_out(state), Fate::Broken);
            let next = waits();
            barrier.wait().unwrap();
            assert_eq!((next(state), thrown_out(state)), (Fate::Passed, Fate::Broken));
        }
    }

    #[test]
    fn a_barrier_of_nobody_cannot_be() {
        assert!(matches!(Barrier::new(0), Err(FamilyError::Impossible { .. })));
    }
}
