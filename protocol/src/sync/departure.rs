//! What it means for an object that one of its references ends.
//!
//! Called with the family's books open, for a reference that was dropped, lost on its way, or left behind by a process
//! that has ended. Each step can be done again, should its doer be killed half-way.

use super::{barrier, ownership, queue, semaphore};
use crate::family::{
    Arena, Store, Transaction,
    layout::ESTATE,
    ledger::{BODY, Kind, annexes},
    member::Books,
    presence,
};

/// How a reference ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Departure {
    /// Its handle was dropped.
    Left,
    /// Its handle was dropped by a panic.
    Panicked,
    /// Its process has ended with it.
    Died {
        /// Where the process was in the table.
        slot: usize,
    },
    /// It was under way and cannot be received any more.
    Lost,
}

/// Ends a reference of a process that has ended, unless it lies in an item that was put: then it belongs to nobody, until
/// the item is taken or its queue ends.
pub(crate) fn bequeath(books: &Books<'_>, reference: u64, slot: usize) {
    let mut transaction = books.transaction();
    let is_packed = transaction.container(reference).is_some_and(|container| {
        let holds_items = matches!(transaction.kind_in(container), Some(Kind::Queue | Kind::Pipe));
        holds_items && queue::handles_inside(books, container).contains(&reference)
    });
    if is_packed {
        transaction.pass_on(reference, ESTATE);
        transaction.commit();
    } else {
        leave(books, reference, Departure::Died { slot });
    }
}

/// Ends a reference, its object if it was the last, and what lay in that object.
pub(crate) fn leave(books: &Books<'_>, reference: u64, departure: Departure) {
    let mut waiting = Vec::new();
    let (mut reference, mut departure) = (reference, departure);
    let mut emptied = Vec::new();
    loop {
        let transaction = books.transaction();
        let object = transaction.object_of(reference);
        let kind = transaction.kind_in(object);
        let holds_handles = transaction.count(object) == 1 && matches!(kind, Some(Kind::Queue | Kind::Pipe));
        if holds_handles && !emptied.contains(&object) {
            // The handles in the items first. They are a list and not a recursion: queues can lie in queues.
            emptied.push(object);
            let inside = queue::handles_inside(books, object);
            if !inside.is_empty() {
                waiting.push((reference, departure));
                waiting.extend(inside.into_iter().map(|reference| (reference, Departure::Lost)));
                if let Some(next) = waiting.pop() {
                    (reference, departure) = next;
                    continue;
                }
            }
        }
        end(books, transaction, kind, object, reference, departure);
        match waiting.pop() {
            Some(next) => (reference, departure) = next,
            None => return,
        }
    }
}

fn end(
    books: &Books<'_>,
    mut transaction: Transaction<'_, Arena>,
    kind: Option<Kind>,
    object: u64,
    reference: u64,
    departure: Departure,
) {
    let arena = books.member.arena();
    if let Departure::Died { slot } = departure {
        surrender_locks(arena, kind, object, slot);
    }
    match kind {
        Some(Kind::Pipe) => queue::cut_off(arena, object),
        Some(Kind::Semaphore) => semaphore::give_back(&mut transaction, object, reference),
        Some(Kind::Barrier) if departure != Departure::Left => barrier::break_for_all(arena, object),
        _ => {}
    }
    if transaction.end(reference) {
        let (place, length) = books.member.extent(object);
        if length > 0 {
            // Before the object's end is committed, so that no kill in between loses the pages.
            let _given_back_or_not = arena.unback(place, length);
        }
    }
    transaction.commit();
    if kind == Some(Kind::Semaphore) {
        semaphore::wake(arena, object);
    }
}

/// Takes the object's locks from the dead.
fn surrender_locks(arena: &Arena, kind: Option<Kind>, object: u64, slot: usize) {
    let is_of_the_dead = |owner| presence::slot_of(owner) == Some(slot);
    match kind {
        Some(Kind::Lock | Kind::Value) => {
            ownership::surrender(arena.word(object + BODY), is_of_the_dead);
        }
        Some(Kind::Queue | Kind::Pipe) => {
            for annex in annexes(arena, object) {
                ownership::surrender(arena.word(annex + BODY), is_of_the_dead);
            }
        }
        _ => {}
    }
}

/// A word of an object, for those who have no handle of it.
pub(crate) fn body(store: &impl Store, object: u64, index: u64) -> u64 {
    store.load(object + BODY + 8 * index)
}
