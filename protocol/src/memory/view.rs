//! A worker's view of the inbound area: the bytes of a job, in place.
//!
//! Owns a read-only mapping, and the one operation by which bytes that are still referenced become the worker's
//! own: their pages are replaced by a copy, at the same addresses, in one step of the kernel. A reader in another thread
//! sees the same bytes before and after. It does not decide when a view ends: see [`crate::payload::mapped`].
//!
//! This is the only shared memory that is accessed through references. That is sound because only the parent writes there,
//! which a worker trusts, and only while no job is in the area (see [`crate::payload::area`]).

#![expect(
    unsafe_code,
    reason = "maps memory, refers to it by address, and moves pages under the references"
)]

use std::{
    ops::Range,
    os::fd::AsFd,
    ptr::{self, NonNull},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
};

use rustix::mm::{MapFlags, MprotectFlags, MremapFlags, ProtFlags};

use super::MemoryError;

/// The bytes at the start of a memory file.
#[derive(Debug)]
pub(crate) struct View {
    start: NonNull<u8>,
    /// The number of bytes mapped. It only shrinks, when the view is detached.
    length: AtomicUsize,
    /// Whether the first pages are no longer those of the file.
    is_detached: AtomicBool,
}

// SAFETY: the mapping belongs to the value, is valid in every thread, and is only read.
unsafe impl Send for View {}
// SAFETY: as for `Send`; `detach` changes pages, not bytes, and may run beside readers.
unsafe impl Sync for View {}

impl View {
    /// Maps the first `length` bytes of `file`, which must have that many and be sealed against shrinking.
    pub(crate) fn new(file: impl AsFd, length: usize) -> Result<Self, MemoryError> {
        let length = length.max(1);
        // SAFETY: a fresh mapping at an address of the kernel's choice touches no memory that Rust knows of.
        let start = unsafe {
            rustix::mm::mmap(
                ptr::null_mut(),
                length,
                ProtFlags::READ,
                MapFlags::SHARED,
                file,
                0,
            )
        };
        let start = start.map_err(MemoryError::system("mapping a job"))?;
        let start =
            NonNull::new(start.cast()).ok_or_else(|| MemoryError::corrupt("a mapping at address 0"))?;
        Ok(Self {
            start,
            length: AtomicUsize::new(length),
            is_detached: AtomicBool::new(false),
        })
    }

    /// Returns how many bytes are mapped.
    pub(crate) fn length(&self) -> usize {
        self.length.load(Ordering::Relaxed)
    }

    /// Whether [`View::detach`] was called.
    pub(crate) fn is_detached(&self) -> bool {
        self.is_detached.load(Ordering::Relaxed)
    }

    /// Returns the bytes in a range.
    ///
    /// The caller must ensure that the reference is gone, or the view detached, before the parent may write again.
    ///
    /// # Panics
    /// If they are not within the view: a mistake in this program.
    pub(crate) fn bytes(&self, range: Range<usize>) -> &[u8] {
        assert!(
            range.start <= range.end && range.end <= self.length(),
            "{range:?} of a view of {} bytes",
            self.length()
        );
        // SAFETY: within the mapping, as just checked, which lives as long as `self`. The pages exist: the file is that
        // long and cannot shrink. Nothing writes to them while they are referenced: the parent waits until the job's record is
        // published, which comes after the last reference is gone or the pages are this process's own; and this process
        // has no other mapping of them.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr().add(range.start), range.len()) }
    }

    /// Returns the range of `bytes` in this view, if all of them are in it.
    pub(crate) fn range_of(&self, bytes: &[u8]) -> Option<Range<usize>> {
        let start = bytes.as_ptr().addr().checked_sub(self.start.as_ptr().addr())?;
        let end = start.checked_add(bytes.len())?;
        (end <= self.length()).then_some(start..end)
    }

