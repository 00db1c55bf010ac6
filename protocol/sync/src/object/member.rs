//! This process as a member of its family.
//!
//! Owns the one lock under which the books are kept, and the burial of members that have ended: what they held is given
//! back, object by object, by whoever notices first. What giving back means for an object of each kind is said in
//! [`crate::sync::departure`].

use std::sync::{Mutex, OnceLock, PoisonError, atomic::Ordering};

use super::release::{self, Departure};
use crate::{
    heap::{
        self,
        arena::Arena,
        error::FamilyError,
        layout::OBJECTS,
        liveness::{self, Presence},
        objects::{self, ObjectId, Plan},
        table::Books,
        thread,
    },
    word::lock_word::Peers,
};

static MEMBER: OnceLock<Member> = OnceLock::new();
/// Locked while this process becomes a member.
static JOINING: Mutex<()> = Mutex::new(());

/// A process that uses its family's objects.
#[derive(Debug)]
pub(crate) struct Member {
    arena: &'static Arena,
    presence: Presence,
}

/// This process as a member of its family, which is founded if there is none.
pub(crate) fn member() -> Result<&'static Member, FamilyError> {
    if let Some(member) = MEMBER.get() {
        return Ok(member);
    }
    let _joining = JOINING.lock().unwrap_or_else(PoisonError::into_inner);
    if MEMBER.get().is_none() {
        let _first = MEMBER.set(Member::join(heap::arena()?)?);
    }
    MEMBER.get().ok_or(FamilyError::AlreadyMember)
}

/// How many shared objects there are in this process's family: none before any was made.
///
/// For tests and for those who look for a leak.
pub fn objects() -> u64 {
    MEMBER.get().map_or(0, Member::objects)
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
    pub(crate) fn books(&self) -> Result<Books, FamilyError> {
        Books::open(self.arena, self.me()?)
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
            let (place, length) = objects::extent(self.arena, id.cell);
            if let Err(error) = self.arena.back(place, length) {
                release::leave(&self.books()?, reference, Departure::Left);
                return Err(error.into());
            }
        }
        Ok((id, reference))
    }

    /// How many objects there are in the family.
    pub(crate) fn objects(&self) -> u64 {
        self.arena.word(OBJECTS).load(Ordering::Relaxed)
    }

    /// How many cells have ever been used.
    #[cfg(test)]
    pub(crate) fn cells_used(&self) -> u64 {
        use crate::heap::layout::{CELL_BYTES, CELLS, NEXT_CELL};
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
