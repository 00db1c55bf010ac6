//! The inbox: a place on the board for one small frame, for a worker that is looking for it.
//!
//! A frame over the link costs two system calls. A worker that has just finished looks for its next frame for a moment before
//! it sleeps ([`super::spin`]). Its inbox is open meanwhile, and the parent may put the frame there instead. Owns the word
//! that says which side may do what:
//!
//! - The worker *opens* the inbox with the number of frames that it has received. The parent fills it only if it has
//!   sent just as many, so that no frame overtakes one that is still in the link.
//! - The worker *closes* it before it sleeps, and the parent reserves it before it writes, both by an exchange on
//!   the same word. The side that comes second sees that, and uses the link, or waits the instant that the writing takes.
//!
//! A worker that dies leaves a frame here as it leaves one in the link: its jobs are not claimed. The inbox does not wake
//! a worker that sleeps; that is the link's part.

use std::sync::atomic::Ordering;

use super::{Board, INBOX, INBOX_START, RING_START};

/// The longest frame that fits.
pub const INBOX_BYTES: usize = RING_START - INBOX_START;

const CLOSED: u64 = 0;
const OPEN: u64 = 1;
const WRITING: u64 = 2;
const FULL: u64 = 3;
const STATES: u64 = 3;
const STATE_BITS: u32 = 2;

/// The value of the word while the inbox is open for the frame that follows `received` others.
fn open_for(received: u64) -> u64 {
    received << STATE_BITS | OPEN
}

/// The inbox is in a state in which no parent that follows the protocol leaves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the inbox is in the impossible state {0:#x}")]
pub struct ImpossibleState(u64);

// ---- the worker's side ----

/// Opens the inbox for the frame that follows the `received` ones.
pub fn open(board: &Board, received: u64) {
    board
        .memory()
        .word(INBOX)
        .store(open_for(received), Ordering::Release);
}

/// Whether the parent has begun to fill the open inbox.
pub fn is_taken(board: &Board) -> bool {
    board.memory().word(INBOX).load(Ordering::Relaxed) & STATES >= WRITING
}

/// Closes the inbox that was opened with the same number, and returns the frame that was put there, if one was.
///
/// # Errors
/// If the word is in a state that cannot be, or the frame's length is impossible.
pub fn close(board: &Board, received: u64) -> Result<Option<Vec<u8>>, ImpossibleState> {
    let word = board.memory().word(INBOX);
    let closed = word.compare_exchange(open_for(received), CLOSED, Ordering::AcqRel, Ordering::Acquire);
    let Err(mut seen) = closed else {
        return Ok(None);
    };
    while seen & STATES == WRITING {
        // This takes nanoseconds, unless the writer lost its CPU. If the parent dies, the watchdog ends this process.
        std::thread::yield_now();
        seen = word.load(Ordering::Acquire);
    }
    let length = usize::try_from(seen >> STATE_BITS).unwrap_or(usize::MAX);
    if seen & STATES != FULL || length > INBOX_BYTES {
        return Err(ImpossibleState(seen));
    }
    let mut frame = Vec::with_capacity(length);
    board.memory().read(INBOX_START, length, &mut frame);
    word.store(CLOSED, Ordering::Release);
    Ok(Some(frame))
}

// ---- the parent's side ----

/// Whether the worker is looking into its inbox: a hint.
pub fn is_open(board: &Board) -> bool {
    board.memory().word(INBOX).load(Ordering::Relaxed) & STATES == OPEN
}

/// Puts the frame that follows the `sent` ones into the worker's inbox, if that is open for it. Returns whether it was. Only one
/// thread at a time may call this.
pub fn put(board: &Board, sent: u64, frame: &[u8]) -> bool {
    let word = board.memory().word(INBOX);
    let is_reserved = frame.len() <= INBOX_BYTES
        && word
            .compare_exchange(open_for(sent), WRITING, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok();
    if is_reserved {
        board.memory().write(INBOX_START, frame);
        word.store((frame.len() as u64) << STATE_BITS | FULL, Ordering::Release);
    }
    is_reserved
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_inbox_takes_one_frame() {
        let board = Board::create().unwrap();
        assert!(!put(&board, 0, b"early"), "the worker does not look yet");
        open(&board, 0);
        assert!(is_open(&board) && !is_taken(&board));
        assert!(put(&board, 0, b"a frame"));
        assert!(is_taken(&board) && !is_open(&board));
        assert!(!put(&board, 1, b"another"), "it is full");
        assert_eq!(close(&board, 0), Ok(Some(b"a frame".to_vec())));
        assert!(!put(&board, 1, b"late"), "it is closed");
    }

    #[test]
    fn nothing_overtakes_a_frame_in_the_link() {
        let board = Board::create().unwrap();
        open(&board, 3);
        assert!(!put(&board, 4, b"the fifth"));
        assert_eq!(close(&board, 3), Ok(None));
    }

    #[test]
    fn the_longest_frame_fits_and_a_longer_one_does_not() {
        let board = Board::create().unwrap();
        let longest = [7; INBOX_BYTES];
        open(&board, 0);
        assert!(!put(&board, 0, &[7; INBOX_BYTES + 1]));
        assert!(put(&board, 0, &longest));
        assert_eq!(close(&board, 0), Ok(Some(longest.to_vec())));
    }

    #[test]
    fn a_forged_length_is_an_error() {
        let board = Board::create().unwrap();
        for forged in [u64::MAX, (INBOX_BYTES as u64 + 1) << STATE_BITS | FULL] {
            board.memory().word(INBOX).store(forged, Ordering::Release);
            assert!(close(&board, 0).is_err(), "{forged:#x}");
        }
    }

    /// Both sides as fast as they can: each frame comes once, in order, through the inbox or over the link. For every fifth
    /// frame the two wait for each other, so that it goes through the inbox.
    #[test]
    fn every_frame_comes_once_and_in_order_whichever_side_is_faster() {
        const FRAMES: u64 = 20_000;
        let board = Board::create().unwrap();
        let body = |number: u64| number.to_le_bytes().repeat(1 + (number % 7) as usize);
        let (link, from_link) = std::sync::mpsc::channel::<Vec<u8>>();
        let direct = std::thread::scope(|scope| {
            let sending = scope.spawn(|| {
                let link = link;
                let mut direct = 0;
                for sent in 0..FRAMES {
                    let word = board.memory().word(INBOX);
                    while sent % 5 == 0 && word.load(Ordering::Acquire) != open_for(sent) {
                        std::thread::yield_now();
                    }
                    if put(&board, sent, &body(sent)) {
                        direct += 1;
                    } else {
                        link.send(body(sent)).unwrap();
                    }
                    board.show_sent();
                }
                direct
            });
            for received in 0..FRAMES {
                open(&board, received);
                while received % 5 == 0 && !is_taken(&board) {
                    std::thread::yield_now();
                }
                let frame = close(&board, received).unwrap();
                let frame = frame.unwrap_or_else(|| from_link.recv().unwrap());
                assert_eq!(frame, body(received));
            }
            sending.join().unwrap()
        });
        assert!(direct >= FRAMES / 5, "{direct}");
    }
}
