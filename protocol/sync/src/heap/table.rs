//! The books of a family, locked.
//!
//! Owns the one lock under which the books are kept, and the pages of the cells.

use std::sync::atomic::Ordering;

use protocol::MemoryError;

use super::{
    arena::Arena,
    error::FamilyError,
    journal::{self, Transaction},
    layout::{BOOKS_LOCK, CELL_BYTES, CELLS, CELLS_BACKED, CELLS_END, CELLS_STEP, NEXT_CELL},
    liveness,
};
use crate::word::lock_word::{self, Held, Patience, Peers};

#[cfg(test)]
thread_local! {
    /// How often this thread has opened the books.
    pub(crate) static OPENINGS: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// The books, locked.
#[derive(Debug)]
pub(crate) struct Books {
    arena: &'static Arena,
    held: Held,
}

impl Books {
    /// Opens the books, as the owner `me`.
    pub(crate) fn open(arena: &'static Arena, me: u64) -> Result<Self, FamilyError> {
        let word = arena.word(BOOKS_LOCK);
        let held = lock_word::acquire(word, me, Patience::Endless, &Undertaken(arena));
        let Ok(held) = held else {
            panic!("the books of the family are opened while this thread has them open");
        };
        let books = Self { arena, held };
        #[cfg(test)]
        OPENINGS.set(OPENINGS.get() + 1);
        books.reach_cells()?;
        if books.held.poison().is_some() {
            journal::recover(arena);
            lock_word::clear_poison(word);
        }
        Ok(books)
    }

    pub(crate) fn arena(&self) -> &'static Arena {
        self.arena
    }

    pub(crate) fn transaction(&self) -> Transaction<'static, Arena> {
        Transaction::new(self.arena)
    }

    /// Whether `cell` can be a cell that was ever used: what an encoded handle says must be checked.
    pub(crate) fn has_cell(&self, cell: u64) -> bool {
        let next = self.arena.word(NEXT_CELL).load(Ordering::Relaxed);
        cell >= CELLS && cell < next && (cell - CELLS).is_multiple_of(CELL_BYTES)
    }

    /// Sees to it that `number` more cells have pages.
    pub(crate) fn back_cells(&self, number: u64) -> Result<(), FamilyError> {
        let arena = self.arena;
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
        let arena = self.arena;
        let backed = arena.word(CELLS_BACKED).load(Ordering::Acquire);
        Ok(arena.reach_all(backed)?)
    }
}

impl Drop for Books {
    fn drop(&mut self) {
        lock_word::release(self.arena.word(BOOKS_LOCK), &self.held, None);
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
