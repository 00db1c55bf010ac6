//! The memory that all processes of a family share, and in which their locks and queues lie.
//!
//! The topmost process of a family makes one file of memory when it is first asked for ([`descriptor`]); every process
//! that it starts is handed the descriptor and [`adopt`]s it, and hands it on to its own children, at any depth. A
//! handle of a shared object is therefore a few bytes: the family's number, the object's place and generation. It needs
//! no descriptor of its own, and can travel wherever plain values can.

#[expect(
    dead_code,
    reason = "the shared objects, which use the rest of it, are on their way"
)]
mod arena;
mod error;
#[expect(
    dead_code,
    reason = "the shared objects, which use the rest of it, are on their way"
)]
mod layout;
mod transit;

use std::{
    os::fd::{BorrowedFd, OwnedFd},
    sync::{Mutex, OnceLock, PoisonError},
};

use arena::Arena;
pub use error::FamilyError;
pub use layout::MAX_PROCESSES;
pub use transit::Transit;

static FAMILY: OnceLock<Arena> = OnceLock::new();
static FOUNDING: Mutex<()> = Mutex::new(());

/// The family's memory, to hand to a child at its start; it is made here and now when this process has none yet.
///
/// # Errors
/// When the system lacks what is needed ([`FamilyError::Missing`]) or has run out of it.
pub fn descriptor() -> Result<BorrowedFd<'static>, FamilyError> {
    family().map(Arena::descriptor)
}

/// Takes the memory that this process's parent handed over. To be called once, at the start, before any handle of a
/// shared object is decoded or made.
///
/// # Errors
/// [`FamilyError::NotAFamily`] when the descriptor is something else, [`FamilyError::AlreadyMember`] when this process
/// has a family's memory already.
pub fn adopt(descriptor: OwnedFd) -> Result<(), FamilyError> {
    let _founding = FOUNDING.lock().unwrap_or_else(PoisonError::into_inner);
    if FAMILY.get().is_some() {
        return Err(FamilyError::AlreadyMember);
    }
    let arena = Arena::adopt(descriptor)?;
    FAMILY.set(arena).map_err(|_| FamilyError::AlreadyMember)
}

fn family() -> Result<&'static Arena, FamilyError> {
    if let Some(family) = FAMILY.get() {
        return Ok(family);
    }
    let _founding = FOUNDING.lock().unwrap_or_else(PoisonError::into_inner);
    if FAMILY.get().is_none() {
        let _first = FAMILY.set(Arena::create()?);
    }
    FAMILY.get().ok_or(FamilyError::AlreadyMember)
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
