//! The memory of a channel in the shared heap: where its words, its slots and its bytes are.
//!
//! Used by the typed handle, and without one when a reference is released. The order in which items become visible is
//! [`crate::word::channel`]'s, and their encoding [`crate::typed_channel`]'s.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use protocol::Mapping;

use crate::{
    heap::{
        arena::Arena,
        error::SharedHeapError,
        objects::{BODY, EXTRA_BODY, Token, extent, extra_cells},
        table::ObjectTable,
    },
    word::{
        channel::{Channel, Name},
        futex::Word,
    },
};

/// Bytes of a slot: the start of its item, and its length.
const SLOT_BYTES: u64 = 16;
/// Bytes of the token of one handle in front of an item.
pub(crate) const TOKEN_BYTES: usize = 16;
/// In the body: the limit of items.
pub(crate) const ITEMS: u64 = 0;
/// In the body: the limit of bytes.
pub(crate) const BYTES: u64 = 1;

/// How many items and bytes a channel can hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) items: u64,
    pub(crate) bytes: u64,
}

impl Limits {
    /// Checks that at least one item has room.
    pub(crate) fn new(items: usize, bytes: usize) -> Result<Self, SharedHeapError> {
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
        Err(SharedHeapError::Impossible { what })
    }

    fn slots(self) -> u64 {
        (self.items + 1).next_power_of_two()
    }

    /// How much memory a channel needs.
    pub(crate) fn channel_bytes(self) -> u64 {
        self.slots() * SLOT_BYTES + self.bytes.next_power_of_two().max(8)
    }
}

const MOST_ITEMS: usize = 1 << 28;
const MOST_BYTES: usize = u32::MAX as usize;

