//! Payload areas: shared memory for payloads too large for a frame or the ring.
//!
//! Each worker process has two, both created by its parent: one for jobs on their way in, one for
//! results on their way out. An area holds one payload at a time, in the layout of [`super::layout`]. It grows to the
//! largest payload that it has held; after a payload larger than [`KEPT_BYTES`] the parent trims it to that, so that the
//! next payload finds its pages warm, and one that is unusually large does not occupy memory permanently.
//!
//! The inbound area holds one payload because a large job travels alone. It belongs to the worker from the frame that
//! announces the job until the record of its result, so that the worker may read the job in place
//! ([`super::mapped`]), and the parent may copy parts of the job that come back in its output from there. For the outbound area a
//! word on the board says whether it is full (`board/outbound.rs`).
//!
//! Owns the memory of one area, and the copying in and out. Whose turn it is to use the area is not decided here.

use std::{
    ops::Range,
    os::fd::{BorrowedFd, OwnedFd},
};

use super::{
    Payload,
    bytes::Bytes,
    layout::{self, Contents, Entry, Layout},
};
use crate::memory::{MemoryError, SharedMemory};

/// The bytes that an area keeps after a larger payload: 16 MiB, and some room for the table and the encoding.
pub const KEPT_BYTES: usize = (16 << 20) + (64 << 10);

/// The most bytes that one job or one result may have, unless the pool's builder says otherwise: 1 GiB, and some room for
/// the table and the encoding of a payload of that size.
pub const DEFAULT_MESSAGE_LIMIT: u64 = (1 << 30) + (64 << 10);

/// A part that is attached to a payload to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// These bytes, to be copied into the area.
    Bytes(Bytes),
    /// Bytes that are in the area in which the job came, and are only named.
    InJob(Range<usize>),
}

impl Part {
    /// Returns its length in bytes.
    pub fn length(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::InJob(range) => range.len(),
        }
    }
}

/// An area for one large payload.
#[derive(Debug)]
pub struct PayloadArea {
    memory: SharedMemory,
}

impl PayloadArea {
    /// Creates an empty area; `name` is shown in `/proc/PID/maps`.
    ///
    /// # Errors
    /// If there is no descriptor for it.
    pub fn create(name: &str) -> Result<Self, MemoryError> {
        SharedMemory::create(name, 0).map(|memory| Self { memory })
    }

    /// Opens the area that the parent created.
    ///
    /// # Errors
    /// If the descriptor is not such memory.
    pub fn open(descriptor: OwnedFd) -> Result<Self, MemoryError> {
        SharedMemory::from_descriptor(descriptor, 0).map(|memory| Self { memory })
    }

