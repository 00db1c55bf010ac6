//! The words of a semaphore in the shared heap.
//!
//! Used by the typed handle, and without one when a reference is released.

use crate::{
    heap::{
        arena::Arena,
        journal::Transaction,
        objects::{BODY, SHARE, body},
    },
    word::event_count,
};

/// In the body: how many permits are free.
pub(crate) const FREE: u64 = 0;
/// In the body: the event count of the threads that wait for a permit.
pub(crate) const WAITERS: u64 = 1;

/// Gives back the permits that belong to a reference.
pub(crate) fn give_back(transaction: &mut Transaction<'_, Arena>, object: u64, reference: u64) {
    let share = transaction.get(reference + SHARE);
    if share > 0 {
        let free = transaction.get(object + BODY + 8 * FREE);
        transaction.set(object + BODY + 8 * FREE, free + share);
        transaction.set(reference + SHARE, 0);
    }
}

/// Wakes the threads that wait for a permit, if one is free.
pub(crate) fn wake(arena: &Arena, object: u64) {
    if body(arena, object, FREE) > 0 {
        event_count::notify_all(arena.word(object + BODY + 8 * WAITERS));
    }
}
