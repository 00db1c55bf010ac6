//! A piece of memory shared between two processes.
//!
//! Owns a `memfd` and its mapping (`mapping.rs` says what of it can be accessed). The memory may grow but, by a
//! seal, never shrink, so that a mapped page cannot vanish under its reader (no `SIGBUS`).
//!
//! It gives no meaning to the bytes; see [`crate::board`] and [`crate::payload::area`].

mod error;
pub(crate) mod mapping;
mod origin;
pub(crate) mod view;

use std::{
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::atomic::{AtomicU32, AtomicU64},
};

use rustix::fs::{FallocateFlags, MemfdFlags, SealFlags};

use mapping::Mapping;

pub use error::MemoryError;
pub use origin::{Origin, wiped_at_fork};

/// More bytes than this are refused here: the kernel would rather kill a process than refuse them.
const MAX_BYTES: usize = 1 << 36;

/// Memory shared with another process through a descriptor.
///
/// ```
/// use std::sync::atomic::Ordering;
/// let memory = protocol::SharedMemory::create("example", 4096)?;
/// memory.word(64).store(7, Ordering::Release);
/// memory.write(128, b"bytes");
/// let mut copy = Vec::new();
/// memory.read(128, 5, &mut copy);
/// assert_eq!(copy, b"bytes");
/// # Ok::<(), protocol::MemoryError>(())
/// ```
#[derive(Debug)]
pub struct SharedMemory {
    descriptor: OwnedFd,
    mapping: Mapping,
}

impl SharedMemory {
    /// Creates memory of `length` zeroed bytes, which may be 0; `name` is shown in `/proc/PID/maps`.
    ///
    /// # Errors
    /// If the system has no descriptor or memory left, or does not support `memfd`.
    pub fn create(name: &str, length: usize) -> Result<Self, MemoryError> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let descriptor =
            rustix::fs::memfd_create(name, flags).map_err(MemoryError::system("memfd_create"))?;
        rustix::fs::fcntl_add_seals(&descriptor, SealFlags::SHRINK)
            .map_err(MemoryError::system("sealing"))?;
        let mut memory = Self {
            descriptor,
            mapping: Mapping::empty(),
        };
        memory.grow(length)?;
        Ok(memory)
    }

    /// Maps memory that another process created, received as a descriptor.
    ///
    /// # Errors
    /// [`MemoryError::Corrupt`] if it could shrink or is shorter than `length`; otherwise as for [`SharedMemory::create`].
    pub fn from_descriptor(descriptor: OwnedFd, length: usize) -> Result<Self, MemoryError> {
        let seals = rustix::fs::fcntl_get_seals(&descriptor).map_err(MemoryError::system("reading seals"))?;
        if !seals.contains(SealFlags::SHRINK) {
            return Err(MemoryError::corrupt(
                "shared memory without the seal against shrinking",
            ));
        }
        let mut memory = Self {
            descriptor,
            mapping: Mapping::empty(),
        };
        memory.map(length)?;
        Ok(memory)
    }

    /// Returns the descriptor, to hand to another process.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }

    /// Returns how many bytes are mapped here.
    pub fn length(&self) -> usize {
        self.mapping.length()
    }

    /// Allocates at least `length` bytes and maps them.
    ///
    /// The pages are allocated now, because a page that cannot be allocated later would kill the process.
    ///
    /// # Errors
    /// If there is not that much memory.
    pub fn grow(&mut self, length: usize) -> Result<(), MemoryError> {
        if length > MAX_BYTES {
            return Err(MemoryError::System {
                step: "growing",
                source: std::io::ErrorKind::OutOfMemory.into(),
            });
        }
        if length > 0 {
            retry(|| rustix::fs::fallocate(&self.descriptor, FallocateFlags::empty(), 0, length as u64))
                .map_err(MemoryError::system("fallocate"))?;
        }
        self.map(length)
    }

    /// Maps at least `length` bytes that the other process has allocated.
    ///
    /// # Errors
    /// [`MemoryError::Corrupt`] if they are not there.
    pub fn map(&mut self, length: usize) -> Result<(), MemoryError> {
        if length <= self.length() {
            return Ok(());
        }
        let status = rustix::fs::fstat(&self.descriptor).map_err(MemoryError::system("fstat"))?;
        if status.st_size.cast_unsigned() < length as u64 {
            let what = format!(
                "{length} bytes were announced in shared memory of {}",
                status.st_size
            );
            return Err(MemoryError::corrupt(what));
        }
        // The file is at least `length` bytes long, as just checked, and sealed against shrinking.
        self.mapping = Mapping::empty();
        self.mapping = Mapping::new(&self.descriptor, 0, length)?;
        Ok(())
    }

    /// Returns the pages after the first `keep` bytes to the system, and unmaps them.
    ///
    /// # Errors
    /// If the system cannot punch a hole; the memory is then kept.
    pub fn trim(&mut self, keep: usize) -> Result<(), MemoryError> {
        if self.length() <= keep {
            return Ok(());
        }
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        let hole = (self.length() - keep) as u64;
        retry(|| rustix::fs::fallocate(&self.descriptor, flags, keep as u64, hole))
            .map_err(MemoryError::system("punching a hole"))?;
        self.mapping = Mapping::empty();
        self.map(keep)
    }

    /// Returns the 64-bit word at `offset` bytes.
    ///
    /// # Panics
    /// If the offset is not aligned to 8 or not within the memory: a mistake in this program.
    #[inline]
    pub fn word(&self, offset: usize) -> &AtomicU64 {
        self.mapping.word(offset)
    }

    /// Returns the 32-bit word at `offset` bytes, on which a futex may wait.
    ///
    /// # Panics
    /// If the offset is not aligned to 4 or not within the memory: a mistake in this program.
    #[inline]
    pub fn half_word(&self, offset: usize) -> &AtomicU32 {
        self.mapping.half_word(offset)
    }

    /// Copies `bytes` to `offset`.
    ///
    /// # Panics
    /// If they do not fit: a mistake in this program.
    pub fn write(&self, offset: usize, bytes: &[u8]) {
        self.mapping.write(offset, bytes);
    }

    /// Appends a copy of `length` bytes at `offset` to `buffer`.
    ///
    /// # Panics
    /// If they are not within the memory: a mistake in this program. Check lengths that come from another process
    /// before.
    pub fn read(&self, offset: usize, length: usize, buffer: &mut Vec<u8>) {
        self.mapping.read(offset, length, buffer);
    }
}