    /// Returns the descriptor, to hand to the other process.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.memory.descriptor()
    }

    /// Writes a payload: an encoding and the parts attached to it. Each byte is copied once.
    ///
    /// # Errors
    /// If there is not enough memory for it.
    pub fn put(&mut self, encoding: &[u8], attached: &[Part]) -> Result<Contents, MemoryError> {
        let mut layout = Layout::new(encoding.len(), attached.len());
        let mut places = Vec::with_capacity(attached.len());
        for part in attached {
            match part {
                Part::Bytes(bytes) => places.push((layout.add(bytes.len()), bytes)),
                Part::InJob(range) => layout.name(&Entry::InJob(range.start as u64..range.end as u64)),
            }
        }
        self.make_room(layout.end())?;
        self.memory.write(0, encoding);
        let (start, table) = layout.table();
        self.memory.write(start, table);
        for (start, bytes) in places {
            self.memory.write(start, bytes);
        }
        Ok(layout.contents())
    }

    fn make_room(&mut self, length: usize) -> Result<(), MemoryError> {
        let there = self.memory.length();
        // Pages past the kept bytes may have been returned to the system: they are allocated anew each time.
        if length <= there.min(KEPT_BYTES) {
            return Ok(());
        }
        // If payloads grow little by little, not each of them should map the area anew, with cold pages.
        let roomy = length.max(KEPT_BYTES.min(2 * there)).next_multiple_of(4096);
        self.memory
            .grow(roomy)
            .or_else(|_| self.memory.grow(length.next_multiple_of(4096)))
    }

    /// Takes a payload out: the encoding and each part are copied once, into memory of their own. A payload that counts more
    /// than `limit` is refused, and `from_job` copies a part from the area in which the job came. Afterwards the area may be
    /// filled again.
    ///
    /// # Errors
    /// [`MemoryError::Corrupt`] if a length is over the limit or the bytes are not there; and those of `from_job`.
    pub fn take(
        &mut self,
        contents: Contents,
        limit: u64,
        mut from_job: impl FnMut(Range<u64>) -> Result<Vec<u8>, MemoryError>,
    ) -> Result<Payload, MemoryError> {
        let place = contents.place(limit)?;
        let table = self.copy(place.table.clone())?;
        let table = layout::read_table(&place, &table, limit)?;
        self.memory.map(table.end)?;
        let mut attached = room_for(table.entries().len())?;
        for entry in table.entries() {
            let bytes = match entry {
                Entry::Here(range) => self.copy(range.start as usize..range.end as usize)?,
                Entry::InJob(range) => from_job(range)?,
            };
            attached.push(bytes.into());
        }
        let encoding = self.copy(place.encoding)?;
        self.trim();
        Ok(Payload { encoding, attached })
    }

    /// Copies bytes that the other process says are there into a vector of exactly that size.
    ///
    /// # Errors
    /// [`MemoryError::Corrupt`] if they are not there, [`MemoryError::System`] if there is no memory for the copy.
    pub fn copy(&mut self, range: Range<usize>) -> Result<Vec<u8>, MemoryError> {
        self.memory.map(range.end)?;
        self.copy_own(range)
    }

    /// Copies bytes of what this process itself has written into a vector of exactly that size. Even if the other
    /// process has made the area longer since, nothing is accessed that was not there.
    ///
    /// # Errors
    /// [`MemoryError::Corrupt`] if they are outside of it, [`MemoryError::System`] if there is no memory for the copy.
    pub fn copy_own(&self, range: Range<usize>) -> Result<Vec<u8>, MemoryError> {
        if range.end > self.memory.length() {
            return Err(MemoryError::corrupt(format_args!(
                "a part at {range:?} of an area of {} bytes",
                self.memory.length()
            )));
        }
        let mut copy = room_for(range.len())?;
        self.memory.read(range.start, range.len(), &mut copy);
        Ok(copy)
    }

    /// Returns what is over [`KEPT_BYTES`] to the system. For the parent, while the worker does not use the area.
    pub fn trim(&mut self) {
        // If that fails the memory is kept, which costs memory and not correctness.
        drop(self.memory.trim(KEPT_BYTES));
    }
}

