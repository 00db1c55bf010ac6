//! The object table, locked.
//!
//! Owns the lock of the table, and the pages of its cells. What the table holds is [`super::objects`]'s; a change of it
//! is a transaction of the [`journal`].

use std::sync::atomic::Ordering;

use protocol::MemoryError;

use super::{
    arena::Arena,
    error::SharedHeapError,
    journal::{self, Transaction},
    layout::{CELL_BYTES, CELLS, CELLS_BACKED, CELLS_END, CELLS_STEP, NEXT_CELL, TABLE_LOCK},
    liveness,
};
use crate::word::{
    lock_word::{self, Held},
    wait::{Peers, WaitMode},
};

#[cfg(test)]
thread_local! {
    /// How often this thread has locked the table.
    pub(crate) static LOCKINGS: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// The object table, locked. Dropping it releases the lock.
#[derive(Debug)]
pub(crate) struct ObjectTable {
    arena: &'static Arena,
    held: Held,
}

impl ObjectTable {
    /// Locks the table, for the owner `me`, and completes what a dead holder had committed.
    ///
    /// # Panics
    /// If this thread has locked it already: a mistake in this program.
    pub(crate) fn lock(arena: &'static Arena, me: u64) -> Result<Self, SharedHeapError> {
        let word = arena.word(TABLE_LOCK);
        let held = lock_word::acquire(word, me, WaitMode::Forever, &TablePeers(arena));
        let Ok(held) = held else {
            panic!("the object table is locked while this thread holds its lock");
        };
        let table = Self { arena, held };
        #[cfg(test)]
        LOCKINGS.set(LOCKINGS.get() + 1);
        table.map_cells()?;
        if table.held.poison().is_some() {
            journal::recover(arena);
            lock_word::clear_poison(word);
        }
        Ok(table)
    }

    pub(crate) fn arena(&self) -> &'static Arena {
        self.arena
    }

    pub(crate) fn transaction(&self) -> Transaction<'static, Arena> {
        Transaction::new(self.arena)
    }

    /// Whether `cell` can be a cell that was ever used. An encoded handle must be checked for that.
    pub(crate) fn has_cell(&self, cell: u64) -> bool {
        let next = self.arena.word(NEXT_CELL).load(Ordering::Relaxed);
        cell >= CELLS && cell < next && (cell - CELLS).is_multiple_of(CELL_BYTES)
    }

    /// Makes sure that `number` more cells have pages.
    pub(crate) fn allocate_cells(&self, number: u64) -> Result<(), SharedHeapError> {
        let arena = self.arena;
        let wanted = self.transaction().cells_end(number);
        let backed = arena.word(CELLS_BACKED);
        let now = backed.load(Ordering::Relaxed);
        if wanted <= now {
            return Ok(());
        }
        if now + CELLS_STEP > CELLS_END {
            return Err(MemoryError::System {
                step: "creating an object: there are too many",
                source: std::io::ErrorKind::OutOfMemory.into(),
            }
            .into());
        }
        arena.allocate_pages(now, CELLS_STEP)?;
        backed.store(now + CELLS_STEP, Ordering::Release);
        self.map_cells()
    }

    /// Maps all cells that have pages.
    fn map_cells(&self) -> Result<(), SharedHeapError> {
        let arena = self.arena;
        let backed = arena.word(CELLS_BACKED).load(Ordering::Acquire);
        Ok(arena.map_to(backed)?)
    }
}

impl Drop for ObjectTable {
    fn drop(&mut self) {
        lock_word::release(self.arena.word(TABLE_LOCK), &self.held, None);
    }
}

/// The peers of a thread that waits for the table's lock, which cannot reclaim anything meanwhile.
struct TablePeers<'a>(&'a Arena);

impl Peers for TablePeers<'_> {
    fn is_dead(&self, owner: u64) -> bool {
        liveness::slot_of(owner).is_some_and(|slot| liveness::has_ended(self.0, slot))
    }

    fn reclaim(&self) {}
}