    /// Replaces the pages of the first `length` bytes by a copy that no other process sees, at the same addresses, and
    /// unmaps the pages that follow, to which there must be no reference.
    ///
    /// # Errors
    /// If there is no memory for the copy, or this process has too many mappings. The process must not continue then:
    /// whether the old pages are still there is not known.
    ///
    /// # Panics
    /// If the view is shorter: a mistake in this program.
    pub(crate) fn detach(&self, length: usize) -> Result<(), MemoryError> {
        let length = length.max(1);
        assert!(length <= self.length(), "detaching more than there is");
        let refused = MemoryError::system("keeping a job's bytes");
        let (read, write) = (ProtFlags::READ, ProtFlags::WRITE);
        // SAFETY: a fresh mapping at an address of the kernel's choice touches no memory that Rust knows of.
        let copy =
            unsafe { rustix::mm::mmap_anonymous(ptr::null_mut(), length, read | write, MapFlags::PRIVATE) };
        let copy = copy.map_err(MemoryError::system("keeping a job's bytes"))?;
        // SAFETY: both are mapped for that many bytes, and the copy was mapped just now, so that they do not overlap. Nothing
        // writes to the source, as for `bytes`. The copy's pages then replace those that were copied, with the
        // same bytes and the same read-only protection, so that no reference notices. The kernel does that under its
        // lock of this address space: a thread that reads there meanwhile waits for it. The pages that are replaced
        // belong to this mapping.
        let moved = unsafe {
            ptr::copy_nonoverlapping(self.start.as_ptr().cast_const(), copy.cast(), length);
            rustix::mm::mprotect(copy, length, MprotectFlags::READ).and_then(|()| {
                rustix::mm::mremap_fixed(
                    copy,
                    length,
                    length,
                    MremapFlags::MAYMOVE,
                    self.start.as_ptr().cast(),
                )
            })
        };
        if let Err(errno) = moved {
            // SAFETY: the copy was made here, was not moved, and nothing refers to it.
            let _unmapped_or_not = unsafe { rustix::mm::munmap(copy, length) };
            return Err(refused(errno));
        }
        self.is_detached.store(true, Ordering::Relaxed);
        self.shorten(length.next_multiple_of(rustix::param::page_size()));
        Ok(())
    }

    /// Unmaps everything after the first `keep` bytes, which are whole pages.
    fn shorten(&self, keep: usize) {
        let Some(rest) = self.length().checked_sub(keep).filter(|rest| *rest > 0) else {
            return;
        };
        // SAFETY: the end of this mapping, from the start of a page. All references are to bytes before it: they belong to the
        // job whose bytes were just copied. There is one large job at a time, and if references to an earlier one were left,
        // its view was detached then.
        let unmapped = unsafe { rustix::mm::munmap(self.start.as_ptr().add(keep).cast(), rest) };
        // Otherwise it stays mapped until the whole view is unmapped.
        if unmapped.is_ok() {
            self.length.store(keep, Ordering::Relaxed);
        }
    }
}

impl Drop for View {
    fn drop(&mut self) {
        // SAFETY: exactly the range that was mapped, some of whose pages may have been replaced since; no reference into it
        // outlives `self`.
        let unmapped = unsafe { rustix::mm::munmap(self.start.as_ptr().cast(), self.length()) };
        debug_assert!(unmapped.is_ok(), "munmap of an own mapping");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;
    use crate::memory::SharedMemory;

    const LENGTH: usize = 300_000;

    #[test]
    fn detached_bytes_stay_when_the_parent_writes() {
        let parent = SharedMemory::create("test", LENGTH).unwrap();
        parent.write(0, &vec![1; LENGTH]);
        let view = View::new(parent.descriptor(), LENGTH).unwrap();
        let seen = view.bytes(0..100_000);
        view.detach(100_000).unwrap();
        parent.write(0, &vec![2; LENGTH]);
        assert!(
            seen.iter().all(|byte| *byte == 1),
            "the old bytes at the old place"
        );
        assert!(
            (100_000..110_000).contains(&view.length()),
            "what is not kept is unmapped"
        );
        assert!(view.is_detached());
    }

    #[test]
    fn ranges_are_found_by_their_addresses() {
        let parent = SharedMemory::create("test", LENGTH).unwrap();
        let view = View::new(parent.descriptor(), LENGTH).unwrap();
        assert_eq!(view.range_of(view.bytes(7..99)), Some(7..99));
        assert_eq!(view.range_of(view.bytes(0..LENGTH)), Some(0..LENGTH));
        assert_eq!(view.range_of(&[0; 8]), None);
    }

    /// Other threads read while the pages are replaced.
    #[test]
    fn readers_never_notice_that_pages_are_replaced() {
        let parent = SharedMemory::create("test", LENGTH).unwrap();
        parent.write(0, &vec![7; LENGTH]);
        for _ in 0..50 {
            let view = View::new(parent.descriptor(), LENGTH).unwrap();
            let (stop, begun) = (AtomicBool::new(false), std::sync::Barrier::new(3));
            std::thread::scope(|scope| {
                let readers: Vec<_> = (0..2)
                    .map(|_| {
                        scope.spawn(|| {
                            begun.wait();
                            let mut is_whole = true;
                            while !stop.load(Ordering::Relaxed) {
                                is_whole &= view.bytes(0..LENGTH).iter().all(|byte| *byte == 7);
                            }
                            is_whole
                        })
                    })
                    .collect();
                begun.wait();
                view.detach(LENGTH).unwrap();
                stop.store(true, Ordering::Relaxed);
                assert!(readers.into_iter().all(|reader| reader.join().unwrap()));
            });
        }
    }
}
