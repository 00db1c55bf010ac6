//! Typed items through a channel of the family's memory: what queues and pipes have in common.
//!
//! Owns the layout of a channel's memory and the encoding of items. The order of publication is [`crate::word::channel`]'s.

use std::{
    cell::Cell,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use protocol::{Mapping, decode_argument, encode_argument};
use serde::{Serialize, de::DeserializeOwned};

use super::reference::Tie;
use crate::{
    FamilyError,
    heap::{
        Arena, Transit,
        objects::{ANNEX_BODY, BODY, Ticket},
    },
    item_error::{GetError, PutError, PutErrorKind},
    word::{
        channel::{self, Caller, Channel, Name, NotPut, NotTaken},
        lock_word::Patience,
    },
};

/// Bytes of a slot: where its item starts, and its length.
const SLOT_BYTES: u64 = 16;
/// Bytes of the ticket of one handle in front of an item.
const TICKET_BYTES: usize = 16;
/// A thread keeps a buffer of no more bytes than this for its next item.
const KEPT_BYTES: usize = 64 * 1024;

thread_local! {
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

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

    pub(crate) fn put<T: Serialize>(
        &self,
        tie: &Tie,
        item: T,
        patience: Patience,
    ) -> Result<(), PutError<T>> {
        let mut buffer = BUFFER.take();
        buffer.clear();
        let put = self.encode_and_put(tie, &item, patience, &mut buffer);
        keep(buffer);
        put.map_err(|kind| PutError::new(item, kind))
    }

    fn encode_and_put<T: Serialize>(
        &self,
        tie: &Tie,
        item: &T,
        patience: Patience,
        buffer: &mut Vec<u8>,
    ) -> Result<(), PutErrorKind> {
        let me = tie.me()?;
        let (encoded, transit) = Transit::of_item(tie.object(), || encode_argument(item, buffer));
        if let Err(error) = encoded {
            transit.undo();
            return Err(PutErrorKind::Encoding(error));
        }
        let caller = Caller {
            me,
            patience,
            peers: tie.member(),
        };
        let put = if transit.is_empty() {
            channel::put(self, &caller, 0, &[], buffer)
        } else {
            let tickets: Vec<u8> = transit.tickets().flat_map(ticket_bytes).collect();
            let number = (tickets.len() / TICKET_BYTES) as u32;
            channel::put(self, &caller, number, &tickets, buffer)
        };
        match put {
            Ok(()) => {
                transit.leave_to_message();
                Ok(())
            }
            Err(refused) => {
                transit.undo();
                Err(self.refusal(refused, patience, buffer.len()))
            }
        }
    }

    fn refusal(&self, refused: NotPut, patience: Patience, bytes: usize) -> PutErrorKind {
        match (refused, patience) {
            (NotPut::Full, Patience::None) => PutErrorKind::Full,
            (NotPut::Full, _) => PutErrorKind::TimedOut,
            (NotPut::Closed, _) => PutErrorKind::Closed,
            (NotPut::TooLarge, _) => PutErrorKind::TooLarge {
                bytes,
                limit: self.limits.bytes as usize,
            },
        }
    }

    pub(crate) fn get<T: DeserializeOwned>(&self, tie: &Tie, patience: Patience) -> Result<T, GetError> {
        let mut buffer = BUFFER.take();
        buffer.clear();
        let got = self.take_and_decode(tie, patience, &mut buffer);
        keep(buffer);
        got
    }

    fn take_and_decode<T: DeserializeOwned>(
        &self,
        tie: &Tie,
        patience: Patience,
        buffer: &mut Vec<u8>,
    ) -> Result<T, GetError> {
        let caller = Caller {
            me: tie.me()?,
            patience,
            peers: tie.member(),
        };
        let taken = channel::take(self, &caller, buffer, |tag, bytes| claim(tie, tag, bytes));
        let tag = taken.map_err(|error| match (error, patience) {
            (NotTaken::Closed, _) => GetError::Closed,
            (NotTaken::Empty, Patience::None) => GetError::Empty,
            (NotTaken::Empty, _) => GetError::TimedOut,
        })?;
        if tag == 0 {
            return decode_argument(buffer).map_err(GetError::Decoding);
        }
        let body = (tag as usize * TICKET_BYTES).min(buffer.len());
        // Handles that the item's decoding does not receive are given back when it is done.
        let _transit = Transit::of_tickets(tie.member(), tickets(&buffer[..body], tag));
        decode_argument(&buffer[body..]).map_err(GetError::Decoding)
    }

    pub(crate) fn close(&self, tie: &Tie) -> Result<(), FamilyError> {
        let caller = Caller {
            me: tie.me()?,
            patience: Patience::Endless,
            peers: tie.member(),
        };
        channel::close(self, &caller);
        Ok(())
    }

    pub(crate) fn is_closed(&self) -> bool {
        channel::is_closed(self)
    }

    pub(crate) fn length(&self) -> usize {
        channel::length(self) as usize
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

/// Lets the handles in an item belong to the process that is about to take it.
fn claim(tie: &Tie, tag: u32, bytes: &[u8]) {
    // Without memory to map the books they stay their sender's.
    if let Ok(books) = tie.member().books() {
        for ticket in tickets(bytes, tag) {
            let mut transaction = books.transaction();
            if books.has_cell(ticket.reference) && transaction.is_under_way(ticket, None) {
                transaction.pass_on(ticket.reference, tie.member().slot());
                transaction.commit();
            }
        }
    }
}

fn keep(buffer: Vec<u8>) {
    if buffer.capacity() <= KEPT_BYTES {
        // While the thread's values are being destroyed there is no keeping.
        let _kept_or_not = BUFFER.try_with(|kept| kept.set(buffer));
    }
}

fn ticket_bytes(ticket: Ticket) -> impl Iterator<Item = u8> {
    [ticket.reference, ticket.nonce]
        .into_iter()
        .flat_map(u64::to_le_bytes)
}

fn tickets(bytes: &[u8], number: u32) -> impl Iterator<Item = Ticket> {
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
