//! Typed items through a channel of the family's memory: what queues and pipes have in common.
//!
//! Owns the layout of a channel's memory and the encoding of items. The order of publication is [`crate::word::channel`]'s.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use protocol::Mapping;

use crate::{
    heap::{
        arena::Arena,
        error::FamilyError,
        objects::{ANNEX_BODY, BODY, Ticket, annexes, extent},
        table::Books,
    },
    word::{
        channel::{Channel, Name},
        futex::Word,
    },
};

/// Bytes of a slot: where its item starts, and its length.
const SLOT_BYTES: u64 = 16;
/// Bytes of the ticket of one handle in front of an item.
pub(crate) const TICKET_BYTES: usize = 16;
/// In the body: how many items, and how many bytes.
pub(crate) const ITEMS: u64 = 0;
pub(crate) const BYTES: u64 = 1;

/// How many items and bytes a channel holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) items: u64,
    pub(crate) bytes: u64,
}

impl Limits {
    /// Checks that something has room within them.
    pub(crate) fn new(items: usize, bytes: usize) -> Result<Self, FamilyError> {
        let what = match (items, bytes) {
            (0, _) => "a queue with room for no item: it needs room for one at least",
            (_, 0) => "a queue with room for no byte: it needs room for its largest item",
            (1..=MOST_ITEMS, 1..=MOST_BYTES) => {
                return Ok(Self {
                    items: items as u64,
                    bytes: bytes as u64,
                });
            }
            _ => "a queue of more than 2^32 - 1 bytes or 2^28 items",
        };
        Err(FamilyError::Impossible { what })
    }

    fn slots(self) -> u64 {
        (self.items + 1).next_power_of_two()
    }

    /// How much memory a channel takes.
    pub(crate) fn channel_bytes(self) -> u64 {
        self.slots() * SLOT_BYTES + self.bytes.next_power_of_two().max(8)
    }
}

const MOST_ITEMS: usize = 1 << 28;
const MOST_BYTES: usize = u32::MAX as usize;

/// A channel in the family's memory.
#[derive(Debug, Clone)]
pub(crate) struct Conduit {
    /// In the order of [`Name`].
    words: [&'static AtomicU64; 9],
    mapping: Arc<Mapping>,
    limits: Limits,
    /// Where the slots lie in the mapping; the bytes follow.
    start: usize,
    slot_mask: u64,
    byte_mask: u64,
}

/// The channel's words in its two annexes. For the cores' sake what producers write, what consumers write, and what is
/// seldom written and always read lie on cache lines of their own.
pub(crate) fn word(arena: &Arena, annexes: [u64; 2], name: Name) -> &AtomicU64 {
    let (annex, place) = match name {
        Name::PutLock => (0, BODY),
        Name::Tail => (0, BODY + 8),
        Name::SeenHead => (0, BODY + 16),
        Name::Getters => (0, ANNEX_BODY),
        Name::Closed => (0, ANNEX_BODY + 8),
        Name::GetLock => (1, BODY),
        Name::Head => (1, BODY + 8),
        Name::SeenTail => (1, BODY + 16),
        Name::Putters => (1, ANNEX_BODY),
    };
    arena.word(annexes[annex] + place)
}

impl Conduit {
    /// The channel with these annexes, whose slots lie at `start` of the mapping.
    pub(crate) fn new(
        arena: &'static Arena,
        annexes: [u64; 2],
        mapping: Arc<Mapping>,
        limits: Limits,
        start: u64,
    ) -> Self {
        let names = [
            Name::PutLock,
            Name::Tail,
            Name::Getters,
            Name::Closed,
            Name::GetLock,
            Name::Head,
            Name::Putters,
            Name::SeenHead,
            Name::SeenTail,
        ];
        Self {
            words: names.map(|name| word(arena, annexes, name)),
            mapping,
            limits,
            start: start as usize,
            slot_mask: limits.slots() - 1,
            byte_mask: limits.bytes.next_power_of_two().max(8) - 1,
        }
    }

    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }

    /// The tickets of the handles in the items that are there.
    pub(crate) fn tickets_inside(&self) -> Vec<Ticket> {
        let head = self.word(Name::Head).load(Ordering::Acquire);
        let tail = self.word(Name::Tail).load(Ordering::Acquire);
        let (mut inside, mut buffer) = (Vec::new(), Vec::new());
        for item in head..tail.min(head + self.limits.items) {
            let (start, length) = self.slot(item);
            let length = length.load(Ordering::Relaxed);
            let tag = (length >> 32) as u32;
            let bytes = (tag as usize * TICKET_BYTES).min(length as u32 as usize);
            if tag > 0 && bytes as u64 <= self.byte_mask {
                buffer.clear();
                self.read(start.load(Ordering::Relaxed), bytes, &mut buffer);
                inside.extend(tickets(&buffer, tag));
            }
        }
        inside
    }
}

