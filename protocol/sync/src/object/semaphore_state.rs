//! What a semaphore holds in the family's memory, for those who have no handle of it.

use std::sync::atomic::Ordering;

use crate::{
    heap::{
        arena::Arena,
        journal::Transaction,
        objects::{BODY, SHARE, body},
    },
    word::futex::Word,
};

/// In the body: how many permits are free.
pub(crate) const FREE: u64 = 0;
/// In the body: whether somebody may sleep until one is.
pub(crate) const SLEEPERS: u64 = 1;

/// Gives back the permits that belong to a reference.
pub(crate) fn give_back(transaction: &mut Transaction<'_, Arena>, object: u64, reference: u64) {
    let share = transaction.get(reference + SHARE);
    if share > 0 {
        let free = transaction.get(object + BODY + 8 * FREE);
        transaction.set(object + BODY + 8 * FREE, free + share);
        transaction.set(reference + SHARE, 0);
    }
}

/// Wakes those who sleep until a permit is free, if one is.
pub(crate) fn wake(arena: &Arena, object: u64) {
    std::sync::atomic::fence(Ordering::SeqCst);
    if body(arena, object, FREE) > 0 {
        let sleepers = arena.word(object + BODY + 8 * SLEEPERS);
        if sleepers.load(Ordering::Relaxed) != 0 && sleepers.swap(0, Ordering::Relaxed) != 0 {
            sleepers.wake(u32::MAX);
        }
    }
}