/// Creates an empty vector with room for exactly this many.
fn room_for<T>(number: usize) -> Result<Vec<T>, MemoryError> {
    let mut room = Vec::new();
    match room.try_reserve_exact(number) {
        Ok(()) => Ok(room),
        Err(_) => Err(MemoryError::System {
            step: "taking a payload",
            source: std::io::ErrorKind::OutOfMemory.into(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_ends() -> (PayloadArea, PayloadArea) {
        let ours = PayloadArea::create("test").unwrap();
        let theirs = PayloadArea::open(ours.descriptor().try_clone_to_owned().unwrap()).unwrap();
        (ours, theirs)
    }

    fn pattern(length: usize) -> Vec<u8> {
        (0..length).map(|index| (index % 251) as u8).collect()
    }

    fn no_job(range: Range<u64>) -> Result<Vec<u8>, MemoryError> {
        Err(MemoryError::corrupt(format_args!("{range:?}")))
    }

    fn forged(encoding: u64, attached: u64) -> Contents {
        Contents { encoding, attached }
    }

    #[test]
    fn payloads_of_many_sizes_arrive_one_after_the_other() {
        let (mut sender, mut receiver) = two_ends();
        for length in [
            0_usize, 1, 4095, 4096, 4097, 70_000, 20_000_000, 5, 18_000_000, 20_000_000,
        ] {
            let encoding = pattern(length);
            let contents = sender.put(&encoding, &[]).unwrap();
            let taken = receiver.take(contents, 1 << 30, no_job).unwrap();
            assert!(taken.encoding == encoding && taken.attached.is_empty());
        }
    }

    #[test]
    fn parts_arrive_beside_their_encoding_in_memory_of_their_own() {
        let (mut sender, mut receiver) = two_ends();
        let sizes = [0, 1, 63, 64, 65, 100_000, 17_000_000];
        let attached: Vec<Bytes> = sizes.iter().map(|size| pattern(*size).into()).collect();
        let mut parts: Vec<Part> = attached.iter().cloned().map(Part::Bytes).collect();
        parts.insert(2, Part::InJob(5..8));
        let contents = sender.put(b"refers", &parts).unwrap();
        let from_job = |range: Range<u64>| {
            assert_eq!(range, 5..8);
            Ok(b"job".to_vec())
        };
        let mut taken = receiver.take(contents, 1 << 30, from_job).unwrap();
        assert_eq!(taken.encoding, b"refers");
        assert_eq!(taken.attached.remove(2), *b"job");
        assert_eq!(taken.attached, attached);
    }

    #[test]
    fn a_forged_length_is_refused_without_allocating() {
        let (mut sender, mut receiver) = two_ends();
        let contents = sender.put(b"abc", &[]).unwrap();
        for forged in [
            forged(1 << 50, 0),
            forged(1 << 29, 0),
            forged(3, 1 << 50),
            forged(3, 1 << 25),
            forged(4000, 7),
        ] {
            let refused = receiver.take(forged, 1 << 30, no_job);
            assert!(matches!(refused, Err(MemoryError::Corrupt { .. })), "{forged:?}");
        }
        assert_eq!(receiver.take(contents, 1 << 30, no_job).unwrap().encoding, b"abc");
    }

    /// The heap memory that a payload occupies once it was taken, with its list and the overhead of each allocation.
    fn heap_bytes(taken: &Payload) -> usize {
        let allocated = |bytes: usize| (bytes + 8).next_multiple_of(16).max(32);
        let parts = taken.attached.iter().map(|bytes| allocated(bytes.len()));
        taken.encoding.capacity()
            + taken.attached.capacity() * size_of::<Bytes>()
            + taken.attached.len() * 16
            + parts.sum::<usize>()
    }

    #[test]
    fn no_table_within_the_limit_costs_much_more_than_the_limit() {
        const LIMIT: u64 = 1 << 20;
        let (mut sender, mut receiver) = two_ends();
        for (length, most) in [(0, 8192), (1, 8192), (128, 8192), (129, 8128), (4096, 256)] {
            let parts = vec![Part::Bytes(pattern(length).into()); most];
            let contents = sender.put(&[], &parts).unwrap();
            let taken = receiver.take(contents, LIMIT, no_job).unwrap();
            assert_eq!(taken.attached.len(), most);
            let bytes = heap_bytes(&taken);
            assert!(bytes <= 2 * LIMIT as usize, "{most} of {length}: {bytes}");
            let parts = vec![Part::Bytes(pattern(length).into()); most + 1];
            let contents = sender.put(&[], &parts).unwrap();
            let refused = receiver.take(contents, LIMIT, no_job);
            assert!(
                matches!(refused, Err(MemoryError::Corrupt { .. })),
                "{} of {length}",
                most + 1
            );
        }
    }

    #[test]
    fn an_area_made_longer_is_not_accessed() {
        let (mut sender, mut receiver) = two_ends();
        let part = Part::Bytes(pattern(1000).into());
        let contents = sender.put(b"two", &[part.clone(), part]).unwrap();
        rustix::fs::ftruncate(receiver.descriptor(), 1 << 40).unwrap();
        // The second part: it would be a page of zeros, made by reading it.
        sender.memory.write(24, &(1_u64 << 39).to_le_bytes());
        let refused = receiver.take(contents, 1 << 30, no_job);
        assert!(matches!(refused, Err(MemoryError::Corrupt { .. })));
        for range in [1 << 39..1 << 39 | 1, 0..1 << 39] {
            let refused = sender.copy_own(range);
            assert!(matches!(refused, Err(MemoryError::Corrupt { .. })));
        }
        assert_eq!(sender.copy_own(0..3).unwrap(), b"two");
    }

    #[test]
    fn forged_parts_are_refused() {
        let (mut sender, mut receiver) = two_ends();
        let contents = sender
            .put(b"refers", &[Part::Bytes(pattern(100_000).into())])
            .unwrap();
        let (start, length) = (8, 16);
        for (place, bytes) in [
            (start, 1_u64 << 40),
            (start, 90_000),
            (start + 8, 200_000),
            (start + 8, 1 << 62),
        ] {
            let mut sound = Vec::new();
            sender.memory.read(start, length, &mut sound);
            sender.memory.write(place, &bytes.to_le_bytes());
            let refused = receiver.take(contents, 1 << 30, no_job);
            assert!(
                matches!(refused, Err(MemoryError::Corrupt { .. })),
                "{bytes} at {place}"
            );
            sender.memory.write(start, &sound);
        }
        // A part of a job, where there is no job.
        sender.memory.write(start, &(1_u64 << 63).to_le_bytes());
        assert!(receiver.take(contents, 1 << 30, no_job).is_err());
    }
}
