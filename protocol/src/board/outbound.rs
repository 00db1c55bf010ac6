//! Whether the outbound payload area is full, as a word on the board.
//!
//! Owns that word: the worker marks the area as full before it publishes the record of a large result, and waits for the
//! parent to mark it as empty before it writes the next one. What is in the area is for [`crate::payload::area`].

use std::{sync::atomic::Ordering, time::Duration};

use rustix::thread::futex;

use super::{Board, OUTBOUND_FULL};

/// The longest that the worker sleeps before it looks again without having been woken.
const SLICE: Duration = Duration::from_millis(100);

/// Waits until the outbound area is empty. `wait` is called before each sleep and must wake the parent.
pub fn wait_until_empty(board: &Board, wait: &mut dyn FnMut()) {
    let word = board.memory().half_word(OUTBOUND_FULL);
    while word.load(Ordering::Acquire) != 0 {
        wait();
        let timeout = rustix::time::Timespec::try_from(SLICE).ok();
        let _woken_or_not = futex::wait(word, futex::Flags::empty(), 1, timeout.as_ref());
    }
}

/// Marks the outbound area as full, before its record is published.
pub fn mark_full(board: &Board) {
    board
        .memory()
        .half_word(OUTBOUND_FULL)
        .store(1, Ordering::Release);
}

/// Marks the outbound area as empty and wakes the worker.
pub fn mark_empty(board: &Board) {
    let word = board.memory().half_word(OUTBOUND_FULL);
    word.store(0, Ordering::Release);
    let _number_woken = futex::wake(word, futex::Flags::empty(), u32::MAX);
}
