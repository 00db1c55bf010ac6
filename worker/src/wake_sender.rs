//! Wakes the parent.
//!
//! Owns the sender of wake-ups. A message is sent only if none is on its way: the parent reads everything on each
//! wake-up.

use std::sync::{Mutex, PoisonError};

use protocol::{
    board::Board,
    message::link::{Wake, WakeSender},
};

/// Sends wake-ups to the parent, from any lane.
#[derive(Debug)]
pub(crate) struct SharedWakeSender<'a> {
    board: &'a Board,
    /// The lock gives no order: it is there because the sender isn't `Sync`.
    sender: Mutex<WakeSender>,
}

impl<'a> SharedWakeSender<'a> {
    pub(crate) fn new(board: &'a Board, sender: WakeSender) -> Self {
        Self {
            board,
            sender: Mutex::new(sender),
        }
    }

    /// Makes the parent read the board at some time after this call.
    pub(crate) fn wake(&self) {
        if self.board.request_wake() {
            let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
            // Sending fails only if the parent is gone: the lanes notice at the link's end, the process by its watchdog.
            drop(sender.send(Wake::Progress));
        }
    }
}
