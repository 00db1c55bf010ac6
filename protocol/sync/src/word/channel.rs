//! The channel: the order in which items enter a ring of shared memory and leave it.
//!
//! A channel has a ring of bytes and a ring of slots; slot `n` holds the start and the length of item `n`. Two counters
//! count the items: `tail` those that were put, `head` those that were taken. One lock excludes producers from each
//! other, another one consumers; a producer and a consumer never wait for each other's lock. What the bytes mean is not
//! known here, nor where they are.
//!
//! # Why a death leaves it whole
//! A put writes the bytes, then the slot, then raises `tail`: that one store is the put. A take copies the bytes, then
//! raises `head`: that one store is the take. No other words must agree. A process killed before its store has done
//! nothing, and one killed after it has done everything, whatever the locks say. So a thread that takes a lock over
//! from a dead holder has nothing to repair. There is one slot more than items can be, so that the last item's slot,
//! from which the next start follows, is never the one that a producer is writing.
//!
//! # Why no wake-up is lost
//! A consumer that finds no item sets the flag `getters`, then looks at `tail` again, then sleeps while the flag is
//! set; a producer raises `tail`, then looks at the flag. With a full fence between store and load on either side, one
//! of them sees the other. The producer clears the flag and wakes one consumer. That one sets the flag again before it
//! takes its item, since others may be asleep, and wakes one more if it leaves an item behind. If it is killed in
//! between, the others' slices end (see [`super::wait::SLICE`]).
//!
//! # Copies of the counters
//! A counter that another core has just written is slow to read. Producers therefore keep a copy of `head`, and consumers
//! one of `tail`, each under their own lock. They read the counter itself only if the copy shows no room, or no item. A
//! copy is a value that the counter once had: it lags behind, and is never ahead. As long as the copy of `head` leaves
//! room for the item that is put, the slots from it on have not been used again.
//!
//! Producers that wait for room are woken together, and only when half of the room is free, so that a full channel does
//! not cost two context switches per item.

use std::sync::atomic::Ordering;

use super::{
    futex::Word,
    lock_word::{self, Held},
    wait::{Peers, WaitMode},
};

/// A channel's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Name {
    PutLock,
    Tail,
    /// Whether a consumer may be asleep.
    Getters,
    Closed,
    GetLock,
    Head,
    /// Whether a producer may be asleep.
    Putters,
    /// The producers' copy of `head`, which may lag behind it.
    SeenHead,
    /// The consumers' copy of `tail`, which may lag behind it.
    SeenTail,
}

/// The memory of a channel, as this algorithm needs it.
pub(crate) trait Channel {
    type Word: Word;

    fn word(&self, name: Name) -> &Self::Word;
    /// The two words of a slot: the start of its item, and its length.
    fn slot(&self, index: u64) -> (&Self::Word, &Self::Word);
    /// How many items there can be.
    fn item_limit(&self) -> u64;
    /// How many bytes there can be.
    fn byte_limit(&self) -> u64;
    /// Copies bytes into the ring, from this position on.
    fn write(&self, position: u64, bytes: &[u8]);
    /// Appends a copy of bytes of the ring.
    fn read(&self, position: u64, length: usize, buffer: &mut Vec<u8>);
}

/// Why nothing was put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotPut {
    Full,
    Closed,
    TooLarge,
}

/// Why nothing was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotTaken {
    Empty,
    Closed,
}

/// The caller: who it is, and how it waits.
#[derive(Debug)]
pub(crate) struct Caller<'a, P> {
    pub(crate) me: u64,
    pub(crate) mode: WaitMode,
    pub(crate) peers: &'a P,
}

/// Puts an item, made of `prefix` and `body`; `tag` travels with it.
pub(crate) fn put<C: Channel>(
    channel: &C,
    caller: &Caller<'_, impl Peers>,
    tag: u32,
    prefix: &[u8],
    body: &[u8],
) -> Result<(), NotPut> {
    let length = (prefix.len() + body.len()) as u64;
    if length > channel.byte_limit() {
        return Err(NotPut::TooLarge);
    }
    loop {
        let lock = hold(channel, Name::PutLock, caller).ok_or(NotPut::Full)?;
        let room = if is_closed(channel) {
            Err(NotPut::Closed)
        } else {
            place_for(channel, length).ok_or(NotPut::Full)
        };
        if let Ok((tail, start)) = room {
            channel.write(start, prefix);
            channel.write(start + prefix.len() as u64, body);
            let (start_word, length_word) = channel.slot(tail);
            start_word.store(start, Ordering::Relaxed);
            length_word.store(u64::from(tag) << 32 | length, Ordering::Relaxed);
            channel.word(Name::Tail).store(tail + 1, Ordering::Release);
        }
        release(channel, Name::PutLock, &lock);
        match room {
            Ok(_) => {
                C::Word::full_fence();
                wake_one(channel.word(Name::Getters));
                return Ok(());
            }
            Err(NotPut::Full) => wait_for_room(channel, caller, length)?,
            Err(refused) => return Err(refused),
        }
    }
}

