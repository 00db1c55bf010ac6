//! The wake-up of the parent.
//!
//! Owns the sender. A message goes out only when none is on its way already: the parent looks at everything each time.

use std::sync::{Mutex, PoisonError};

use protocol::{
    board::Board,
    link::{Wake, WakeSender},
};

/// Wakes the parent.
#[derive(Debug)]
pub(crate) struct SharedWakeSender<'a> {
    board: &'a Board,
    /// Not for order: the sender may not be shared between threads.
    sender: Mutex<WakeSender>,
}

impl<'a> SharedWakeSender<'a> {
    pub(crate) fn new(board: &'a Board, sender: WakeSender) -> Self {
        Self {
            board,
            sender: Mutex::new(sender),
        }
    }

    /// Sees to it that the parent will look after this instant.
    pub(crate) fn wake(&self) {
        if self.board.request_wake() {
            let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
            // A parent that listens no more has gone: the link's end says so to the lanes, and the watchdog to all.
            drop(sender.send(Wake::Progress));
        }
    }
}
