//! Releasing a reference, and what that means for its object.
//!
//! Called with the object table locked, for a reference that was dropped, lost in flight, or left behind by a dead
//! process. Each step can be repeated if the process that makes it is killed half-way. Finding dead processes is
//! [`super::participant`]'s part.

use std::collections::HashSet;

use super::{barrier_state, channel_memory, semaphore_state};
use crate::{
    heap::{
        arena::Arena,
        error::SharedHeapError,
        journal::Transaction,
        layout::UNOWNED,
        liveness,
        objects::{BODY, Kind, extent, extra_cells},
        table::ObjectTable,
    },
    word::lock_word,
};

/// Why a reference is released.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReleaseCause {
    /// Its handle was dropped.
    Dropped,
    /// Its handle was dropped by a panic.
    Panicked,
    /// Its process has ended.
    Died {
        /// The slot of the process.
        slot: usize,
    },
    /// It was in flight and cannot be received any more.
    Lost,
}

/// Makes one step of reclaiming what the dead process in `slot` held: with `reference`, the first of its references.
///
/// A reference that was sent into an item may have arrived in it or not. All that the process has sent into the same
/// queue or pipe are sorted out in this one step, by one look into the items. Any other reference is released.
///
/// # Errors
/// If there is no memory to map the items. Then nothing has changed.
pub(crate) fn reclaim(table: &ObjectTable, reference: u64, slot: usize) -> Result<(), SharedHeapError> {
    match table.transaction().container(reference) {
        Some(container) => sort_out_items(table, container, slot)?,
        None => release(table, reference, ReleaseCause::Died { slot }),
    }
    Ok(())
}

/// Sorts out what a dead process sent into a container. References in items that were put have no owner until the item
/// is taken or the container ends. The others are no longer for that container, and are released as any other
/// reference.
///
/// Each of them is one transaction. A process that continues after a kill looks into the items again, for the
/// references that are left, and finds the same: the dead process puts nothing, and a process that takes an item first
/// makes its handles its own, for which it must lock the table.
fn sort_out_items(table: &ObjectTable, container: u64, slot: usize) -> Result<(), SharedHeapError> {
    let now = table.transaction();
    let has_items = matches!(now.kind_in(container), Some(Kind::Queue | Kind::Pipe));
    let inside: HashSet<u64> = if has_items {
        channel_memory::handles_inside(table, container)?
            .into_iter()
            .collect()
    } else {
        // The container has ended, and its items with it.
        HashSet::new()
    };
    let mut next = now.first_of(slot);
    while let Some(reference) = next {
        // Before it leaves the list.
        next = now.next_of_process(reference);
        if now.container(reference) != Some(container) {
            continue;
        }
        let mut transaction = table.transaction();
        if inside.contains(&reference) {
            transaction.transfer(reference, UNOWNED);
        } else {
            transaction.clear_container(reference);
        }
        transaction.commit();
    }
    Ok(())
}

/// Releases a reference. If it is its object's last, the object ends, and the references in its items are released too.
pub(crate) fn release(table: &ObjectTable, reference: u64, cause: ReleaseCause) {
    let mut waiting = Vec::new();
    let (mut reference, mut cause) = (reference, cause);
    let mut emptied = Vec::new();
    loop {
        let transaction = table.transaction();
        let object = transaction.object_of(reference);
        let kind = transaction.kind_in(object);
        let holds_handles = transaction.count(object) == 1 && matches!(kind, Some(Kind::Queue | Kind::Pipe));
        if holds_handles && !emptied.contains(&object) {
            // First the handles in the items, by a list and not by recursion: queues can contain queues.
            emptied.push(object);
            // Without memory to map the items, their handles are released when their senders end.
            let inside = channel_memory::handles_inside(table, object).unwrap_or_default();
            if !inside.is_empty() {
                waiting.push((reference, cause));
                waiting.extend(
                    inside
                        .into_iter()
                        .map(|reference| (reference, ReleaseCause::Lost)),
                );
                if let Some(next) = waiting.pop() {
                    (reference, cause) = next;
                    continue;
                }
            }
        }
        release_one(table, transaction, (kind, object), reference, cause);
        match waiting.pop() {
            Some(next) => (reference, cause) = next,
            None => return,
        }
    }
}

