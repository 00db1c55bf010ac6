//! The shared heap: the memory that all processes of a process tree share, and in which their objects are.
//!
//! The topmost process creates one file of memory when it first needs it ([`descriptor`]). Each process that it starts
//! receives the descriptor, [`adopt`]s it, and passes it on to its own children, at any depth. A handle of a shared
//! object is therefore a few bytes: the heap's number, the object's place and its generation. It needs no descriptor of
//! its own, and can travel wherever plain values can.
//!
//! # Which process refers to which object
//! The heap holds the object table: which objects exist, and which process refers to which. An object ends with its
//! last reference. A handle in a message is a reference too: it belongs to the sender until it is received (see
//! [`crate::HandlesInFlight`]), or, in an item of a queue, to the queue. The table has one lock, and changes by
//! transactions that happen completely or not at all, whichever process is killed. The first process that notices a
//! dead one releases its references:
//!
//! | killed | consequence |
//! |---|---|
//! | before a transaction is committed | it never happened |
//! | while it is performed | the next holder of the table's lock completes it |
//! | while creating an object | the object ends with its creator's reference |
//! | while encoding a handle | its reference ends with the sender, or, outside of a [`crate::HandlesInFlight`], is never used |
//! | after putting it into a queue | it belongs to the queue |
//! | while receiving a handle | the handle is still in flight, or is the dead receiver's and is released |
//! | while reclaiming what a dead process held | the next process continues |
//!
//! # Trust
//! All processes of a tree trust each other as the threads of a program do. One that overwrites the shared memory can
//! break the objects in it, though not the rules of Rust, since no reference to the shared bytes exists. Do not give
//! the heap's descriptor to a process that runs hostile code.
//!
//! This module owns the heap of this process. References to objects, and the processes that use them, are `object`'s
//! part.

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
use error::SharedHeapError;
pub use layout::MAX_PROCESSES;

static ARENA: OnceLock<Arena> = OnceLock::new();
/// Locked while the heap is created or adopted.
static CREATION: Mutex<()> = Mutex::new(());

/// The descriptor of this process's shared heap, to pass to a child at its start. The heap is created if there is none.
///
/// # Errors
/// If the system lacks what is needed ([`SharedHeapError::Missing`]) or has run out of it.
pub fn descriptor() -> Result<BorrowedFd<'static>, SharedHeapError> {
    arena().map(Arena::descriptor)
}

/// Makes the heap behind the descriptor that the parent has passed this process's own. Call it once, at the start,
/// before a handle of a shared object is decoded or an object is created.
///
/// # Errors
/// [`SharedHeapError::NotASharedHeap`] if the descriptor is something else, [`SharedHeapError::AlreadyAttached`] if
/// this process has a shared heap already.
pub fn adopt(descriptor: OwnedFd) -> Result<(), SharedHeapError> {
    let _creation = CREATION.lock().unwrap_or_else(PoisonError::into_inner);
    if ARENA.get().is_some() {
        return Err(SharedHeapError::AlreadyAttached);
    }
    ARENA
        .set(Arena::adopt(descriptor)?)
        .map_err(|_| SharedHeapError::AlreadyAttached)
}

/// Whether this process has a shared heap. None is created.
pub(crate) fn exists() -> bool {
    ARENA.get().is_some()
}

/// This process's shared heap, which is created if there is none.
pub(crate) fn arena() -> Result<&'static Arena, SharedHeapError> {
    if let Some(arena) = ARENA.get() {
        return Ok(arena);
    }
    let _creation = CREATION.lock().unwrap_or_else(PoisonError::into_inner);
    if ARENA.get().is_none() {
        let _first = ARENA.set(Arena::create()?);
    }
    ARENA.get().ok_or(SharedHeapError::AlreadyAttached)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_has_a_heap_adopts_no_other() {
        let ours = descriptor().unwrap();
        let again = adopt(ours.try_clone_to_owned().unwrap());
        assert!(matches!(again, Err(SharedHeapError::AlreadyAttached)));
    }
}
