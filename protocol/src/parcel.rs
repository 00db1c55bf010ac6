//! The areas of shared memory for payloads too large for a frame or the ring.
//!
//! Each worker has two, both made by its parent and kept for the worker's life: one for jobs on their way in, one for
//! results on their way out. An area holds one payload at a time. It grows to the largest payload it has carried and
//! is trimmed to [`KEPT_BYTES`] by the receiver of one that was larger, while the area is still its own, so that the
//! next payload finds its pages warm and a rare giant does not stay in memory for ever.
//!
//! Inbound, the rule that a large job travels alone keeps the area to one payload. Outbound, a word on the board says
//! whether the area is full; the worker waits for the parent to empty it.

use std::{
    os::fd::{BorrowedFd, OwnedFd},
    sync::atomic::Ordering,
    time::Duration,
};

use rustix::thread::futex;

use crate::{
    MemoryError, SharedMemory,
    board::{Board, PARCEL_FULL},
};

/// What an area keeps after a larger payload has gone through it.
pub const KEPT_BYTES: usize = 16 << 20;

/// The most bytes that one job or one result may have, unless the pool's builder says otherwise: 1 GiB.
pub const DEFAULT_MESSAGE_LIMIT: u64 = 1 << 30;

/// How long the worker sleeps at most before it looks again by itself.
const PATIENCE: Duration = Duration::from_millis(100);

/// An area for one large payload.
#[derive(Debug)]
pub struct Parcel {
    memory: SharedMemory,
}

impl Parcel {
    /// Makes an empty area; `name` is shown in `/proc/PID/maps`.
    ///
    /// # Errors
    /// When there is no descriptor for it.
    pub fn create(name: &str) -> Result<Self, MemoryError> {
        SharedMemory::create(name, 0).map(|memory| Self { memory })
    }

    /// Opens the area that the parent made.
    ///
    /// # Errors
    /// When the descriptor is not such memory.
    pub fn open(descriptor: OwnedFd) -> Result<Self, MemoryError> {
        SharedMemory::from_descriptor(descriptor, 0).map(|memory| Self { memory })
    }

    /// The descriptor, to hand to the other process.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.memory.descriptor()
    }

    /// Puts a payload in.
    ///
    /// # Errors
    /// When there is not enough memory for it.
    pub fn put(&mut self, payload: &[u8]) -> Result<(), MemoryError> {
        // What is past the kept bytes may have been given back by the receiver: it is allocated anew each time.
        if payload.len() > self.memory.length().min(KEPT_BYTES) {
            self.memory.grow(payload.len().next_multiple_of(4096))?;
        }
        self.memory.write(0, payload);
        Ok(())
    }

    /// Takes a payload of `length` bytes out, by copy; `limit` is the most that will be believed. Afterwards the area
    /// may be filled again.
    ///
    /// # Errors
    /// [`MemoryError::Corrupt`] when the length is over the limit or so many bytes are not there.
    pub fn take(&mut self, length: u64, limit: u64) -> Result<Vec<u8>, MemoryError> {
        let length = match usize::try_from(length) {
            Ok(bytes) if length <= limit => bytes,
            _ => {
                return Err(MemoryError::corrupt(format_args!(
                    "a payload of {length} bytes, the limit being {limit}"
                )));
            }
        };
        self.memory.map(length)?;
        let mut payload = Vec::new();
        payload
            .try_reserve_exact(length)
            .map_err(|_| MemoryError::System {
                step: "taking a payload",
                source: std::io::ErrorKind::OutOfMemory.into(),
            })?;
        self.memory.read(0, length, &mut payload);
        // What cannot be given back is kept; that costs memory, not correctness.
        drop(self.memory.trim(KEPT_BYTES));
        Ok(payload)
    }
}

/// Waits until the outbound area is empty. `wait` is called before each sleep and must see to it that the parent is
/// told.
pub fn wait_until_empty(board: &Board, wait: &mut dyn FnMut()) {
    let word = board.memory().half_word(PARCEL_FULL);
    while word.load(Ordering::Acquire) != 0 {
        wait();
        let patience = rustix::time::Timespec::try_from(PATIENCE).ok();
        let _woken_or_not = futex::wait(word, futex::Flags::empty(), 1, patience.as_ref());
    }
}

/// Marks the outbound area as full, before its record is published.
pub fn mark_full(board: &Board) {
    board.memory().half_word(PARCEL_FULL).store(1, Ordering::Release);
}

/// Marks the outbound area as empty and wakes the worker.
pub fn mark_empty(board: &Board) {
    let word = board.memory().half_word(PARCEL_FULL);
    word.store(0, Ordering::Release);
    let _number_woken = futex::wake(word, futex::Flags::empty(), u32::MAX);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_ends() -> (Parcel, Parcel) {
        let ours = Parcel::create("test").unwrap();
        let theirs = Parcel::open(ours.descriptor().try_clone_to_owned().unwrap()).unwrap();
        (ours, theirs)
    }

    #[test]
    fn payloads_of_many_sizes_arrive_one_after_the_other() {
        let (mut sender, mut receiver) = two_ends();
        for length in [
            0_usize, 1, 4095, 4096, 4097, 70_000, 20_000_000, 5, 18_000_000, 20_000_000,
        ] {
            let payload: Vec<u8> = (0..length).map(|index| (index % 251) as u8).collect();
            sender.put(&payload).unwrap();
            assert_eq!(receiver.take(length as u64, 1 << 30).unwrap(), payload);
        }
    }

    #[test]
    fn a_forged_length_is_refused_without_allocating() {
        let (mut sender, mut receiver) = two_ends();
        sender.put(b"abc").unwrap();
        assert!(matches!(
            receiver.take(1 << 50, 1 << 30),
            Err(MemoryError::Corrupt { .. })
        ));
        assert!(matches!(
            receiver.take(1 << 29, 1 << 30),
            Err(MemoryError::Corrupt { .. })
        ));
        assert_eq!(receiver.take(3, 1 << 30).unwrap(), b"abc");
    }
}
