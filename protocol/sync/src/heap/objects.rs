//! The books of a family: which objects there are, and which process refers to which.
//!
//! Objects and references lie in *cells* of 128 bytes. A reference belongs to one process and to one object and is in
//! both their lists, so that what a dead process referred to can be found and given back by anybody. An object ends
//! with its last reference. A cell's generation is raised when it is used again, so that an old handle is recognised.
//!
//! Everything here is a step of a [`Transaction`], made while holding the books' lock: it happens whole or not at all.

use super::{
    journal::{Store, Transaction},
    layout::{
        CELL_BYTES, FREE_CELL, NEXT_CELL, NEXT_EXTENT, NEXT_NONCE, OBJECTS, PAGE, PROCESS_BYTES, PROCESSES,
        REFERENCES,
    },
};

/// The first word of every cell: what it is (8 bits) and its generation (the upper 32).
const HEAD: u64 = 0;
/// In a free cell: the next free one.
const NEXT_FREE: u64 = 8;

const FREE: u64 = 0;
const REFERENCE: u64 = 1;
const ANNEX: u64 = 2;

/// In an object: how many references it has, the first of them, its extent, its first annex.
const COUNT: u64 = 8;
const FIRST_REFERENCE: u64 = 16;
const EXTENT: u64 = 24;
const EXTENT_BYTES: u64 = 32;
/// In an object and in an annex: the next annex.
const NEXT_ANNEX: u64 = 40;
/// In an object and in an annex: eight words of its own, on a cache line apart.
pub(crate) const BODY: u64 = 64;
/// In an annex: three words more, on the line of its head.
pub(crate) const ANNEX_BODY: u64 = 16;

/// In a reference.
const OBJECT: u64 = 8;
const PROCESS: u64 = 16;
const STATE: u64 = 24;
const NONCE: u64 = 32;
const NEXT_OF_PROCESS: u64 = 40;
const PREVIOUS_OF_PROCESS: u64 = 48;
const NEXT_OF_OBJECT: u64 = 56;
const PREVIOUS_OF_OBJECT: u64 = 64;
/// How much of the object the process holds (permits).
pub(crate) const SHARE: u64 = 72;
/// Which of the object's two sides it is (pipes).
pub(crate) const SIDE: u64 = 80;
/// For a reference under way: the queue or pipe in whose item it is, or 0.
const CONTAINER: u64 = 88;

const HELD: u64 = 0;
const UNDER_WAY: u64 = 1;

/// What an object is. The numbers stand in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    Lock = 16,
    Value,
    Queue,
    Pipe,
    Semaphore,
    Event,
    Barrier,
    Condition,
}

impl Kind {
    const ALL: [Self; 8] = [
        Self::Lock,
        Self::Value,
        Self::Queue,
        Self::Pipe,
        Self::Semaphore,
        Self::Event,
        Self::Barrier,
        Self::Condition,
    ];

    /// With its article, for messages.
    pub(crate) fn noun(self) -> &'static str {
        match self {
            Self::Lock => "a lock",
            Self::Value => "a value",
            Self::Queue => "a queue",
            Self::Pipe => "an end of a pipe",
            Self::Semaphore => "a semaphore",
            Self::Event => "an event",
            Self::Barrier => "a barrier",
            Self::Condition => "a condition",
        }
    }
}

/// Where an object lies, and its generation there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ObjectId {
    pub(crate) cell: u64,
    pub(crate) generation: u32,
}

/// A handle under way: the reference that keeps its object alive, and the number that only this journey has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket {
    pub(crate) reference: u64,
    pub(crate) nonce: u64,
}

/// What a new object is to have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) kind: Kind,
    pub(crate) annexes: usize,
    pub(crate) extent_bytes: u64,
}

impl Plan {
    pub(crate) fn new(kind: Kind) -> Self {
        Self {
            kind,
            annexes: 0,
            extent_bytes: 0,
        }
    }
}

