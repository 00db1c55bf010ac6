//! This process as a member of its family.
//!
//! Owns the one lock under which the books are kept, and the burial of members that have ended: what they held is given
//! back, object by object, by whoever notices first. What giving back means for an object of each kind is said in
//! [`crate::sync::departure`].

use std::sync::atomic::Ordering;

use protocol::MemoryError;

use super::release::{self, Departure};
use crate::{
    heap::{
        FamilyError,
        arena::Arena,
        journal::{self, Transaction},
        layout::{BOOKS_LOCK, CELL_BYTES, CELLS, CELLS_BACKED, CELLS_END, CELLS_STEP, NEXT_CELL, OBJECTS},
        liveness::{self, Presence},
        objects::{self, ObjectId, Plan},
        thread,
    },
    word::lock_word::{self, Held, Patience, Peers},
};

#[cfg(test)]
thread_local! {
    /// How often this thread has opened the books.
    pub(crate) static OPENINGS: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// A process that uses its family's objects.
#[derive(Debug)]
pub(crate) struct Member {
    arena: &'static Arena,
    presence: Presence,
}

/// The books, locked.
#[derive(Debug)]
pub(crate) struct Books<'a> {
    pub(crate) member: &'a Member,
    held: Held,
}

impl Member {
    /// Makes this process a member.
    pub(crate) fn join(arena: &'static Arena) -> Result<Self, FamilyError> {
        let presence = Presence::enter(arena)?;
        let member = Self { arena, presence };
        member.tend();
        Ok(member)
    }

    pub(crate) fn arena(&self) -> &'static Arena {
        self.arena
    }

    pub(crate) fn slot(&self) -> usize {
        self.presence.slot
    }

    /// This thread, as an owner.
    #[inline]
    pub(crate) fn me(&self) -> Result<u64, FamilyError> {
        Ok(liveness::owner(self.presence.identity()?, thread::number()))
    }

    /// Opens the books.
    pub(crate) fn books(&self) -> Result<Books<'_>, FamilyError> {
        let word = self.arena.word(BOOKS_LOCK);
        let held = lock_word::acquire(word, self.me()?, Patience::Endless, &Undertaken(self.arena));
        let Ok(held) = held else {
            panic!("the books of the family are opened while this thread has them open");
        };
        let books = Books { member: self, held };
        #[cfg(test)]
        OPENINGS.set(OPENINGS.get() + 1);
        books.reach_cells()?;
        if books.held.poison().is_some() {
            journal::recover(self.arena);
            lock_word::clear_poison(word);
        }
        Ok(books)
    }

    /// Makes an object, with a reference of this process to it.
    pub(crate) fn create(&self, plan: Plan) -> Result<(ObjectId, u64), FamilyError> {
        let (id, reference) = {
            let books = self.books()?;
            books.back_cells(2 + plan.annexes as u64)?;
            let mut transaction = books.transaction();
            let id = transaction.create(plan);
            let reference = transaction.refer(id.cell, self.slot());
            transaction.commit();
            (id, reference)
        };
        if plan.extent_bytes > 0 {
            let (place, length) = self.extent(id.cell);
            if let Err(error) = self.arena.back(place, length) {
                self.books()?.leave(reference, Departure::Left);
                return Err(error.into());
            }
        }
        Ok((id, reference))
    }

    /// Where an object's extent lies, and its length.
    pub(crate) fn extent(&self, object: u64) -> (u64, u64) {
        objects::extent(self.arena, object)
    }

    /// How many objects there are in the family.
    pub(crate) fn objects(&self) -> u64 {
        self.arena.word(OBJECTS).load(Ordering::Relaxed)
    }

    /// How many cells have ever been used.
    #[cfg(test)]
    pub(crate) fn cells_used(&self) -> u64 {
        (self.arena.word(NEXT_CELL).load(Ordering::Relaxed) - CELLS) / CELL_BYTES
    }

    /// Gives back what a process that has ended held, and its slot.
    fn bury(&self, slot: usize) -> Result<(), FamilyError> {
        if !liveness::has_ended(self.arena, slot) {
            return Ok(());
        }
        loop {
            let books = self.books()?;
            // Another may have buried it meanwhile, and the slot may be a living process's.
            if !liveness::shows_end(self.arena, slot) {
                return Ok(());
            }
            let Some(reference) = books.transaction().first_of(slot) else {
                liveness::vacate(self.arena, slot);
                return Ok(());
            };
            release::bequeath(&books, reference, slot)?;
        }
    }
}

impl Peers for Member {
    fn is_dead(&self, owner: u64) -> bool {
        liveness::slot_of(owner).is_some_and(|slot| liveness::has_ended(self.arena, slot))
    }

    fn tend(&self) {
        for slot in liveness::ended(self.arena) {
            // Without memory to map cells or items it is left to another, or to the next time.
            let _buried_or_not = self.bury(slot);
        }
    }
}

/// The peers of who waits for the books: it cannot bury anybody meanwhile.
struct Undertaken<'a>(&'a Arena);

impl Peers for Undertaken<'_> {
    fn is_dead(&self, owner: u64) -> bool {
        liveness::slot_of(owner).is_some_and(|slot| liveness::has_ended(self.0, slot))
    }

    fn tend(&self) {}
}

impl Books<'_> {
    pub(crate) fn transaction(&self) -> Transaction<'static, Arena> {
        Transaction::new(self.member.arena)
    }

    /// Ends a reference, with all that this means for its object.
    pub(crate) fn leave(&self, reference: u64, departure: Departure) {
        release::leave(self, reference, departure);
    }

    /// Whether `cell` can be a cell that was ever used: what an encoded handle says must be checked.
    pub(crate) fn has_cell(&self, cell: u64) -> bool {
        let next = self.member.arena.word(NEXT_CELL).load(Ordering::Relaxed);
        cell >= CELLS && cell < next && (cell - CELLS).is_multiple_of(CELL_BYTES)
    }

    /// Sees to it that `number` more cells have pages.
    pub(crate) fn back_cells(&self, number: u64) -> Result<(), FamilyError> {
        let arena = self.member.arena;
        let wanted = self.transaction().cells_wanted(number);
        let backed = arena.word(CELLS_BACKED);
        let now = backed.load(Ordering::Relaxed);
        if wanted <= now {
            return Ok(());
        }
        if now + CELLS_STEP > CELLS_END {
            return Err(MemoryError::System {
                step: "making an object: there are too many",
                source: std::io::ErrorKind::OutOfMemory.into(),
            }
            .into());
        }
        arena.back(now, CELLS_STEP)?;
        backed.store(now + CELLS_STEP, Ordering::Release);
        self.reach_cells()
    }

    /// Maps all cells that have pages.
    fn reach_cells(&self) -> Result<(), FamilyError> {
        let arena = self.member.arena;
        let backed = arena.word(CELLS_BACKED).load(Ordering::Acquire);
        Ok(arena.reach_all(backed)?)
    }
}

impl Drop for Books<'_> {
    fn drop(&mut self) {
        lock_word::release(self.member.arena.word(BOOKS_LOCK), &self.held, None);
    }
}
