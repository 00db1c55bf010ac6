//! A range of shared memory, mapped into this process.
//!
//! Owns the mapping, and offers only what is sound whatever other processes do meanwhile: atomic words, and
//! copies of bytes in and out. No reference to the shared bytes ever leaves this file, because another process may
//! change them at any moment.
//!
//! It neither creates memory nor keeps a descriptor: see [`super::SharedMemory`].

#![expect(
    unsafe_code,
    reason = "maps memory shared with another process, and accesses it by address"
)]

use std::{
    os::fd::AsFd,
    ptr::{self, NonNull},
    sync::atomic::{AtomicU32, AtomicU64},
};

use rustix::mm::{MapFlags, ProtFlags};

use super::MemoryError;

/// Bytes of a memory file, mapped for reading and writing. An empty one maps nothing.
#[derive(Debug)]
#[doc(hidden)]
pub struct Mapping {
    /// Dangling while `length` is 0.
    start: NonNull<u8>,
    length: usize,
}

// SAFETY: the mapping belongs to the value and is valid in every thread; it is accessed only through atomics and
// copies, whose callers order them by those atomics.
unsafe impl Send for Mapping {}
// SAFETY: as for `Send`. Two threads that copy to the same bytes at once would race, as two processes would; the
// rules of each user (board, ring, payload area, shared objects) give every byte one writer at a time.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Creates a mapping of nothing.
    pub(crate) const fn empty() -> Self {
        Self {
            start: NonNull::dangling(),
            length: 0,
        }
    }

    /// Maps `length` bytes of `file` from `offset`, which is a multiple of the page size.
    ///
    /// A page behind the file's end may be mapped and must not be accessed: the file must be sealed against shrinking, and
    /// the caller must know its length.
    ///
    /// # Errors
    /// If the system refuses the mapping.
    pub fn new(file: impl AsFd, offset: u64, length: usize) -> Result<Self, MemoryError> {
        if length == 0 {
            return Ok(Self::empty());
        }
        // SAFETY: a fresh mapping at an address of the kernel's choice touches no memory that Rust knows of.
        let start = unsafe {
            rustix::mm::mmap(
                ptr::null_mut(),
                length,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED,
                file,
                offset,
            )
        }
        .map_err(MemoryError::system("mmap"))?;
        let start =
            NonNull::new(start.cast()).ok_or_else(|| MemoryError::corrupt("a mapping at address 0"))?;
        Ok(Self { start, length })
    }

    /// Returns how many bytes are mapped.
    pub(crate) fn length(&self) -> usize {
        self.length
    }

    /// Returns the 64-bit word at `offset` bytes.
    ///
    /// # Panics
    /// If the offset is not aligned to 8 or not within the memory: a mistake in this program.
    #[inline]
    pub fn word(&self, offset: usize) -> &AtomicU64 {
        assert!(
            offset.is_multiple_of(8) && offset + 8 <= self.length,
            "word at {offset} of {}",
            self.length
        );
        // SAFETY: within the mapping and aligned (a mapping starts at a page), both just checked; the mapping lives
        // as long as `self`; an atomic may be changed by others at any time.
        unsafe { AtomicU64::from_ptr(self.start.as_ptr().add(offset).cast()) }
    }

    /// Returns the 32-bit word at `offset` bytes, on which a futex may wait.
    ///
    /// # Panics
    /// If the offset is not aligned to 4 or not within the memory: a mistake in this program.
    #[inline]
    pub(crate) fn half_word(&self, offset: usize) -> &AtomicU32 {
        assert!(
            offset.is_multiple_of(4) && offset + 4 <= self.length,
            "word at {offset} of {}",
            self.length
        );
        // SAFETY: as for `word`.
        unsafe { AtomicU32::from_ptr(self.start.as_ptr().add(offset).cast()) }
    }

    /// Copies `bytes` to `offset`.
    ///
    /// # Panics
    /// If they do not fit: a mistake in this program.
    pub fn write(&self, offset: usize, bytes: &[u8]) {
        assert!(
            offset <= self.length && bytes.len() <= self.length - offset,
            "write past the end"
        );
        // SAFETY: source and target are valid for the length, which was just checked, and cannot overlap: `bytes` is
        // ordinary memory, and no reference to the mapping exists.
        unsafe {
            ptr::copy_nonoverlapping(bytes.as_ptr(), self.start.as_ptr().add(offset), bytes.len());
        }
    }

    /// Appends a copy of `length` bytes at `offset` to `buffer`.
    ///
    /// # Panics
    /// If they are not within the memory: a mistake in this program. Check lengths that come from another process
    /// before.
    pub fn read(&self, offset: usize, length: usize, buffer: &mut Vec<u8>) {
        assert!(
            offset <= self.length && length <= self.length - offset,
            "read past the end"
        );
        buffer.reserve(length);
        let end = buffer.len();
        // SAFETY: the source is within the mapping, as just checked; the target is the vector's reserved spare room;
        // they cannot overlap. If the other process writes meanwhile, the copy is some mixture of bytes, each of
        // them initialised, and every reader of it checks what it reads.
        unsafe {
            ptr::copy_nonoverlapping(
                self.start.as_ptr().add(offset).cast_const(),
                buffer.as_mut_ptr().add(end),
                length,
            );
            buffer.set_len(end + length);
        }
    }

    /// Copies the bytes at `offset` over those of `buffer`.
    ///
    /// # Panics
    /// If they are not within the memory: a mistake in this program.
    pub fn read_into(&self, offset: usize, buffer: &mut [u8]) {
        assert!(
            offset <= self.length && buffer.len() <= self.length - offset,
            "read past the end"
        );
        // SAFETY: as for `read`; the target is ordinary memory of this process, borrowed mutably.
        unsafe {
            ptr::copy_nonoverlapping(
                self.start.as_ptr().add(offset).cast_const(),
                buffer.as_mut_ptr(),
                buffer.len(),
            );
        }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        if self.length > 0 {
            // SAFETY: exactly the range that was mapped; no reference into it outlives `self`.
            let unmapped = unsafe { rustix::mm::munmap(self.start.as_ptr().cast(), self.length) };
            debug_assert!(unmapped.is_ok(), "munmap of an own mapping");
        }
    }
}
