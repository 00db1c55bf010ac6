//! This process as a participant: a process that uses the objects of its shared heap.
//!
//! Owns this process's registration, and the reclaiming of what dead processes held, reference by reference, by the
//! first process that notices a death. What that means for an object of each kind is [`super::release`]'s part.

use std::sync::{Mutex, OnceLock, PoisonError, atomic::Ordering};

use super::release::{self, ReleaseCause};
use crate::{
    heap::{
        self,
        arena::Arena,
        error::SharedHeapError,
        layout::OBJECTS,
        liveness::{self, Registration},
        objects::{self, ObjectId, Plan},
        table::ObjectTable,
        thread,
    },
    word::wait::Peers,
};

static PARTICIPANT: OnceLock<Participant> = OnceLock::new();
/// Locked while this process becomes a participant.
static JOINING: Mutex<()> = Mutex::new(());

/// A process that uses the objects of its shared heap.
#[derive(Debug)]
pub(crate) struct Participant {
    arena: &'static Arena,
    registration: Registration,
}

/// This process as a participant of its shared heap, which is created if there is none.
pub(crate) fn participant() -> Result<&'static Participant, SharedHeapError> {
    if let Some(participant) = PARTICIPANT.get() {
        return Ok(participant);
    }
    let _joining = JOINING.lock().unwrap_or_else(PoisonError::into_inner);
    if PARTICIPANT.get().is_none() {
        let _first = PARTICIPANT.set(Participant::join(heap::arena()?)?);
    }
    PARTICIPANT.get().ok_or(SharedHeapError::AlreadyAttached)
}

/// How many objects the shared heap of this process holds: 0 before this process has used it.
///
/// For tests, and for finding leaks.
pub fn object_count() -> u64 {
    PARTICIPANT.get().map_or(0, Participant::object_count)
}

impl Participant {
    /// Makes this process a participant.
    pub(crate) fn join(arena: &'static Arena) -> Result<Self, SharedHeapError> {
        let registration = Registration::new(arena)?;
        let participant = Self { arena, registration };
        participant.reclaim();
        Ok(participant)
    }

    pub(crate) fn arena(&self) -> &'static Arena {
        self.arena
    }

    pub(crate) fn slot(&self) -> usize {
        self.registration.slot
    }

    /// This thread, as an owner.
    #[inline]
    pub(crate) fn me(&self) -> Result<u64, SharedHeapError> {
        Ok(liveness::owner(self.registration.identity()?, thread::number()))
    }

    /// Locks the object table.
    pub(crate) fn table(&self) -> Result<ObjectTable, SharedHeapError> {
        ObjectTable::lock(self.arena, self.me()?)
    }

    /// Creates an object, with a reference of this process to it.
    pub(crate) fn create(&self, plan: Plan) -> Result<(ObjectId, u64), SharedHeapError> {
        let (id, reference) = {
            let table = self.table()?;
            table.allocate_cells(2 + plan.extra_cells as u64)?;
            let mut transaction = table.transaction();
            let id = transaction.create(plan);
            let reference = transaction.add_reference(id.cell, self.slot());
            transaction.commit();
            (id, reference)
        };
        if plan.extent_bytes > 0 {
            let (place, length) = objects::extent(self.arena, id.cell);
            if let Err(error) = self.arena.allocate_pages(place, length) {
                release::release(&self.table()?, reference, ReleaseCause::Dropped);
                return Err(error.into());
            }
        }
        Ok((id, reference))
    }

    /// How many objects the heap holds.
    pub(crate) fn object_count(&self) -> u64 {
        self.arena.word(OBJECTS).load(Ordering::Relaxed)
    }

    /// How many cells have ever been used.
    #[cfg(test)]
    pub(crate) fn cells_used(&self) -> u64 {
        use crate::heap::layout::{CELL_BYTES, CELLS, NEXT_CELL};
        (self.arena.word(NEXT_CELL).load(Ordering::Relaxed) - CELLS) / CELL_BYTES
    }

    /// Reclaims what a process that has ended held, and its slot.
    fn reclaim_slot(&self, slot: usize) -> Result<(), SharedHeapError> {
        if !liveness::has_ended(self.arena, slot) {
            return Ok(());
        }
        loop {
            let table = self.table()?;
            // Another process may have reclaimed the slot meanwhile, and a living one may have it.
            if !liveness::shows_end(self.arena, slot) {
                return Ok(());
            }
            let Some(reference) = table.transaction().first_of(slot) else {
                liveness::free_slot(self.arena, slot);
                return Ok(());
            };
            release::reclaim(&table, reference, slot)?;
        }
    }
}

impl Peers for Participant {
    fn is_dead(&self, owner: u64) -> bool {
        liveness::slot_of(owner).is_some_and(|slot| liveness::has_ended(self.arena, slot))
    }

    fn reclaim(&self) {
        for slot in liveness::ended(self.arena) {
            // Without memory to map cells or items, another process does it, or this one the next time.
            let _reclaimed_or_not = self.reclaim_slot(slot);
        }
    }
}