fn release_one(
    table: &ObjectTable,
    mut transaction: Transaction<'_, Arena>,
    (kind, object): (Option<Kind>, u64),
    reference: u64,
    cause: ReleaseCause,
) {
    let arena = table.arena();
    if let ReleaseCause::Died { slot } = cause {
        force_release_locks(arena, kind, object, slot);
    }
    match kind {
        Some(Kind::Pipe) => channel_memory::disconnect(arena, object),
        Some(Kind::Semaphore) => semaphore_state::give_back(&mut transaction, object, reference),
        Some(Kind::Barrier) if cause != ReleaseCause::Dropped => {
            barrier_state::break_for_all(arena, object);
        }
        _ => {}
    }
    let has_ended = transaction.remove_reference(reference);
    if has_ended {
        let (place, length) = extent(arena, object);
        if length > 0 {
            // Before the object's end is committed, so that a kill in between does not lose the pages.
            let _released_or_not = arena.release_pages(place, length);
        }
    }
    transaction.commit();
    if kind == Some(Kind::Semaphore) && !has_ended {
        semaphore_state::wake(arena, object);
    }
}

/// Releases the object's locks that the dead process in `slot` holds.
fn force_release_locks(arena: &Arena, kind: Option<Kind>, object: u64, slot: usize) {
    let is_of_the_dead = |owner| liveness::slot_of(owner) == Some(slot);
    match kind {
        Some(Kind::Lock | Kind::Value) => {
            lock_word::force_release(arena.word(object + BODY), is_of_the_dead);
        }
        Some(Kind::Queue | Kind::Pipe) => {
            for extra in extra_cells(arena, object) {
                lock_word::force_release(arena.word(extra + BODY), is_of_the_dead);
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
        heap::layout::{LIVENESS, PROCESS_BYTES, PROCESSES},
        object::{
            in_flight::HandlesInFlight,
            participant::{self, Participant},
            reference::Reference,
        },
    };

    /// The entry of a process that never existed, whose references a test creates and reclaims.
    struct DeadProcess {
        participant: &'static Participant,
        slot: usize,
    }

    impl DeadProcess {
        fn new(slot: usize) -> Self {
            let participant = participant::participant().unwrap();
            let liveness = participant
                .arena()
                .word(PROCESSES + slot as u64 * PROCESS_BYTES + LIVENESS);
            liveness.store(
                rustix::thread::futex::OWNER_DIED.into(),
                std::sync::atomic::Ordering::Release,
            );
            Self { participant, slot }
        }

        /// Makes it the owner of what is in the queue or pipe of this reference.
        fn put_all_of(&self, reference: &Reference) -> Vec<u64> {
            let table = self.participant.table().unwrap();
            let inside = channel_memory::handles_inside(&table, reference.object()).unwrap();
            for reference in &inside {
                self.give(&table, *reference);
            }
            inside
        }

        fn give(&self, table: &ObjectTable, reference: u64) {
            let mut transaction = table.transaction();
            transaction.transfer(reference, self.slot);
            transaction.commit();
        }

        /// Leaves this many handles as if it was killed when it was about to put them.
        fn die_while_sending(&self, queue: &Queue<Queue<u8>>, handle: &Queue<u8>, number: usize) {
            let (encoded, handles) = HandlesInFlight::collect_for_item(queue.reference().object(), || {
                (0..number).try_for_each(|_| encode_argument(handle, &mut Vec::new()))
            });
            encoded.unwrap();
            let table = self.participant.table().unwrap();
            handles
                .tokens()
                .for_each(|token| self.give(&table, token.reference));
            handles.leave_to_message();
        }

        /// Makes one step of reclaiming; returns whether there was one.
        fn reclaim_step(&self) -> bool {
            let table = self.participant.table().unwrap();
            let Some(reference) = table.transaction().first_of(self.slot) else {
                return false;
            };
            reclaim(&table, reference, self.slot).unwrap();
            true
        }

        /// Reclaims all, and returns in how many steps.
        fn reclaim_all(&self) -> usize {
            std::iter::from_fn(|| self.reclaim_step().then_some(())).count()
        }
    }

    /// A handle to send, and how many references its object has.
    fn sent_handle() -> (Queue<u8>, impl Fn() -> u64) {
        let queue = Queue::new().unwrap();
        let (participant, object) = (participant::participant().unwrap(), queue.reference().object());
        let count = move || participant.table().unwrap().transaction().count(object);
        (queue, count)
    }

    #[test]
    fn a_thousand_handles_in_one_queue_are_one_look_into_it() {
        const HANDLES: usize = 1024;
        let queue = Queue::bounded(HANDLES).unwrap();
        let (handle, count) = sent_handle();
        (0..HANDLES).for_each(|_| queue.put(handle.clone()).unwrap());
        let dead = DeadProcess::new(900);
        assert_eq!(dead.put_all_of(queue.reference()).len(), HANDLES);
        assert_eq!(dead.reclaim_all(), 1);
        assert_eq!(count(), 1 + HANDLES as u64, "what was put is there");
        for number in 0..HANDLES {
            queue.get().unwrap().put(0).unwrap();
            assert_eq!(handle.len(), number + 1);
        }
        assert_eq!(count(), 1);
    }

    #[test]
    fn what_was_sent_and_not_put_is_found_by_the_same_look() {
        let queue = Queue::new().unwrap();
        let (handle, count) = sent_handle();
        let dead = DeadProcess::new(901);
        dead.die_while_sending(&queue, &handle, 5);
        queue.put(handle.clone()).unwrap();
        dead.put_all_of(queue.reference());
        dead.die_while_sending(&queue, &handle, 5);
        assert_eq!(count(), 12);
        assert_eq!(dead.reclaim_all(), 11, "one look, and ten that end");
        assert_eq!(count(), 2);
        assert!(queue.get().unwrap().is_empty());
    }

    #[test]
    fn a_queue_that_has_ended_meanwhile_is_no_obstacle() {
        let queue = Queue::new().unwrap();
        let (handle, count) = sent_handle();
        let dead = DeadProcess::new(902);
        dead.die_while_sending(&queue, &handle, 3);
        drop(queue);
        assert_eq!((dead.reclaim_all(), count()), (4, 1));
    }

    /// A process that reclaims may be killed between any two transactions.
    #[test]
    fn reclaiming_continues_wherever_it_was_interrupted() {
        const PUT: usize = 4;
        for done in 0..=PUT {
            let queues = [Queue::new().unwrap(), Queue::new().unwrap()];
            let (handle, count) = sent_handle();
            let dead = DeadProcess::new(903);
            for round in 0..2 {
                for queue in &queues {
                    (0..PUT / 2).for_each(|_| queue.put(handle.clone()).unwrap());
                    if round == 1 {
                        dead.put_all_of(queue.reference());
                    }
                    dead.die_while_sending(queue, &handle, 1);
                }
            }
            // Another process came this far, with the first queue.
            let table = dead.participant.table().unwrap();
            for reference in channel_memory::handles_inside(&table, queues[0].reference().object())
                .unwrap()
                .into_iter()
                .take(done)
            {
                let mut transaction = table.transaction();
                transaction.transfer(reference, UNOWNED);
                transaction.commit();
            }
            drop(table);
            dead.reclaim_all();
            assert_eq!(count(), 1 + 2 * PUT as u64, "interrupted after {done}");
            for queue in &queues {
                (0..PUT).for_each(|_| drop(queue.get().unwrap()));
            }
            assert_eq!(count(), 1);
        }
    }
}