pub(crate) fn ticket_bytes(ticket: Ticket) -> impl Iterator<Item = u8> {
    [ticket.reference, ticket.nonce]
        .into_iter()
        .flat_map(u64::to_le_bytes)
}

pub(crate) fn tickets(bytes: &[u8], number: u32) -> impl Iterator<Item = Ticket> {
    let (words, _) = bytes.as_chunks::<8>();
    let (pairs, _) = words.as_chunks::<2>();
    pairs
        .iter()
        .take(number as usize)
        .map(|[reference, nonce]| Ticket {
            reference: u64::from_le_bytes(*reference),
            nonce: u64::from_le_bytes(*nonce),
        })
}

impl Channel for Conduit {
    type Word = AtomicU64;

    #[inline]
    fn word(&self, name: Name) -> &AtomicU64 {
        self.words[name as usize]
    }

    #[inline]
    fn slot(&self, index: u64) -> (&AtomicU64, &AtomicU64) {
        let place = self.start + ((index & self.slot_mask) * SLOT_BYTES) as usize;
        (self.mapping.word(place), self.mapping.word(place + 8))
    }

    fn item_limit(&self) -> u64 {
        self.limits.items
    }

    fn byte_limit(&self) -> u64 {
        self.limits.bytes
    }

    #[inline]
    fn write(&self, position: u64, bytes: &[u8]) {
        let (at, ring) = self.at(position);
        let (head, rest) = bytes.split_at(bytes.len().min(self.byte_mask as usize + 1 - at));
        self.mapping.write(ring + at, head);
        self.mapping.write(ring, rest);
    }

    #[inline]
    fn read(&self, position: u64, length: usize, buffer: &mut Vec<u8>) {
        let (at, ring) = self.at(position);
        // A length beyond the ring is no honest process's; what is read then does not decode.
        let length = length.min(self.byte_mask as usize + 1);
        let head = length.min(self.byte_mask as usize + 1 - at);
        self.mapping.read(ring + at, head, buffer);
        self.mapping.read(ring, length - head, buffer);
    }
}

impl Conduit {
    /// Where a position lies in the ring, and where the ring lies in the mapping.
    fn at(&self, position: u64) -> (usize, usize) {
        let ring = self.start + ((self.slot_mask + 1) * SLOT_BYTES) as usize;
        ((position & self.byte_mask) as usize, ring)
    }
}

pub(crate) fn open(arena: &'static Arena, object: u64, number: usize) -> Result<Vec<Conduit>, FamilyError> {
    let body = |index| arena.word(object + BODY + 8 * index).load(Ordering::Acquire);
    let limits = Limits::new(body(ITEMS) as usize, body(BYTES) as usize)?;
    let (place, _) = extent(arena, object);
    let mapping = Arc::new(arena.map(place, limits.channel_bytes() * number as u64)?);
    let annexes: Vec<u64> = annexes(arena, object).collect();
    let (pairs, _) = annexes.as_chunks::<2>();
    let conduits = pairs.iter().zip(0..).map(|(pair, index)| {
        let start = limits.channel_bytes() * index;
        Conduit::new(arena, *pair, Arc::clone(&mapping), limits, start)
    });
    Ok(conduits.collect())
}

/// The references under way in the items of a queue or pipe.
///
/// # Errors
/// When there is no memory to map the items.
pub(crate) fn handles_inside(books: &Books, object: u64) -> Result<Vec<u64>, FamilyError> {
    let arena = books.arena();
    let annexes: Vec<u64> = annexes(arena, object).collect();
    let (pairs, _) = annexes.as_chunks::<2>();
    let load = |pair: &[u64; 2], name| word(arena, *pair, name).load(Ordering::Acquire);
    if pairs
        .iter()
        .all(|pair| load(pair, Name::Head) >= load(pair, Name::Tail))
    {
        return Ok(Vec::new());
    }
    let conduits = open(arena, object, pairs.len())?;
    let tickets = conduits.iter().flat_map(Conduit::tickets_inside);
    let transaction = books.transaction();
    Ok(tickets
        .filter(|ticket| books.has_cell(ticket.reference) && transaction.is_under_way(*ticket, None))
        .map(|ticket| ticket.reference)
        .collect())
}

/// Tells each end of a pipe that the other is gone.
pub(crate) fn cut_off(arena: &Arena, object: u64) {
    let annexes: Vec<u64> = annexes(arena, object).collect();
    for pair in annexes.as_chunks::<2>().0 {
        let word = |name| word(arena, *pair, name);
        word(Name::Closed).store(1, Ordering::SeqCst);
        for sleepers in [word(Name::Getters), word(Name::Putters)] {
            sleepers.store(0, Ordering::SeqCst);
            sleepers.wake(u32::MAX);
        }
    }
}