/// The place of an item of this length, if there is room. The caller holds the producers' lock.
fn place_for<C: Channel>(channel: &C, length: u64) -> Option<(u64, u64)> {
    let tail = channel.word(Name::Tail).load(Ordering::Relaxed);
    let start = end_of_last(channel, tail);
    let has_room = |head| {
        tail - head < channel.item_limit() && {
            let first = if head == tail {
                start
            } else {
                start_of(channel, head)
            };
            start - first + length <= channel.byte_limit()
        }
    };
    let copy = channel.word(Name::SeenHead);
    if !has_room(copy.load(Ordering::Acquire)) {
        // Acquire: what was taken has been copied before its room is written again. Release, and the acquire above:
        // also if the producer that made the copy was killed.
        let head = channel.word(Name::Head).load(Ordering::Acquire);
        copy.store(head, Ordering::Release);
        if !has_room(head) {
            return None;
        }
    }
    Some((tail, start))
}

fn start_of<C: Channel>(channel: &C, item: u64) -> u64 {
    channel.slot(item).0.load(Ordering::Relaxed)
}

fn end_of_last<C: Channel>(channel: &C, tail: u64) -> u64 {
    if tail == 0 {
        return 0;
    }
    let (start, length) = channel.slot(tail - 1);
    start.load(Ordering::Relaxed) + (length.load(Ordering::Relaxed) & u64::from(u32::MAX))
}

fn wait_for_room<C: Channel>(
    channel: &C,
    caller: &Caller<'_, impl Peers>,
    length: u64,
) -> Result<(), NotPut> {
    let slice = caller.mode.slice().ok_or(NotPut::Full)?;
    let putters = channel.word(Name::Putters);
    putters.store(1, Ordering::Relaxed);
    C::Word::full_fence();
    // Another producer may write the slots meanwhile: what is read here only decides whether to sleep.
    let head = channel.word(Name::Head).load(Ordering::Acquire);
    let tail = channel.word(Name::Tail).load(Ordering::Acquire);
    let is_full = tail.saturating_sub(head) >= channel.item_limit()
        || used_bytes(channel, head, tail).is_none_or(|used| used + length > channel.byte_limit());
    if is_full && !is_closed(channel) {
        putters.sleep(1, slice);
        caller.peers.reclaim();
    }
    Ok(())
}

/// The bytes in use, as seen without the lock; `None` if the slots changed while they were read.
fn used_bytes<C: Channel>(channel: &C, head: u64, tail: u64) -> Option<u64> {
    if head >= tail {
        return Some(0);
    }
    end_of_last(channel, tail).checked_sub(start_of(channel, head))
}

/// Takes the oldest item, appends its bytes to `buffer`, and returns its tag. If the tag is not 0, `claim` is called
/// with it and the bytes before the take is final.
pub(crate) fn take<C: Channel>(
    channel: &C,
    caller: &Caller<'_, impl Peers>,
    buffer: &mut Vec<u8>,
    claim: impl Fn(u32, &[u8]),
) -> Result<u32, NotTaken> {
    let mut slept = false;
    let mut spins = C::Word::SPINS;
    loop {
        if has_copied(channel) || !looks_empty(channel) {
            let lock = hold(channel, Name::GetLock, caller).ok_or(NotTaken::Empty)?;
            let taken = take_first(channel, buffer, &claim);
            release(channel, Name::GetLock, &lock);
            if let Some((tag, left)) = taken {
                C::Word::full_fence();
                wake_producers(channel);
                if left || slept {
                    wake_next(channel);
                }
                return Ok(tag);
            }
        } else if is_closed(channel) && looks_empty(channel) {
            return Err(NotTaken::Closed);
        } else if spins > 0 && !matches!(caller.mode, WaitMode::Try) {
            spins -= 1;
            std::hint::spin_loop();
        } else {
            slept |= wait_for_item(channel, caller)?;
        }
    }
}

/// Whether the consumers' copy of the counter shows an item.
fn has_copied<C: Channel>(channel: &C) -> bool {
    let head = channel.word(Name::Head).load(Ordering::Relaxed);
    channel.word(Name::SeenTail).load(Ordering::Relaxed) > head
}

/// How many items have been put, at least: the exact number if the copy shows none after `head`. The caller holds the
/// consumers' lock.
fn tail_behind<C: Channel>(channel: &C, head: u64) -> u64 {
    let copy = channel.word(Name::SeenTail);
    // Acquire: a thread that sees the counter sees the slot and the bytes that were written before it. The copy passes
    // that on, also if the consumer that made it was killed.
    let seen = copy.load(Ordering::Acquire);
    if seen > head {
        return seen;
    }
    let tail = channel.word(Name::Tail).load(Ordering::Acquire);
    copy.store(tail, Ordering::Release);
    tail
}

