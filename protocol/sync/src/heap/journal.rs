//! The redo journal: changes of several words that happen completely or not at all, though their writer may be killed
//! at any instruction.
//!
//! A [`Transaction`] collects writes. Committing it stores them all in the journal, then stores their number, which is
//! the instant at which the transaction takes effect, then performs them, then clears the number. A process that takes
//! over the table's lock from a dead holder first calls [`recover`]: it performs the writes that were committed, and
//! repeating a write changes nothing; a transaction that was not committed has changed nothing. The journal belongs to
//! the holder of the lock, and what the words mean is not known here.

use std::sync::atomic::Ordering;

use super::{
    arena::Arena,
    layout::{JOURNAL, JOURNAL_ENTRIES},
};

/// Words that are addressed by their place.
pub(crate) trait Store {
    fn load(&self, place: u64) -> u64;
    fn store(&self, place: u64, value: u64);
}

impl Store for Arena {
    fn load(&self, place: u64) -> u64 {
        self.word(place).load(Ordering::Relaxed)
    }

    fn store(&self, place: u64, value: u64) {
        // Release: a process that takes over the lock from a dead one must see the writes in order.
        self.word(place).store(value, Ordering::Release);
    }
}

/// Writes that take effect together.
#[derive(Debug)]
pub(crate) struct Transaction<'a, S: Store> {
    store: &'a S,
    writes: [(u64, u64); JOURNAL_ENTRIES],
    length: usize,
}

impl<'a, S: Store> Transaction<'a, S> {
    /// The caller holds the lock of the object table.
    pub(crate) fn new(store: &'a S) -> Self {
        Self {
            store,
            writes: [(0, 0); JOURNAL_ENTRIES],
            length: 0,
        }
    }

    /// The word as it will be after the commit.
    pub(crate) fn get(&self, place: u64) -> u64 {
        let written = self.writes[..self.length].iter().find(|write| write.0 == place);
        written.map_or_else(|| self.store.load(place), |write| write.1)
    }

    /// Sets a word at the commit.
    ///
    /// # Panics
    /// If there are more writes than the journal holds: a mistake in this program.
    pub(crate) fn set(&mut self, place: u64, value: u64) {
        let written = self.writes[..self.length]
            .iter_mut()
            .find(|write| write.0 == place);
        if let Some(write) = written {
            write.1 = value;
        } else {
            assert!(self.length < JOURNAL_ENTRIES, "a transaction of too many writes");
            self.writes[self.length] = (place, value);
            self.length += 1;
        }
    }

    /// Writes at once, to a place that is read only if the transaction is committed.
    pub(crate) fn prepare(&self, place: u64, value: u64) {
        self.store.store(place, value);
    }

    /// Makes the writes take effect.
    pub(crate) fn commit(self) {
        if self.length == 0 {
            return;
        }
        for (index, (place, value)) in self.writes[..self.length].iter().enumerate() {
            let entry = entry(index as u64);
            self.store.store(entry, *place);
            self.store.store(entry + 8, *value);
        }
        self.store.store(JOURNAL, self.length as u64);
        for (place, value) in &self.writes[..self.length] {
            self.store.store(*place, *value);
        }
        self.store.store(JOURNAL, 0);
    }
}

/// Completes what a holder of the lock had committed when it died.
pub(crate) fn recover(store: &impl Store) {
    let length = store.load(JOURNAL).min(JOURNAL_ENTRIES as u64);
    for index in 0..length {
        store.store(store.load(entry(index)), store.load(entry(index) + 8));
    }
    store.store(JOURNAL, 0);
}

fn entry(index: u64) -> u64 {
    JOURNAL + 8 + index * 16
}

#[cfg(test)]
pub(crate) mod tests {
    use std::{
        cell::{Cell, RefCell},
        collections::HashMap,
        panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    };

    use super::*;

    /// Words whose writer is killed, by unwinding, at the store of a given number.
    #[derive(Debug, Default)]
    pub(crate) struct MortalStore {
        words: RefCell<HashMap<u64, u64>>,
        stores_left: Cell<Option<u64>>,
    }

    struct Killed;

    impl Store for MortalStore {
        fn load(&self, place: u64) -> u64 {
            self.words.borrow().get(&place).copied().unwrap_or_default()
        }

        fn store(&self, place: u64, value: u64) {
            match self.stores_left.get() {
                Some(0) => resume_unwind(Box::new(Killed)),
                left => self.stores_left.set(left.map(|left| left - 1)),
            }
            self.words.borrow_mut().insert(place, value);
        }
    }

    impl MortalStore {
        /// Runs `change` with a writer that dies before the store of that number; returns whether it died.
        pub(crate) fn kill_at(&self, store: u64, change: impl FnOnce(&Self)) -> bool {
            self.stores_left.set(Some(store));
            let end = catch_unwind(AssertUnwindSafe(|| change(self)));
            self.stores_left.set(None);
            match end {
                Ok(()) => false,
                Err(payload) if payload.is::<Killed>() => true,
                Err(payload) => resume_unwind(payload),
            }
        }
    }

    #[test]
    fn a_writer_killed_at_any_store_has_written_all_or_nothing() {
        let mut outcomes = [0, 0];
        for store in 0.. {
            let memory = MortalStore::default();
            let killed = memory.kill_at(store, |memory| {
                let mut transaction = Transaction::new(memory);
                for place in 0..5 {
                    transaction.set(8 * place, 100 + place);
                }
                assert_eq!(transaction.get(8), 101, "it sees its own writes");
                transaction.commit();
            });
            recover(&memory);
            let written: Vec<u64> = (0..5).map(|place| memory.load(8 * place)).collect();
            let happened = written[0] != 0;
            outcomes[usize::from(happened)] += 1;
            assert_eq!(
                written,
                if happened {
                    vec![100, 101, 102, 103, 104]
                } else {
                    vec![0; 5]
                },
                "killed at store {store}"
            );
            if !killed {
                break;
            }
        }
        assert!(outcomes[0] > 0 && outcomes[1] > 0);
    }
}
