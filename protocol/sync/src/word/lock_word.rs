//! The word of a lock: who holds it, changed in one step.
//!
//! ```text
//! bits 0..=30   the owner: its process's slot and the number of the thread in it; 0 if the lock is free
//! bit  31       a thread sleeps until the lock is free
//! bits 32..=33  poison: how an earlier holder failed
//! bits 34..=63  counts the acquisitions
//! ```
//!
//! # Why a holder can die at any instruction
//! The owner is part of the word that is compared and exchanged: at no instant is the lock held by an unknown thread. A
//! waiter sleeps in slices, and after each checks whether the owner's process is alive. If it is not, the waiter makes
//! itself the owner and sets the poison in the same exchange. The count makes that safe, however long the waiter paused
//! before it: after another acquisition, even by another process in the same slot, the word is different and the
//! exchange fails. A slot is given to a new process only when no word names the old one ([`force_release`]).
//!
//! # Why no wake-up is lost
//! A waiter sets bit 31 before it sleeps, and the kernel lets it sleep only while the lower half is as it was then. A
//! holder releases by an exchange, which returns the bit, and then wakes one waiter. That one acquires with the bit
//! set, since others may still be asleep. If it dies before it acquires, the others' slices end.

use std::sync::atomic::Ordering;

use super::{
    futex::Word,
    wait::{Peers, WaitMode},
};

/// A thread sleeps until the lock is free.
const CONTENDED: u64 = 1 << 31;
const LOW: u64 = (1 << 32) - 1;
const OWNER: u64 = LOW & !CONTENDED;
const POISON: u64 = 3 << POISON_SHIFT;
const POISON_SHIFT: u32 = 32;
const ACQUISITION: u64 = 1 << 34;

/// How an earlier holder failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PoisonCause {
    /// A thread panicked while it held the lock.
    Panicked,
    /// The holder's process ended, or was killed, while it held the lock.
    Died,
}

impl PoisonCause {
    fn of(word: u64) -> Option<Self> {
        match (word & POISON) >> POISON_SHIFT {
            0 => None,
            1 => Some(Self::Panicked),
            _ => Some(Self::Died),
        }
    }

    fn bits(self) -> u64 {
        (self as u64 + 1) << POISON_SHIFT
    }
}

/// The proof of an acquisition, which [`release`] takes back.
#[derive(Debug)]
pub(crate) struct Held {
    word: u64,
}

impl Held {
    pub(crate) fn poison(&self) -> Option<PoisonCause> {
        PoisonCause::of(self.word)
    }
}

/// Why an acquisition failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The calling thread holds it.
    AlreadyHeld,
    /// Another thread holds it, and the time is over.
    Busy,
}

/// Acquires the lock for `me`, waiting as `mode` says.
#[inline]
pub(crate) fn acquire<W: Word>(
    word: &W,
    me: u64,
    mode: WaitMode,
    peers: &impl Peers,
) -> Result<Held, Refused> {
    let seen = word.load(Ordering::Relaxed);
    if seen & LOW == 0 {
        let taken = taken_by(seen, me);
        if word.exchange(seen, taken, Ordering::Acquire).is_ok() {
            return Ok(Held { word: taken });
        }
    }
    acquire_slowly(word, me, mode, peers)
}

fn acquire_slowly<W: Word>(word: &W, me: u64, mode: WaitMode, peers: &impl Peers) -> Result<Held, Refused> {
    let mut spins = W::SPINS;
    // Once this thread has slept, others may be asleep too, and the bit must stay set for them.
    let mut contended = 0;
    loop {
        let seen = word.load(Ordering::Relaxed);
        match seen & OWNER {
            0 => {
                let taken = taken_by(seen, me) | contended;
                if word.exchange(seen, taken, Ordering::Acquire).is_ok() {
                    return Ok(Held { word: taken });
                }
            }
            owner if owner == me => return Err(Refused::AlreadyHeld),
            _ if spins > 0 && seen & CONTENDED == 0 && !matches!(mode, WaitMode::Try) => {
                spins -= 1;
                std::hint::spin_loop();
            }
            owner if peers.is_dead(owner) => {
                let taken = (taken_by(seen, me) & !POISON) | CONTENDED | PoisonCause::Died.bits();
                if word.exchange(seen, taken, Ordering::Acquire).is_ok() {
                    return Ok(Held { word: taken });
                }
            }
            _ => {
                let slice = mode.slice().ok_or(Refused::Busy)?;
                if seen & CONTENDED == 0 && word.exchange(seen, seen | CONTENDED, Ordering::Relaxed).is_err()
                {
                    continue;
                }
                contended = CONTENDED;
                word.sleep(((seen | CONTENDED) & LOW) as u32, slice);
                peers.reclaim();
            }
        }
    }
}

/// The word after `me` has acquired the free word `seen`.
fn taken_by(seen: u64, me: u64) -> u64 {
    ((seen & !OWNER) | me).wrapping_add(ACQUISITION)
}

/// Releases the lock; `failed` leaves it poisoned.
#[inline]
pub(crate) fn release<W: Word>(word: &W, held: &Held, failed: Option<PoisonCause>) {
    let mut seen = held.word;
    // A new waiter, or a thread that clears the poison, may change the word meanwhile.
    while let Err(changed) = word.exchange(seen, released(seen, failed), Ordering::Release) {
        seen = changed;
    }
    if seen & CONTENDED != 0 {
        word.wake(1);
    }
}

/// The word after its holder has released it.
fn released(seen: u64, failed: Option<PoisonCause>) -> u64 {
    match failed {
        None => seen & !LOW,
        Some(cause) => (seen & !(LOW | POISON)) | cause.bits(),
    }
}

/// Releases the lock if its owner belongs to a dead process, by `is_of_the_dead`, and leaves it free and poisoned.
/// Returns whether that was so. It may be called again if its caller was killed half-way.
pub(crate) fn force_release<W: Word>(word: &W, is_of_the_dead: impl Fn(u64) -> bool) -> bool {
    loop {
        let seen = word.load(Ordering::Relaxed);
        let owner = seen & OWNER;
        if owner == 0 || !is_of_the_dead(owner) {
            return false;
        }
        let free = (seen & !(LOW | POISON)) | PoisonCause::Died.bits();
        if word.exchange(seen, free, Ordering::AcqRel).is_ok() {
            word.wake(u32::MAX);
            return true;
        }
    }
}

/// How an earlier holder failed, if one did.
pub(crate) fn poison<W: Word>(word: &W) -> Option<PoisonCause> {
    PoisonCause::of(word.load(Ordering::Relaxed))
}

/// Clears the poison.
pub(crate) fn clear_poison<W: Word>(word: &W) {
    let mut seen = word.load(Ordering::Relaxed);
    while let Err(changed) = word.exchange(seen, seen & !POISON, Ordering::Relaxed) {
        seen = changed;
    }
}