/// A channel in the shared heap.
#[derive(Debug, Clone)]
pub(crate) struct ChannelMemory {
    /// In the order of [`Name`].
    words: [&'static AtomicU64; 9],
    mapping: Arc<Mapping>,
    limits: Limits,
    /// Where the slots begin in the mapping; the bytes follow.
    start: usize,
    slot_mask: u64,
    byte_mask: u64,
}

/// A word of the channel, in its two extra cells. The words that producers write, that consumers write, and that are
/// seldom written and always read are on different cache lines.
pub(crate) fn word(arena: &Arena, extra_cells: [u64; 2], name: Name) -> &AtomicU64 {
    let (extra, place) = match name {
        Name::PutLock => (0, BODY),
        Name::Tail => (0, BODY + 8),
        Name::SeenHead => (0, BODY + 16),
        Name::Getters => (0, EXTRA_BODY),
        Name::Closed => (0, EXTRA_BODY + 8),
        Name::GetLock => (1, BODY),
        Name::Head => (1, BODY + 8),
        Name::SeenTail => (1, BODY + 16),
        Name::Putters => (1, EXTRA_BODY),
    };
    arena.word(extra_cells[extra] + place)
}

impl ChannelMemory {
    /// The channel with these extra cells, whose slots begin at `start` of the mapping.
    pub(crate) fn new(
        arena: &'static Arena,
        extra_cells: [u64; 2],
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
            words: names.map(|name| word(arena, extra_cells, name)),
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

    /// The tokens of the handles in all items.
    pub(crate) fn tokens_inside(&self) -> Vec<Token> {
        let head = self.word(Name::Head).load(Ordering::Acquire);
        let tail = self.word(Name::Tail).load(Ordering::Acquire);
        let (mut inside, mut buffer) = (Vec::new(), Vec::new());
        for item in head..tail.min(head + self.limits.items) {
            let (start, length) = self.slot(item);
            let length = length.load(Ordering::Relaxed);
            let tag = (length >> 32) as u32;
            let bytes = (tag as usize * TOKEN_BYTES).min(length as u32 as usize);
            if tag > 0 && bytes as u64 <= self.byte_mask {
                buffer.clear();
                self.read(start.load(Ordering::Relaxed), bytes, &mut buffer);
                inside.extend(tokens(&buffer, tag));
            }
        }
        inside
    }
}

/// A token as it stands in front of an item.
pub(crate) fn token_bytes(token: Token) -> impl Iterator<Item = u8> {
    [token.reference, token.nonce]
        .into_iter()
        .flat_map(u64::to_le_bytes)
}

/// The tokens in front of an item.
pub(crate) fn tokens(bytes: &[u8], number: u32) -> impl Iterator<Item = Token> {
    let (words, _) = bytes.as_chunks::<8>();
    let (pairs, _) = words.as_chunks::<2>();
    pairs
        .iter()
        .take(number as usize)
        .map(|[reference, nonce]| Token {
            reference: u64::from_le_bytes(*reference),
            nonce: u64::from_le_bytes(*nonce),
        })
}

impl Channel for ChannelMemory {
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
        // No correct process writes a length beyond the ring; what is read then does not decode.
        let length = length.min(self.byte_mask as usize + 1);
        let head = length.min(self.byte_mask as usize + 1 - at);
        self.mapping.read(ring + at, head, buffer);
        self.mapping.read(ring, length - head, buffer);
    }
}

impl ChannelMemory {
    /// The offset of a position in the ring, and of the ring in the mapping.
    fn at(&self, position: u64) -> (usize, usize) {
        let ring = self.start + ((self.slot_mask + 1) * SLOT_BYTES) as usize;
        ((position & self.byte_mask) as usize, ring)
    }
}

/// The channels of an object, which are one after the other in its extent.
///
/// # Errors
/// If there is no memory to map them.
pub(crate) fn open(
    arena: &'static Arena,
    object: u64,
    number: usize,
) -> Result<Vec<ChannelMemory>, SharedHeapError> {
    let body = |index| arena.word(object + BODY + 8 * index).load(Ordering::Acquire);
    let limits = Limits::new(body(ITEMS) as usize, body(BYTES) as usize)?;
    let (place, _) = extent(arena, object);
    let mapping = Arc::new(arena.map(place, limits.channel_bytes() * number as u64)?);
    let extra_cells: Vec<u64> = extra_cells(arena, object).collect();
    let (pairs, _) = extra_cells.as_chunks::<2>();
    let channels = pairs.iter().zip(0..).map(|(pair, index)| {
        let start = limits.channel_bytes() * index;
        ChannelMemory::new(arena, *pair, Arc::clone(&mapping), limits, start)
    });
    Ok(channels.collect())
}

/// The references in flight in the items of a queue or pipe.
///
/// # Errors
/// If there is no memory to map the items.
pub(crate) fn handles_inside(table: &ObjectTable, object: u64) -> Result<Vec<u64>, SharedHeapError> {
    let arena = table.arena();
    let extra_cells: Vec<u64> = extra_cells(arena, object).collect();
    let (pairs, _) = extra_cells.as_chunks::<2>();
    let load = |pair: &[u64; 2], name| word(arena, *pair, name).load(Ordering::Acquire);
    if pairs
        .iter()
        .all(|pair| load(pair, Name::Head) >= load(pair, Name::Tail))
    {
        return Ok(Vec::new());
    }
    let channels = open(arena, object, pairs.len())?;
    let tokens = channels.iter().flat_map(ChannelMemory::tokens_inside);
    let transaction = table.transaction();
    Ok(tokens
        .filter(|token| table.has_cell(token.reference) && transaction.is_in_flight(*token, None))
        .map(|token| token.reference)
        .collect())
}

/// Closes all channels of a pipe whose other end is gone, and wakes the threads that wait at them.
pub(crate) fn disconnect(arena: &Arena, object: u64) {
    let extra_cells: Vec<u64> = extra_cells(arena, object).collect();
    for pair in extra_cells.as_chunks::<2>().0 {
        let word = |name| word(arena, *pair, name);
        word(Name::Closed).store(1, Ordering::SeqCst);
        for sleepers in [word(Name::Getters), word(Name::Putters)] {
            sleepers.store(0, Ordering::SeqCst);
            sleepers.wake(u32::MAX);
        }
    }
}