/// Repeats a call that a signal interrupts.
fn retry<T>(call: impl FnMut() -> rustix::io::Result<T>) -> rustix::io::Result<T> {
    rustix::io::retry_on_intr(call)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;

    #[test]
    fn two_mappings_see_the_same_bytes_and_words() {
        let ours = SharedMemory::create("test", 8192).unwrap();
        let theirs =
            SharedMemory::from_descriptor(ours.descriptor().try_clone_to_owned().unwrap(), 8192).unwrap();
        ours.word(8).store(42, Ordering::Release);
        ours.write(8190, b"hi");
        assert_eq!(theirs.word(8).load(Ordering::Acquire), 42);
        let mut copy = b"> ".to_vec();
        theirs.read(8190, 2, &mut copy);
        assert_eq!(copy, b"> hi");
    }

    #[test]
    fn it_grows_on_one_side_and_is_mapped_on_the_other() {
        let mut ours = SharedMemory::create("test", 0).unwrap();
        let mut theirs =
            SharedMemory::from_descriptor(ours.descriptor().try_clone_to_owned().unwrap(), 0).unwrap();
        assert!(
            matches!(theirs.map(10), Err(MemoryError::Corrupt { .. })),
            "nothing is allocated yet"
        );
        ours.grow(1 << 20).unwrap();
        ours.write((1 << 20) - 1, b"x");
        theirs.map(1 << 20).unwrap();
        let mut copy = Vec::new();
        theirs.read((1 << 20) - 1, 1, &mut copy);
        assert_eq!(copy, b"x");
        ours.trim(4096).unwrap();
        assert_eq!(ours.length(), 4096);
        let mut copy = Vec::new();
        theirs.read((1 << 20) - 1, 1, &mut copy);
        assert_eq!(copy, [0], "the hole reads as zero and causes no fault");
    }

    #[test]
    fn memory_that_could_shrink_is_refused() {
        let unsealed = rustix::fs::memfd_create("test", MemfdFlags::CLOEXEC).unwrap();
        rustix::fs::ftruncate(&unsealed, 4096).unwrap();
        assert!(matches!(
            SharedMemory::from_descriptor(unsealed, 4096),
            Err(MemoryError::Corrupt { .. })
        ));
    }

    #[test]
    fn more_than_there_is_is_an_error() {
        assert!(matches!(
            SharedMemory::create("test", 1 << 60),
            Err(MemoryError::System { .. })
        ));
    }
}
