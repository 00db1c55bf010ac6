//! The memory of the shared heap.
//!
//! Owns the descriptor of one file of memory and this process's mappings of it. The file's length is sealed, so that no
//! mapped page can vanish. Its pages are allocated before they are first used, so that a lack of memory is an error and
//! never a signal. What the bytes mean is defined in [`super::layout`].

use std::{
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use protocol::{Mapping, MemoryError};
use rustix::{
    fs::{FallocateFlags, MemfdFlags, SealFlags},
    process::Resource,
};

use super::{
    error::SharedHeapError,
    layout::{
        CELLS, CELLS_BACKED, CELLS_END, CELLS_STEP, COOKIE, EXTENTS, FILE_BYTES, MAGIC, MAGIC_AT, NEXT_CELL,
        NEXT_EXTENT, PAGE,
    },
};

/// The first segment's length; each further one is as long as all before it together.
const SEGMENT: u64 = 1 << 20;
const SEGMENTS: usize = (CELLS_END / SEGMENT).ilog2() as usize + 1;

const SEALS: SealFlags = SealFlags::SHRINK.union(SealFlags::GROW);

/// The memory of one shared heap, as this process sees it.
#[derive(Debug)]
pub(crate) struct Arena {
    file: OwnedFd,
    /// Header, processes and cells, mapped when first needed and never unmapped.
    segments: [OnceLock<Mapping>; SEGMENTS],
    cookie: u64,
    /// The segments are mapped without a gap up to here.
    mapped: AtomicU64,
}

impl Arena {
    /// Creates the memory of a new heap.
    pub(crate) fn create() -> Result<Self, SharedHeapError> {
        check_file_size()?;
        let file = rustix::fs::memfd_create("pool-heap", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)
            .map_err(SharedHeapError::system("memfd_create", "memfd_create"))?;
        rustix::fs::ftruncate(&file, FILE_BYTES).map_err(MemoryError::system("ftruncate"))?;
        rustix::fs::fcntl_add_seals(&file, SEALS | SealFlags::SEAL)
            .map_err(SharedHeapError::system("sealing", "sealed memory (F_ADD_SEALS)"))?;
        let mut cookie = [0; 8];
        rustix::rand::getrandom(&mut cookie, rustix::rand::GetRandomFlags::empty())
            .map_err(SharedHeapError::system("getrandom", "getrandom"))?;
        let backed = CELLS.next_multiple_of(PAGE) + CELLS_STEP;
        let arena = Self::open(file)?;
        arena.allocate_pages(0, backed)?;
        arena.word(NEXT_CELL).store(CELLS, Ordering::Relaxed);
        arena.word(CELLS_BACKED).store(backed, Ordering::Relaxed);
        arena.word(NEXT_EXTENT).store(EXTENTS, Ordering::Relaxed);
        let cookie = u64::from_le_bytes(cookie);
        arena.word(COOKIE).store(cookie, Ordering::Relaxed);
        arena.word(MAGIC_AT).store(MAGIC, Ordering::Release);
        Ok(Self { cookie, ..arena })
    }

    /// Opens the memory that another process created.
    pub(crate) fn adopt(file: OwnedFd) -> Result<Self, SharedHeapError> {
        let wrong = |why: &str| SharedHeapError::NotASharedHeap { why: why.to_owned() };
        let seals = rustix::fs::fcntl_get_seals(&file).map_err(|errno| wrong(&errno.to_string()))?;
        if !seals.contains(SEALS) {
            return Err(wrong("its length can change"));
        }
        let status = rustix::fs::fstat(&file).map_err(MemoryError::system("fstat"))?;
        if status.st_size.cast_unsigned() != FILE_BYTES {
            return Err(wrong("it has another length"));
        }
        let arena = Self::open(file)?;
        if arena.word(MAGIC_AT).load(Ordering::Acquire) != MAGIC {
            return Err(wrong("it was made by another version"));
        }
        let cookie = arena.word(COOKIE).load(Ordering::Relaxed);
        Ok(Self { cookie, ..arena })
    }

    fn open(file: OwnedFd) -> Result<Self, SharedHeapError> {
        let segments = [const { OnceLock::new() }; SEGMENTS];
        let arena = Self {
            file,
            segments,
            cookie: 0,
            mapped: AtomicU64::new(0),
        };
        arena.map_to(CELLS)?;
        Ok(arena)
    }

    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// The number by which handles identify their heap.
    pub(crate) fn cookie(&self) -> u64 {
        self.cookie
    }

    /// Maps all places before `end`, so that [`Arena::word`] can be called for them.
    pub(crate) fn map_to(&self, end: u64) -> Result<(), MemoryError> {
        let mut mapped = self.mapped.load(Ordering::Acquire);
        while mapped < end {
            let (start, length) = bounds(segment(mapped));
            let mapping = Mapping::new(&self.file, start, length as usize)?;
            // Another thread may have been faster; its mapping is as good, and this one is unmapped again.
            let _first_or_not = self.segments[segment(mapped)].set(mapping);
            mapped = start + length;
            self.mapped.fetch_max(mapped, Ordering::AcqRel);
        }
        Ok(())
    }

    /// The word at `place` in the header, the table of processes or the cells.
    ///
    /// # Panics
    /// If the place was not mapped before ([`Arena::map_to`]) or is no word's: a mistake in this program.
    pub(crate) fn word(&self, place: u64) -> &AtomicU64 {
        let index = segment(place);
        let Some(mapping) = self.segments[index].get() else {
            panic!("place {place} of the shared heap was not mapped");
        };
        mapping.word((place - bounds(index).0) as usize)
    }

    /// Allocates the pages of a range.
    pub(crate) fn allocate_pages(&self, place: u64, length: u64) -> Result<(), MemoryError> {
        rustix::io::retry_on_intr(|| {
            rustix::fs::fallocate(&self.file, FallocateFlags::empty(), place, length)
        })
        .map_err(MemoryError::system("fallocate"))
    }

    /// Returns the pages of a range to the system.
    pub(crate) fn release_pages(&self, place: u64, length: u64) -> Result<(), MemoryError> {
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        rustix::io::retry_on_intr(|| rustix::fs::fallocate(&self.file, flags, place, length))
            .map_err(MemoryError::system("punching a hole"))
    }

    /// Maps an extent.
    pub(crate) fn map(&self, place: u64, length: u64) -> Result<Mapping, MemoryError> {
        Mapping::new(&self.file, place, length as usize)
    }
}

/// Exceeding a limit on the size of files would end the process by a signal.
fn check_file_size() -> Result<(), SharedHeapError> {
    match rustix::process::getrlimit(Resource::Fsize).current {
        Some(limit) if limit < FILE_BYTES => Err(SharedHeapError::FileSize {
            limit,
            needed: FILE_BYTES,
        }),
        _ => Ok(()),
    }
}

fn segment(place: u64) -> usize {
    assert!(place < CELLS_END, "place {place} is in no segment");
    (u64::BITS - (place / SEGMENT).leading_zeros()) as usize
}

/// The start of a segment, and its length.
fn bounds(index: usize) -> (u64, u64) {
    match index {
        0 => (0, SEGMENT),
        index => (SEGMENT << (index - 1), SEGMENT << (index - 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_follow_each_other_without_a_gap() {
        let mut next = 0;
        for index in 0..SEGMENTS {
            let (start, length) = bounds(index);
            assert_eq!(start, next);
            assert_eq!((segment(start), segment(start + length - 1)), (index, index));
            next = start + length;
        }
        assert_eq!(next, CELLS_END);
    }

    #[test]
    fn what_one_writes_the_other_reads_also_far_behind() {
        let ours = Arena::create().unwrap();
        let theirs = Arena::adopt(ours.descriptor().try_clone_to_owned().unwrap()).unwrap();
        assert_eq!(ours.cookie(), theirs.cookie());
        for place in [EXTENTS, FILE_BYTES - PAGE] {
            ours.allocate_pages(place, PAGE).unwrap();
            ours.map(place, PAGE).unwrap().write(100, b"far");
            let mut copy = Vec::new();
            theirs.map(place, PAGE).unwrap().read(100, 3, &mut copy);
            assert_eq!(copy, b"far");
            ours.release_pages(place, PAGE).unwrap();
        }
    }

    #[test]
    fn other_memory_is_refused() {
        let other = protocol::SharedMemory::create("test", 4096).unwrap();
        let other = other.descriptor().try_clone_to_owned().unwrap();
        assert!(matches!(
            Arena::adopt(other),
            Err(SharedHeapError::NotASharedHeap { .. })
        ));
        let file = tempfile::tempfile().unwrap();
        assert!(matches!(
            Arena::adopt(file.into()),
            Err(SharedHeapError::NotASharedHeap { .. })
        ));
    }
}
