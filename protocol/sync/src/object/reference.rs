//! What ties a handle in this process to its object in the family's memory.
//!
//! Owns one reference in the family's books, and how a handle is encoded and received. Each kind of object has its own
//! file for what it does.

use std::sync::atomic::{AtomicBool, AtomicU64};

use super::{
    member::{self, Member},
    release::{self, Departure},
};
use crate::heap::{
    error::FamilyError,
    objects::{BODY, ObjectId, Plan},
};

/// A reference to an object.
#[derive(Debug)]
pub(crate) struct Tie {
    member: &'static Member,
    pub(crate) id: ObjectId,
    reference: u64,
    /// The reference has left in a message, and is not this process's any more.
    pub(crate) moved: AtomicBool,
}

impl Tie {
    /// Makes an object.
    pub(crate) fn create(plan: Plan) -> Result<Self, FamilyError> {
        let member = member::member()?;
        let (id, reference) = member.create(plan)?;
        Ok(Self::new(member, id, reference))
    }

    /// Makes a further reference to an object.
    pub(crate) fn another(&self) -> Result<Self, FamilyError> {
        let books = self.member.books()?;
        books.back_cells(1)?;
        let mut transaction = books.transaction();
        let reference = transaction.refer(self.id.cell, self.member.slot());
        transaction.commit();
        Ok(Self::new(self.member, self.id, reference))
    }

    pub(crate) fn new(member: &'static Member, id: ObjectId, reference: u64) -> Self {
        Self {
            member,
            id,
            reference,
            moved: AtomicBool::new(false),
        }
    }

    pub(crate) fn member(&self) -> &'static Member {
        self.member
    }

    /// This thread, as an owner.
    #[inline]
    pub(crate) fn me(&self) -> Result<u64, FamilyError> {
        self.member.me()
    }

    pub(crate) fn object(&self) -> u64 {
        self.id.cell
    }

    pub(crate) fn reference(&self) -> u64 {
        self.reference
    }

    /// A word of the object's own.
    pub(crate) fn body(&self, index: u64) -> &'static AtomicU64 {
        self.member.arena().word(self.id.cell + BODY + 8 * index)
    }

    /// A word of this handle's reference.
    pub(crate) fn reference_word(&self, offset: u64) -> &'static AtomicU64 {
        self.member.arena().word(self.reference + offset)
    }
}

impl Drop for Tie {
    fn drop(&mut self) {
        if *self.moved.get_mut() {
            return;
        }
        let departure = if std::thread::panicking() {
            Departure::Panicked
        } else {
            Departure::Left
        };
        // In a forked child, or without memory to map the books, the reference stays until the process ends.
        if let Ok(books) = self.member.books() {
            release::leave(&books, self.reference, departure);
        }
    }
}