fn looks_empty<C: Channel>(channel: &C) -> bool {
    let head = channel.word(Name::Head).load(Ordering::Acquire);
    channel.word(Name::Tail).load(Ordering::Acquire) <= head
}

/// Takes the first item, if there is one, and returns whether another is left. The caller holds the consumers' lock.
fn take_first<C: Channel>(
    channel: &C,
    buffer: &mut Vec<u8>,
    claim: &impl Fn(u32, &[u8]),
) -> Option<(u32, bool)> {
    let head = channel.word(Name::Head).load(Ordering::Relaxed);
    if tail_behind(channel, head) <= head {
        return None;
    }
    let (start, length) = channel.slot(head);
    let (start, length) = (start.load(Ordering::Relaxed), length.load(Ordering::Relaxed));
    let tag = (length >> 32) as u32;
    let before = buffer.len();
    channel.read(start, (length & u64::from(u32::MAX)) as usize, buffer);
    if tag != 0 {
        claim(tag, &buffer[before..]);
    }
    channel.word(Name::Head).store(head + 1, Ordering::Release);
    Some((tag, tail_behind(channel, head + 1) > head + 1))
}

fn wait_for_item<C: Channel>(channel: &C, caller: &Caller<'_, impl Peers>) -> Result<bool, NotTaken> {
    let slice = caller.mode.slice().ok_or(NotTaken::Empty)?;
    let getters = channel.word(Name::Getters);
    getters.store(1, Ordering::Relaxed);
    C::Word::full_fence();
    if !looks_empty(channel) || is_closed(channel) {
        return Ok(false);
    }
    getters.sleep(1, slice);
    // Others may still be asleep: the flag must be set before this thread takes its item.
    getters.store(1, Ordering::Relaxed);
    C::Word::full_fence();
    caller.peers.reclaim();
    Ok(true)
}

/// Wakes another consumer if there is an item for it.
fn wake_next<C: Channel>(channel: &C) {
    let getters = channel.word(Name::Getters);
    if getters.load(Ordering::Relaxed) != 0 && !looks_empty(channel) {
        wake_one(getters);
    }
}

/// Wakes the producers if they wait and there is enough room again.
fn wake_producers<C: Channel>(channel: &C) {
    let putters = channel.word(Name::Putters);
    if putters.load(Ordering::Relaxed) == 0 {
        return;
    }
    let head = channel.word(Name::Head).load(Ordering::Relaxed);
    let tail = channel.word(Name::Tail).load(Ordering::Acquire);
    let used = used_bytes(channel, head, tail).unwrap_or(0);
    let has_room = tail.saturating_sub(head) <= channel.item_limit() / 2 && used <= channel.byte_limit() / 2;
    if has_room && putters.swap(0, Ordering::Relaxed) != 0 {
        putters.wake(u32::MAX);
    }
}

fn wake_one<W: Word>(sleepers: &W) {
    if sleepers.load(Ordering::Relaxed) != 0 && sleepers.swap(0, Ordering::Relaxed) != 0 {
        sleepers.wake(1);
    }
}

/// Closes the channel: nothing can be put any more, and what is in it can still be taken.
pub(crate) fn close<C: Channel>(channel: &C, caller: &Caller<'_, impl Peers>) {
    // With the producers' lock, so that each put is either before it, and will be taken, or refused.
    let lock = hold(channel, Name::PutLock, caller);
    close_unlocked(channel);
    if let Some(lock) = lock {
        release(channel, Name::PutLock, &lock);
    }
}

/// Closes the channel without the producers' lock.
fn close_unlocked<C: Channel>(channel: &C) {
    channel.word(Name::Closed).store(1, Ordering::Release);
    C::Word::full_fence();
    for sleepers in [Name::Getters, Name::Putters] {
        channel.word(sleepers).store(0, Ordering::Relaxed);
        channel.word(sleepers).wake(u32::MAX);
    }
}

pub(crate) fn is_closed<C: Channel>(channel: &C) -> bool {
    channel.word(Name::Closed).load(Ordering::Acquire) != 0
}

/// How many items are in the channel.
pub(crate) fn length<C: Channel>(channel: &C) -> u64 {
    let head = channel.word(Name::Head).load(Ordering::Acquire);
    channel
        .word(Name::Tail)
        .load(Ordering::Acquire)
        .saturating_sub(head)
}

fn hold<C: Channel>(channel: &C, lock: Name, caller: &Caller<'_, impl Peers>) -> Option<Held> {
    // A try fails only if there is no item or no room, and not because another thread is putting or taking: that takes
    // a moment, and a holder that was killed meanwhile is noticed.
    let mode = match caller.mode {
        WaitMode::Try => WaitMode::Forever,
        mode => mode,
    };
    lock_word::acquire(channel.word(lock), caller.me, mode, caller.peers).ok()
}

fn release<C: Channel>(channel: &C, lock: Name, held: &Held) {
    lock_word::release(channel.word(lock), held, None);
}
