//! The memory that all processes of a family share, and in which their locks and queues lie.
//!
//! The topmost process of a family makes one file of memory when it is first asked for ([`descriptor`]); every process
//! that it starts is handed the descriptor and [`adopt`]s it, and hands it on to its own children, at any depth. A
//! handle of a shared object ([`crate`]) is therefore a few bytes: the family's number, the object's place and
//! generation. It needs no descriptor of its own, and can travel wherever plain values can.
//!
//! # Who refers to what
//! The memory holds the family's books: which objects there are, and which process refers to which. An object ends with
//! the last reference. A handle in a message is a reference too, and belongs to the sender until it is received (see
//! [`crate::Transit`]), or, in a queue's item, to the queue. The books are kept under one lock, by transactions that happen whole or not at all whoever is killed,
//! and the references of a process that has ended are given back by whoever notices first:
//!
//! | killed | what follows |
//! |---|---|
//! | before a transaction is committed | it never happened |
//! | while it is carried out | the next one at the books carries it out |
//! | while making an object | the object ends with its maker's reference |
//! | while encoding a handle | its reference ends with the sender, or, outside of a [`crate::Transit`], is never used |
//! | after putting it into a queue | it belongs to the queue |
//! | while receiving one | the handle is still under way, or is the dead receiver's and is given back |
//! | while burying another process | the next one goes on with the burial |
//!
//! # Trust
//! All processes of a family trust each other as the threads of a program do: one that scribbles over the shared memory
//! can break the objects in it, though no reference to the shared bytes exists through which it could break the rules of
//! Rust. Do not hand the memory to a process that runs hostile code.

pub(crate) mod arena;
pub(crate) mod error;
pub(crate) mod journal;
pub(crate) mod layout;
pub(crate) mod liveness;
pub(crate) mod objects;
pub(crate) mod table;
pub(crate) mod thread;

use std::{
    os::fd::{BorrowedFd, OwnedFd},
    sync::{Mutex, OnceLock, PoisonError},
};

use arena::Arena;
use error::FamilyError;
pub use layout::MAX_PROCESSES;

static ARENA: OnceLock<Arena> = OnceLock::new();
/// Locked while it is made.
static FOUNDING: Mutex<()> = Mutex::new(());

/// The family's memory, to hand to a child at its start; it is made here and now when this process has none yet.
///
/// # Errors
/// When the system lacks what is needed ([`FamilyError::Missing`]) or has run out of it.
pub fn descriptor() -> Result<BorrowedFd<'static>, FamilyError> {
    arena().map(Arena::descriptor)
}

/// Takes the memory that this process's parent handed over. To be called once, at the start, before any handle of a
/// shared object is decoded or made.
///
/// # Errors
/// [`FamilyError::NotAFamily`] when the descriptor is something else, [`FamilyError::AlreadyMember`] when this process
/// has a family's memory already.
pub fn adopt(descriptor: OwnedFd) -> Result<(), FamilyError> {
    let _founding = FOUNDING.lock().unwrap_or_else(PoisonError::into_inner);
    if ARENA.get().is_some() {
        return Err(FamilyError::AlreadyMember);
    }
    ARENA
        .set(Arena::adopt(descriptor)?)
        .map_err(|_| FamilyError::AlreadyMember)
}

/// Whether this process has a family: none is founded.
pub(crate) fn exists() -> bool {
    ARENA.get().is_some()
}

/// The family's memory, which is made here and now when this process has none yet.
pub(crate) fn arena() -> Result<&'static Arena, FamilyError> {
    if let Some(arena) = ARENA.get() {
        return Ok(arena);
    }
    let _founding = FOUNDING.lock().unwrap_or_else(PoisonError::into_inner);
    if ARENA.get().is_none() {
        let _first = ARENA.set(Arena::create()?);
    }
    ARENA.get().ok_or(FamilyError::AlreadyMember)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_has_a_family_cannot_be_adopted() {
        let ours = descriptor().unwrap();
        let again = adopt(ours.try_clone_to_owned().unwrap());
        assert!(matches!(again, Err(FamilyError::AlreadyMember)));
    }
}
