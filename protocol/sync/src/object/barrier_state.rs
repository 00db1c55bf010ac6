//! What a barrier holds in the family's memory, for those who have no handle of it, and what it means.

use std::sync::atomic::Ordering;

use crate::{
    heap::{arena::Arena, objects::BODY},
    word::futex::Word,
};

/// Bit 0: broken. The rest of the lower half counts the rounds, the upper half how often it was reset.
pub(crate) const STATE: u64 = 2;

pub(crate) const BROKEN: u64 = 1;
pub(crate) const ROUND: u64 = 2;
pub(crate) const RESET: u64 = 1 << 32;
pub(crate) const LOW: u64 = RESET - 1;

/// What became of a party.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Waits,
    Passed,
    Broken,
}

/// What became of the party that arrived when the state was `arrival`. It may be many rounds behind, where more threads
/// come than there are parties: a round that is over was passed, unless the barrier was reset since.
pub(crate) fn fate(arrival: u64, state: u64) -> Fate {
    if state == arrival {
        Fate::Waits
    } else if (state ^ arrival) & !BROKEN == 0 || state / RESET != arrival / RESET {
        Fate::Broken
    } else {
        Fate::Passed
    }
}

/// The state after the round that is on.
pub(crate) fn next_round(state: u64) -> u64 {
    (state & !LOW) | ((state + ROUND) & LOW)
}

/// Breaks the barrier. The caller has the books open.
pub(crate) fn break_for_all(arena: &Arena, object: u64) {
    let state = arena.word(object + BODY + 8 * STATE);
    state.fetch_or(BROKEN, Ordering::AcqRel);
    state.wake(u32::MAX);
}