impl<S: Store> Transaction<'_, S> {
    /// Makes an object with nothing in it, to which nobody refers yet.
    pub(crate) fn create(&mut self, plan: Plan) -> ObjectId {
        let (cell, generation) = self.take_cell(plan.kind as u64);
        for word in (16..CELL_BYTES).step_by(8) {
            self.prepare(cell + word, 0);
        }
        self.set(cell + COUNT, 0);
        if plan.extent_bytes > 0 {
            let place = self.get(NEXT_EXTENT);
            self.set(NEXT_EXTENT, place + plan.extent_bytes.next_multiple_of(PAGE));
            self.prepare(cell + EXTENT, place);
            self.prepare(cell + EXTENT_BYTES, plan.extent_bytes);
        }
        let mut last = cell;
        for _ in 0..plan.annexes {
            let (annex, _) = self.take_cell(ANNEX);
            for word in (16..CELL_BYTES).step_by(8) {
                self.prepare(annex + word, 0);
            }
            self.set(annex + NEXT_FREE, 0);
            self.prepare(last + NEXT_ANNEX, annex);
            last = annex;
        }
        self.set(OBJECTS, self.get(OBJECTS) + 1);
        ObjectId { cell, generation }
    }

    /// Makes a reference of `process` to an object.
    pub(crate) fn refer(&mut self, object: u64, process: usize) -> u64 {
        let (cell, _) = self.take_cell(REFERENCE);
        for word in (16..CELL_BYTES).step_by(8) {
            self.prepare(cell + word, 0);
        }
        self.set(cell + OBJECT, object);
        self.prepare(cell + STATE, HELD);
        let next = self.get(object + FIRST_REFERENCE);
        self.set(cell + NEXT_OF_OBJECT, next);
        if next != 0 {
            self.set(next + PREVIOUS_OF_OBJECT, cell);
        }
        self.set(object + FIRST_REFERENCE, cell);
        self.set(object + COUNT, self.get(object + COUNT) + 1);
        self.join_process(cell, process);
        cell
    }

    /// Ends a reference; says whether the object has ended with it.
    pub(crate) fn end(&mut self, reference: u64) -> bool {
        let object = self.get(reference + OBJECT);
        self.leave_process(reference);
        self.unlink(
            reference,
            object + FIRST_REFERENCE,
            NEXT_OF_OBJECT,
            PREVIOUS_OF_OBJECT,
        );
        self.give_cell(reference);
        let count = self.get(object + COUNT) - 1;
        self.set(object + COUNT, count);
        if count > 0 {
            return false;
        }
        let mut annex = self.get(object + NEXT_ANNEX);
        while annex != 0 {
            let next = self.get(annex + NEXT_ANNEX);
            self.give_cell(annex);
            annex = next;
        }
        self.give_cell(object);
        self.set(OBJECTS, self.get(OBJECTS) - 1);
        true
    }

    /// Lets a held reference be under way; in an item of this queue or pipe, if it is about to lie in one.
    pub(crate) fn dispatch(&mut self, reference: u64, container: Option<u64>) -> Ticket {
        let nonce = self.get(NEXT_NONCE) + 1;
        self.set(NEXT_NONCE, nonce);
        self.set(reference + NONCE, nonce);
        self.set(reference + STATE, UNDER_WAY);
        self.set(reference + CONTAINER, container.unwrap_or(0));
        Ticket { reference, nonce }
    }

    /// Takes note that a reference under way never came to lie in its item.
    pub(crate) fn unpack(&mut self, reference: u64) {
        self.set(reference + CONTAINER, 0);
    }

    /// The queue or pipe in whose item a reference may lie.
    pub(crate) fn container(&self, reference: u64) -> Option<u64> {
        let container = self.get(reference + CONTAINER);
        (self.get(reference + STATE) == UNDER_WAY && container != 0).then_some(container)
    }

    /// Whether a ticket is still good, for this object if one is given.
    pub(crate) fn is_under_way(&self, ticket: Ticket, object: Option<u64>) -> bool {
        let reference = ticket.reference;
        self.get(reference + HEAD) & 0xff == REFERENCE
            && self.get(reference + NONCE) == ticket.nonce
            && self.get(reference + STATE) == UNDER_WAY
            && object.is_none_or(|object| self.get(reference + OBJECT) == object)
    }

    /// The reference under way is held, by this process.
    pub(crate) fn arrive(&mut self, reference: u64, process: usize) {
        self.pass_on(reference, process);
        self.set(reference + CONTAINER, 0);
        self.set(reference + STATE, HELD);
    }

    /// The reference belongs to this process from now on.
    pub(crate) fn pass_on(&mut self, reference: u64, process: usize) {
        self.leave_process(reference);
        self.join_process(reference, process);
    }

    /// What the object is, if it is still there.
    pub(crate) fn kind(&self, object: ObjectId) -> Option<Kind> {
        let head = self.get(object.cell + HEAD);
        let same = (head >> 32) as u32 == object.generation;
        same.then(|| kind_of(head)).flatten()
    }

    /// What the object in this cell is.
    pub(crate) fn kind_in(&self, cell: u64) -> Option<Kind> {
        kind_of(self.get(cell + HEAD))
    }

    /// The object to which it refers.
    pub(crate) fn object_of(&self, reference: u64) -> u64 {
        self.get(reference + OBJECT)
    }

    /// The process to which it belongs.
    pub(crate) fn process_of(&self, reference: u64) -> usize {
        self.get(reference + PROCESS) as usize
    }

    /// How many references the object has.
    pub(crate) fn count(&self, object: u64) -> u64 {
        self.get(object + COUNT)
    }

    /// The first of a process's references.
    pub(crate) fn first_of(&self, process: usize) -> Option<u64> {
        let first = self.get(references_of(process));
        (first != 0).then_some(first)
    }

    /// The one behind it in the list of its process.
    pub(crate) fn next_of_process(&self, reference: u64) -> Option<u64> {
        let next = self.get(reference + NEXT_OF_PROCESS);
        (next != 0).then_some(next)
    }

    /// Whether the next object may need cells that have no pages yet: where they would end.
    pub(crate) fn cells_wanted(&self, number: u64) -> u64 {
        self.get(NEXT_CELL) + number * CELL_BYTES
    }

    fn take_cell(&mut self, what: u64) -> (u64, u32) {
        let free = self.get(FREE_CELL);
        let cell = if free == 0 {
            let next = self.get(NEXT_CELL);
            self.set(NEXT_CELL, next + CELL_BYTES);
            next
        } else {
            self.set(FREE_CELL, self.get(free + NEXT_FREE));
            free
        };
        let generation = ((self.get(cell + HEAD) >> 32) as u32).wrapping_add(1);
        self.set(cell + HEAD, u64::from(generation) << 32 | what);
        (cell, generation)
    }

    fn give_cell(&mut self, cell: u64) {
        self.set(cell + HEAD, self.get(cell + HEAD) & !0xff | FREE);
        self.set(cell + NEXT_FREE, self.get(FREE_CELL));
        self.set(FREE_CELL, cell);
    }

    fn join_process(&mut self, reference: u64, process: usize) {
        let list = references_of(process);
        let next = self.get(list);
        self.set(reference + PROCESS, process as u64);
        self.set(reference + NEXT_OF_PROCESS, next);
        self.set(reference + PREVIOUS_OF_PROCESS, 0);
        if next != 0 {
            self.set(next + PREVIOUS_OF_PROCESS, reference);
        }
        self.set(list, reference);
    }

    fn leave_process(&mut self, reference: u64) {
        let list = references_of(self.process_of(reference));
        self.unlink(reference, list, NEXT_OF_PROCESS, PREVIOUS_OF_PROCESS);
    }

    fn unlink(&mut self, cell: u64, list: u64, next_at: u64, previous_at: u64) {
        let (next, previous) = (self.get(cell + next_at), self.get(cell + previous_at));
        if next != 0 {
            self.set(next + previous_at, previous);
        }
        let before = if previous == 0 { list } else { previous + next_at };
        self.set(before, next);
    }
}

fn kind_of(head: u64) -> Option<Kind> {
    Kind::ALL.into_iter().find(|kind| *kind as u64 == head & 0xff)
}

fn references_of(process: usize) -> u64 {
    PROCESSES + process as u64 * PROCESS_BYTES + REFERENCES
}

/// The annexes of an object, in order.
pub(crate) fn annexes(store: &impl Store, object: u64) -> impl Iterator<Item = u64> {
    let first = store.load(object + NEXT_ANNEX);
    std::iter::successors((first != 0).then_some(first), move |annex| {
        let next = store.load(annex + NEXT_ANNEX);
        (next != 0).then_some(next)
    })
}

/// Where an object's extent lies, and its length.
pub(crate) fn extent(store: &impl Store, object: u64) -> (u64, u64) {
    (store.load(object + EXTENT), store.load(object + EXTENT_BYTES))
}

/// A word of an object, for those who have no handle of it.
pub(crate) fn body(store: &impl Store, object: u64, index: u64) -> u64 {
    store.load(object + BODY + 8 * index)
}
