//! What it means for an object that one of its references ends.
//!
//! Called with the family's books open, for a reference that was dropped, lost on its way, or left behind by a process
//! that has ended. Each step can be done again, should its doer be killed half-way.

use std::collections::HashSet;

use super::{barrier_state, channel_memory, semaphore_state};
use crate::{
    heap::{
        arena::Arena,
        error::FamilyError,
        journal::Transaction,
        layout::ESTATE,
        liveness,
        objects::{BODY, Kind, annexes, extent},
        table::Books,
    },
    word::lock_word,
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

/// Takes a step of the burial of the process in `slot`, which has ended: with `reference`, the first of its references.
///
/// One that was packed for an item may lie there or not. All that the process has packed for the same queue or pipe are
/// divided in this one step, by one look into the items, so that none of them asks for another. Any other is ended.
///
/// # Errors
/// When there is no memory to look into the items. Then it is as if the step had not been begun.
pub(crate) fn bequeath(books: &Books, reference: u64, slot: usize) -> Result<(), FamilyError> {
    match books.transaction().container(reference) {
        Some(container) => divide(books, container, slot)?,
        None => leave(books, reference, Departure::Died { slot }),
    }
    Ok(())
}

/// Divides what a process that has ended packed for a container. What lies in an item that was put belongs to nobody, until
/// the item is taken or the container ends; the rest is packed no more, and is ended as any other reference.
///
/// Each of them is one transaction. Whoever goes on after a kill looks into the items again, for those that are still
/// packed, and finds of them what there was: the dead put nothing, and who takes an item makes its handles his own first,
/// which needs the books.
fn divide(books: &Books, container: u64, slot: usize) -> Result<(), FamilyError> {
    let books_now = books.transaction();
    let holds_items = matches!(books_now.kind_in(container), Some(Kind::Queue | Kind::Pipe));
    let inside: HashSet<u64> = if holds_items {
        channel_memory::handles_inside(books, container)?
            .into_iter()
            .collect()
    } else {
        // It has ended, and with it what lay inside.
        HashSet::new()
    };
    let mut next = books_now.first_of(slot);
    while let Some(reference) = next {
        // Before it leaves the list.
        next = books_now.next_of_process(reference);
        if books_now.container(reference) != Some(container) {
            continue;
        }
        let mut transaction = books.transaction();
        if inside.contains(&reference) {
            transaction.pass_on(reference, ESTATE);
        } else {
            transaction.unpack(reference);
        }
        transaction.commit();
    }
    Ok(())
}

/// Ends a reference, its object if it was the last, and what lay in that object.
pub(crate) fn leave(books: &Books, reference: u64, departure: Departure) {
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
            // Without memory to map the items, their handles end with their senders.
            let inside = channel_memory::handles_inside(books, object).unwrap_or_default();
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
    books: &Books,
    mut transaction: Transaction<'_, Arena>,
    kind: Option<Kind>,
    object: u64,
    reference: u64,
    departure: Departure,
) {
    let arena = books.arena();
    if let Departure::Died { slot } = departure {
        surrender_locks(arena, kind, object, slot);
    }
    match kind {
        Some(Kind::Pipe) => channel_memory::cut_off(arena, object),
        Some(Kind::Semaphore) => semaphore_state::give_back(&mut transaction, object, reference),
        Some(Kind::Barrier) if departure != Departure::Left => barrier_state::break_for_all(arena, object),
        _ => {}
    }
    if transaction.end(reference) {
        let (place, length) = extent(arena, object);
        if length > 0 {
            // Before the object's end is committed, so that no kill in between loses the pages.
            let _given_back_or_not = arena.unback(place, length);
        }
    }
    transaction.commit();
    if kind == Some(Kind::Semaphore) {
        semaphore_state::wake(arena, object);
    }
}

/// Takes the object's locks from the dead.
fn surrender_locks(arena: &Arena, kind: Option<Kind>, object: u64, slot: usize) {
    let is_of_the_dead = |owner| liveness::slot_of(owner) == Some(slot);
    match kind {
        Some(Kind::Lock | Kind::Value) => {
            lock_word::surrender(arena.word(object + BODY), is_of_the_dead);
        }
        Some(Kind::Queue | Kind::Pipe) => {
            for annex in annexes(arena, object) {
                lock_word::surrender(arena.word(annex + BODY), is_of_the_dead);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::encode_argument;

    use crate::{
        Queue,
        heap::layout::{LIFE, PROCESS_BYTES, PROCESSES},
        object::{
            in_flight::Transit,
            member::{self, Member},
            reference::Tie,
        },
    };

    /// The entry of a process that never was, whose references a test makes and buries.
    struct Deceased {
        member: &'static Member,
        slot: usize,
    }

    impl Deceased {
        fn new(slot: usize) -> Self {
            let member = member::member().unwrap();
            let life = member
                .arena()
                .word(PROCESSES + slot as u64 * PROCESS_BYTES + LIFE);
            life.store(
                rustix::thread::futex::OWNER_DIED.into(),
                std::sync::atomic::Ordering::Release,
            );
            Self { member, slot }
        }

        /// Lets it have put what lies in the queue or pipe of `tie`.
        fn put_all_of(&self, tie: &Tie) -> Vec<u64> {
            let books = self.member.books().unwrap();
            let inside = channel_memory::handles_inside(&books, tie.object()).unwrap();
            for reference in &inside {
                self.give(&books, *reference);
            }
            inside
        }

        fn give(&self, books: &Books, reference: u64) {
            let mut transaction = books.transaction();
            transaction.pass_on(reference, self.slot);
            transaction.commit();
        }

        /// Lets it have been killed while it was about to put so many handles.
        fn die_packing(&self, queue: &Queue<Queue<u8>>, handle: &Queue<u8>, number: usize) {
            let (encoded, transit) = Transit::of_item(queue.tie().object(), || {
                (0..number).try_for_each(|_| encode_argument(handle, &mut Vec::new()))
            });
            encoded.unwrap();
            let books = self.member.books().unwrap();
            transit
                .tickets()
                .for_each(|ticket| self.give(&books, ticket.reference));
            transit.leave_to_message();
        }

        /// Takes one step of its burial; says whether there was one to take.
        fn bury_a_little(&self) -> bool {
            let books = self.member.books().unwrap();
            let Some(reference) = books.transaction().first_of(self.slot) else {
                return false;
            };
            bequeath(&books, reference, self.slot).unwrap();
            true
        }

        /// Buries it, and says in how many steps.
        fn bury(&self) -> usize {
            std::iter::from_fn(|| self.bury_a_little().then_some(())).count()
        }
    }

    /// A handle that travels, and how many references its object has.
    fn traveller() -> (Queue<u8>, impl Fn() -> u64) {
        let queue = Queue::new().unwrap();
        let (member, object) = (member::member().unwrap(), queue.tie().object());
        let count = move || member.books().unwrap().transaction().count(object);
        (queue, count)
    }

    #[test]
    fn a_thousand_handles_in_one_queue_are_one_look_into_it() {
        const HANDLES: usize = 1024;
        let queue = Queue::bounded(HANDLES).unwrap();
        let (handle, count) = traveller();
        (0..HANDLES).for_each(|_| queue.put(handle.clone()).unwrap());
        let deceased = Deceased::new(900);
        assert_eq!(deceased.put_all_of(queue.tie()).len(), HANDLES);
        assert_eq!(deceased.bury(), 1);
        assert_eq!(count(), 1 + HANDLES as u64, "what was put is there");
        for number in 0..HANDLES {
            queue.get().unwrap().put(0).unwrap();
            assert_eq!(handle.len(), number + 1);
        }
        assert_eq!(count(), 1);
    }

    #[test]
    fn what_was_packed_and_not_put_is_found_by_the_same_look() {
        let queue = Queue::new().unwrap();
        let (handle, count) = traveller();
        let deceased = Deceased::new(901);
        deceased.die_packing(&queue, &handle, 5);
        queue.put(handle.clone()).unwrap();
        deceased.put_all_of(queue.tie());
        deceased.die_packing(&queue, &handle, 5);
        assert_eq!(count(), 12);
        assert_eq!(deceased.bury(), 11, "one look, and ten that end");
        assert_eq!(count(), 2);
        assert!(queue.get().unwrap().is_empty());
    }

    #[test]
    fn a_queue_that_has_ended_meanwhile_is_no_hindrance() {
        let queue = Queue::new().unwrap();
        let (handle, count) = traveller();
        let deceased = Deceased::new(902);
        deceased.die_packing(&queue, &handle, 3);
        drop(queue);
        assert_eq!((deceased.bury(), count()), (4, 1));
    }

    /// Whoever buries may be killed between any two transactions.
    #[test]
    fn a_burial_cut_short_anywhere_goes_on() {
        const PUT: usize = 4;
        for done in 0..=PUT {
            let queues = [Queue::new().unwrap(), Queue::new().unwrap()];
            let (handle, count) = traveller();
            let deceased = Deceased::new(903);
            for round in 0..2 {
                for queue in &queues {
                    (0..PUT / 2).for_each(|_| queue.put(handle.clone()).unwrap());
                    if round == 1 {
                        deceased.put_all_of(queue.tie());
                    }
                    deceased.die_packing(queue, &handle, 1);
                }
            }
            // So far another came, with the first queue.
            let books = deceased.member.books().unwrap();
            for reference in channel_memory::handles_inside(&books, queues[0].tie().object())
                .unwrap()
                .into_iter()
                .take(done)
            {
                let mut transaction = books.transaction();
                transaction.pass_on(reference, ESTATE);
                transaction.commit();
            }
            drop(books);
            deceased.bury();
            assert_eq!(count(), 1 + 2 * PUT as u64, "cut short behind {done}");
            for queue in &queues {
                (0..PUT).for_each(|_| drop(queue.get().unwrap()));
            }
            assert_eq!(count(), 1);
        }
    }
}
