//! The object table: which objects exist, and which process refers to which.
//!
//! Objects and references are *cells* of 128 bytes. A reference belongs to one process and one object, and is in the
//! lists of both, so that any process can find and release the references of a dead one. An object ends with its last
//! reference. A cell gets a new generation each time it is used, so that an old handle is recognized.
//!
//! Everything here is a step of a [`Transaction`], made while holding the table's lock: it happens completely or not at
//! all. What ending an object means for its kind is not known here.

use super::{
    journal::{Store, Transaction},
    layout::{
        CELL_BYTES, FREE_CELL, NEXT_CELL, NEXT_EXTENT, NEXT_NONCE, OBJECTS, PAGE, PROCESS_BYTES, PROCESSES,
        REFERENCES,
    },
};

/// The first word of every cell: its type (8 bits) and its generation (the upper 32).
const HEAD: u64 = 0;
/// In a free cell: the next free one.
const NEXT_FREE: u64 = 8;

const FREE: u64 = 0;
const REFERENCE: u64 = 1;
const EXTRA: u64 = 2;

/// In an object: how many references it has, the first of them, its extent.
const COUNT: u64 = 8;
const FIRST_REFERENCE: u64 = 16;
const EXTENT: u64 = 24;
const EXTENT_BYTES: u64 = 32;
/// In an object and in an extra cell: the next extra cell.
const NEXT_EXTRA: u64 = 40;
/// In an object and in an extra cell: the body, eight words on a cache line of their own.
pub(crate) const BODY: u64 = 64;
/// In an extra cell: three more words, on the line of its head.
pub(crate) const EXTRA_BODY: u64 = 16;

/// In a reference.
const OBJECT: u64 = 8;
const PROCESS: u64 = 16;
const STATE: u64 = 24;
const NONCE: u64 = 32;
const NEXT_OF_PROCESS: u64 = 40;
const PREVIOUS_OF_PROCESS: u64 = 48;
const NEXT_OF_OBJECT: u64 = 56;
const PREVIOUS_OF_OBJECT: u64 = 64;
/// How many permits of the object the process holds.
pub(crate) const SHARE: u64 = 72;
/// Which of a pipe's two ends it is.
pub(crate) const SIDE: u64 = 80;
/// Of a reference in flight: the queue or pipe into whose item it was sent, or 0.
const CONTAINER: u64 = 88;

const HELD: u64 = 0;
const IN_FLIGHT: u64 = 1;

/// What an object is. The numbers are stored in the heap.
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

    /// The kind with its article, for messages.
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

/// The cell of an object, and its generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ObjectId {
    pub(crate) cell: u64,
    pub(crate) generation: u32,
}

/// The token of a handle in flight: the reference that keeps its object alive, and a number that no other sending has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) reference: u64,
    pub(crate) nonce: u64,
}

/// What a new object needs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) kind: Kind,
    pub(crate) extra_cells: usize,
    pub(crate) extent_bytes: u64,
}

impl Plan {
    pub(crate) fn new(kind: Kind) -> Self {
        Self {
            kind,
            extra_cells: 0,
            extent_bytes: 0,
        }
    }
}

