//! A reference of this process to a shared object, which every handle has.
//!
//! Owns one reference in the object table, and releases it when it is dropped. How a handle travels is
//! [`super::handle`]'s, and what an object does is in the file of its kind.

use std::sync::atomic::{AtomicBool, AtomicU64};

use super::{
    participant::{self, Participant},
    release::{self, ReleaseCause},
};
use crate::heap::{
    error::SharedHeapError,
    objects::{BODY, ObjectId, Plan},
};

/// A reference to an object.
#[derive(Debug)]
pub(crate) struct Reference {
    participant: &'static Participant,
    pub(crate) id: ObjectId,
    cell: u64,
    /// The reference has left in a message, and is not this process's any more.
    pub(crate) moved: AtomicBool,
}

impl Reference {
    /// Creates an object.
    pub(crate) fn create(plan: Plan) -> Result<Self, SharedHeapError> {
        let participant = participant::participant()?;
        let (id, cell) = participant.create(plan)?;
        Ok(Self::new(participant, id, cell))
    }

    /// Creates another reference to the object.
    pub(crate) fn another(&self) -> Result<Self, SharedHeapError> {
        let table = self.participant.table()?;
        table.allocate_cells(1)?;
        let mut transaction = table.transaction();
        let cell = transaction.add_reference(self.id.cell, self.participant.slot());
        transaction.commit();
        Ok(Self::new(self.participant, self.id, cell))
    }

    /// The reference in this cell, which belongs to this process.
    pub(crate) fn new(participant: &'static Participant, id: ObjectId, cell: u64) -> Self {
        Self {
            participant,
            id,
            cell,
            moved: AtomicBool::new(false),
        }
    }

    pub(crate) fn participant(&self) -> &'static Participant {
        self.participant
    }

    /// This thread, as an owner.
    #[inline]
    pub(crate) fn me(&self) -> Result<u64, SharedHeapError> {
        self.participant.me()
    }

    /// The cell of the object.
    pub(crate) fn object(&self) -> u64 {
        self.id.cell
    }

    /// The cell of this reference.
    pub(crate) fn cell(&self) -> u64 {
        self.cell
    }

    /// A word of the object's body.
    pub(crate) fn body(&self, index: u64) -> &'static AtomicU64 {
        self.participant.arena().word(self.id.cell + BODY + 8 * index)
    }

    /// A word of this reference's cell.
    pub(crate) fn reference_word(&self, offset: u64) -> &'static AtomicU64 {
        self.participant.arena().word(self.cell + offset)
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        if *self.moved.get_mut() {
            return;
        }
        let cause = if std::thread::panicking() {
            ReleaseCause::Panicked
        } else {
            ReleaseCause::Dropped
        };
        // In a forked child, or without memory to map the table, the reference stays until the process ends.
        if let Ok(table) = self.participant.table() {
            release::release(&table, self.cell, cause);
        }
    }
}
