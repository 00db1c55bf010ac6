//! The event count: how threads of all processes sleep until some state, of whatever kind, has changed.
//!
//! ```text
//! bit  0        a thread may be asleep
//! bits 1..=31   the sequence: counts the notifications
//! bits 32..=63  the object's own half, which waiting and notifying leave alone
//! ```
//!
//! A waiter reads the sequence ([`prepare`]), looks at the state, and sleeps ([`wait`]) only if neither has changed. A
//! thread that changes the state notifies afterwards. State that fits 32 bits can be kept in the upper half: then it
//! changes in the same step as the sequence ([`notify_all_with`]).
//!
//! # Why no wake-up is lost
//! A waiter sets bit 0 by an exchange that fails if the sequence has changed since [`prepare`], and the kernel lets it
//! sleep only while the lower half is what that exchange left. Each notification raises the sequence by an exchange,
//! also if no thread is asleep. So a notification is either before the waiter's `prepare`, which then sees the state
//! that was changed before it (every exchange of the word releases, and `prepare` acquires), or it makes the waiter's
//! exchange or its sleep fail, or it sees bit 0 and wakes. No fence is needed, since both sides exchange the same word.
//!
//! # Why a death causes no long delay
//! A notifier can be killed between its change of the state and its notification, or between its exchange and the
//! wake-up; a woken waiter can be killed before it acts on [`notify_one`]. Sleeps therefore last one
//! [slice](super::wait::SLICE) at most. After each a waiter reclaims what dead processes held and looks again, at the
//! state and at the sequence.

use std::sync::atomic::Ordering;

use super::{
    futex::Word,
    wait::{Peers, WaitMode},
};

const SLEEPERS: u64 = 1;
const NOTIFICATION: u64 = 2;
const LOW: u64 = (1 << 32) - 1;
const SEQUENCE: u64 = LOW & !SLEEPERS;
const OWN_SHIFT: u32 = 32;

/// The sequence as a waiter has read it before it looked at the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key(u64);

/// Reads the sequence. Look at the state after this, and then call [`wait`].
#[inline]
pub(crate) fn prepare<W: Word>(word: &W) -> Key {
    Key(word.load(Ordering::Acquire) & SEQUENCE)
}

/// Sleeps unless there was a notification since `key` was read, until there is one or a slice has passed; then look at
/// the state again. Returns `false` at once if the time of `mode` is over.
pub(crate) fn wait<W: Word>(word: &W, key: Key, mode: WaitMode, peers: &impl Peers) -> bool {
    let Some(slice) = mode.slice() else {
        return false;
    };
    let mut seen = word.load(Ordering::Relaxed);
    while seen & SEQUENCE == key.0 {
        if seen & SLEEPERS == 0
            && let Err(changed) = word.exchange(seen, seen | SLEEPERS, Ordering::AcqRel)
        {
            seen = changed;
            continue;
        }
        word.sleep(((seen | SLEEPERS) & LOW) as u32, slice);
        peers.reclaim();
        break;
    }
    true
}

/// Waits until `look` returns a value, which is called with the sequence before each sleep and after it. Returns `None`
/// if the time of `mode` is over.
pub(crate) fn wait_until<W: Word, T>(
    word: &W,
    mode: WaitMode,
    peers: &impl Peers,
    mut look: impl FnMut(Key) -> Option<T>,
) -> Option<T> {
    loop {
        let key = prepare(word);
        if let Some(found) = look(key) {
            return Some(found);
        }
        if !wait(word, key, mode, peers) {
            return None;
        }
    }
}

/// Counts a notification and wakes one sleeper.
///
/// The others stay asleep until their slices end. Then they look again too, so that the notification is not lost if the
/// woken thread is killed.
pub(crate) fn notify_one<W: Word>(word: &W) {
    if exchange(word, |seen| notified(seen) | (seen & SLEEPERS)) & SLEEPERS != 0 {
        word.wake(1);
    }
}

/// Counts a notification and wakes all sleepers.
pub(crate) fn notify_all<W: Word>(word: &W) {
    if exchange(word, notified) & SLEEPERS != 0 {
        word.wake(u32::MAX);
    }
}

/// Sets the object's own half, counts a notification, both in one step, and wakes all sleepers.
pub(crate) fn notify_all_with<W: Word>(word: &W, own: u32) {
    if exchange(word, |seen| notified(seen) & LOW | u64::from(own) << OWN_SHIFT) & SLEEPERS != 0 {
        word.wake(u32::MAX);
    }
}

/// The object's own half.
#[inline]
pub(crate) fn own<W: Word>(word: &W) -> u32 {
    (word.load(Ordering::Acquire) >> OWN_SHIFT) as u32
}

/// Sets the object's own half without a notification.
pub(crate) fn set_own<W: Word>(word: &W, own: u32) {
    exchange(word, |seen| seen & LOW | u64::from(own) << OWN_SHIFT);
}

/// The word after a notification to all: the next sequence, and no sleepers.
fn notified(seen: u64) -> u64 {
    (seen & !LOW) | ((seen & SEQUENCE).wrapping_add(NOTIFICATION) & LOW)
}

/// Changes the word in one step, and returns what it was.
fn exchange<W: Word>(word: &W, change: impl Fn(u64) -> u64) -> u64 {
    let mut seen = word.load(Ordering::Relaxed);
    while let Err(changed) = word.exchange(seen, change(seen), Ordering::AcqRel) {
        seen = changed;
    }
    seen
}