impl<S: Store> Transaction<'_, S> {
    /// Creates an object whose words are zero, without a reference.
    pub(crate) fn create(&mut self, plan: Plan) -> ObjectId {
        let (cell, generation) = self.allocate_cell(plan.kind as u64);
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
        for _ in 0..plan.extra_cells {
            let (extra, _) = self.allocate_cell(EXTRA);
            for word in (16..CELL_BYTES).step_by(8) {
                self.prepare(extra + word, 0);
            }
            self.set(extra + NEXT_FREE, 0);
            self.prepare(last + NEXT_EXTRA, extra);
            last = extra;
        }
        self.set(OBJECTS, self.get(OBJECTS) + 1);
        ObjectId { cell, generation }
    }

    /// Adds a reference of `process` to an object.
    pub(crate) fn add_reference(&mut self, object: u64, process: usize) -> u64 {
        let (cell, _) = self.allocate_cell(REFERENCE);
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
        self.link_to_process(cell, process);
        cell
    }

    /// Removes a reference. Returns whether the object has ended with it.
    pub(crate) fn remove_reference(&mut self, reference: u64) -> bool {
        let object = self.get(reference + OBJECT);
        self.unlink_from_process(reference);
        self.unlink(
            reference,
            object + FIRST_REFERENCE,
            NEXT_OF_OBJECT,
            PREVIOUS_OF_OBJECT,
        );
        self.free_cell(reference);
        let count = self.get(object + COUNT) - 1;
        self.set(object + COUNT, count);
        if count > 0 {
            return false;
        }
        let mut extra = self.get(object + NEXT_EXTRA);
        while extra != 0 {
            let next = self.get(extra + NEXT_EXTRA);
            self.free_cell(extra);
            extra = next;
        }
        self.free_cell(object);
        self.set(OBJECTS, self.get(OBJECTS) - 1);
        true
    }

    /// Puts a held reference in flight, into an item of this queue or pipe if it is sent into one.
    pub(crate) fn send(&mut self, reference: u64, container: Option<u64>) -> Token {
        let nonce = self.get(NEXT_NONCE) + 1;
        self.set(NEXT_NONCE, nonce);
        self.set(reference + NONCE, nonce);
        self.set(reference + STATE, IN_FLIGHT);
        self.set(reference + CONTAINER, container.unwrap_or(0));
        Token { reference, nonce }
    }

    /// Notes that a reference in flight has not arrived in an item.
    pub(crate) fn clear_container(&mut self, reference: u64) {
        self.set(reference + CONTAINER, 0);
    }

    /// The queue or pipe in whose item a reference may be.
    pub(crate) fn container(&self, reference: u64) -> Option<u64> {
        let container = self.get(reference + CONTAINER);
        (self.get(reference + STATE) == IN_FLIGHT && container != 0).then_some(container)
    }

    /// Whether a token is still valid, for this object if one is given.
    pub(crate) fn is_in_flight(&self, token: Token, object: Option<u64>) -> bool {
        let reference = token.reference;
        self.get(reference + HEAD) & 0xff == REFERENCE
            && self.get(reference + NONCE) == token.nonce
            && self.get(reference + STATE) == IN_FLIGHT
            && object.is_none_or(|object| self.get(reference + OBJECT) == object)
    }

    /// Ends the flight of a reference: this process holds it.
    pub(crate) fn receive(&mut self, reference: u64, process: usize) {
        self.transfer(reference, process);
        self.set(reference + CONTAINER, 0);
        self.set(reference + STATE, HELD);
    }

    /// Transfers a reference to this process.
    pub(crate) fn transfer(&mut self, reference: u64, process: usize) {
        self.unlink_from_process(reference);
        self.link_to_process(reference, process);
    }

    /// The kind of the object, if it still exists.
    pub(crate) fn kind(&self, object: ObjectId) -> Option<Kind> {
        let head = self.get(object.cell + HEAD);
        let same = (head >> 32) as u32 == object.generation;
        same.then(|| kind_of(head)).flatten()
    }

    /// The kind of the object in this cell.
    pub(crate) fn kind_in(&self, cell: u64) -> Option<Kind> {
        kind_of(self.get(cell + HEAD))
    }

    /// The object to which a reference refers.
    pub(crate) fn object_of(&self, reference: u64) -> u64 {
        self.get(reference + OBJECT)
    }

    /// The process to which a reference belongs.
    pub(crate) fn process_of(&self, reference: u64) -> usize {
        self.get(reference + PROCESS) as usize
    }

    /// How many references an object has.
    pub(crate) fn count(&self, object: u64) -> u64 {
        self.get(object + COUNT)
    }

    /// The first of a process's references.
    pub(crate) fn first_of(&self, process: usize) -> Option<u64> {
        let first = self.get(references_of(process));
        (first != 0).then_some(first)
    }

    /// The next reference in the list of its process.
    pub(crate) fn next_of_process(&self, reference: u64) -> Option<u64> {
        let next = self.get(reference + NEXT_OF_PROCESS);
        (next != 0).then_some(next)
    }

    /// Where the cells end if this many new ones are needed.
    pub(crate) fn cells_end(&self, number: u64) -> u64 {
        self.get(NEXT_CELL) + number * CELL_BYTES
    }

    fn allocate_cell(&mut self, what: u64) -> (u64, u32) {
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

    fn free_cell(&mut self, cell: u64) {
        self.set(cell + HEAD, self.get(cell + HEAD) & !0xff | FREE);
        self.set(cell + NEXT_FREE, self.get(FREE_CELL));
        self.set(FREE_CELL, cell);
    }

    fn link_to_process(&mut self, reference: u64, process: usize) {
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

    fn unlink_from_process(&mut self, reference: u64) {
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

/// The extra cells of an object, in order.
pub(crate) fn extra_cells(store: &impl Store, object: u64) -> impl Iterator<Item = u64> {
    let first = store.load(object + NEXT_EXTRA);
    std::iter::successors((first != 0).then_some(first), move |extra| {
        let next = store.load(extra + NEXT_EXTRA);
        (next != 0).then_some(next)
    })
}

/// The place of an object's extent, and its length.
pub(crate) fn extent(store: &impl Store, object: u64) -> (u64, u64) {
    (store.load(object + EXTENT), store.load(object + EXTENT_BYTES))
}

/// A word of an object's body, without a handle of it.
pub(crate) fn body(store: &impl Store, object: u64, index: u64) -> u64 {
    store.load(object + BODY + 8 * index)
}
