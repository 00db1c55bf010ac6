//! The words of a barrier in the shared heap, and what they mean.
//!
//! Used by the typed handle, and without one when a reference is released. [`STATE`] and [`ARRIVED`] change under the
//! object table's lock.

use std::sync::atomic::Ordering;

use crate::{
    heap::{arena::Arena, objects::BODY},
    word::event_count,
};

/// In the body: for how many parties the barrier is.
pub(crate) const PARTIES: u64 = 0;
/// In the body: how many parties have arrived in this round.
pub(crate) const ARRIVED: u64 = 1;
/// In the body. Bit 0: broken. The rest of the lower half counts the rounds, the upper half the resets.
pub(crate) const STATE: u64 = 2;
/// In the body: the event count of the waiting parties.
pub(crate) const WAITERS: u64 = 3;

pub(crate) const BROKEN: u64 = 1;
const ROUND: u64 = 2;
pub(crate) const RESET: u64 = 1 << 32;
const LOW: u64 = RESET - 1;

/// What has become of a party that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Waits,
    Passed,
    Broken,
}

/// What has become of the party that arrived when the state was `arrival`. It may be many rounds behind, if there are
/// more threads than parties: a round that is over was passed, unless the barrier was reset since.
pub(crate) fn fate(arrival: u64, state: u64) -> Fate {
    if state == arrival {
        Fate::Waits
    } else if (state ^ arrival) & !BROKEN == 0 || state / RESET != arrival / RESET {
        Fate::Broken
    } else {
        Fate::Passed
    }
}

/// The state of the next round.
pub(crate) fn next_round(state: u64) -> u64 {
    (state & !LOW) | ((state + ROUND) & LOW)
}

/// Breaks the barrier. The caller holds the object table.
pub(crate) fn break_for_all(arena: &Arena, object: u64) {
    let word = |index| arena.word(object + BODY + 8 * index);
    word(STATE).fetch_or(BROKEN, Ordering::AcqRel);
    event_count::notify_all(word(WAITERS));
}
