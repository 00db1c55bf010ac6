//! A worker's sight of the inbound area: its bytes, where they lie.
//!
//! Owns a mapping for reading alone, and the one operation by which bytes that somebody still holds become the worker's
//! own: their pages are replaced by a copy, at the same addresses, in one step of the kernel. A reader in another thread
//! sees the same bytes before and after. When a view ends is decided in [`crate::payload::mapped`].
//!
//! Of all shared memory this alone is seen through references. That is sound because of who writes there: only the
//! parent, whom a worker trusts, and only while no view is open (see [`crate::payload::area`]).

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

use crate::MemoryError;

/// The bytes at the start of a file of memory.
#[derive(Debug)]
pub(crate) struct View {
    start: NonNull<u8>,
    /// How many bytes are mapped. It only shrinks, when the view is detached.
    length: AtomicUsize,
    /// Whether its first pages are no longer those of the file.
    is_detached: AtomicBool,
}

// SAFETY: the mapping belongs to the value, is valid in every thread, and is only read.
unsafe impl Send for View {}
// SAFETY: as for `Send`; `detach` changes pages, not bytes, and may run beside readers.
unsafe impl Sync for View {}

impl View {
    /// Maps the first `length` bytes of `file`, which has so many and is sealed against shrinking.
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

    /// How many bytes are mapped.
    pub(crate) fn length(&self) -> usize {
        self.length.load(Ordering::Relaxed)
    }

    /// Whether [`View::detach`] was called.
    pub(crate) fn is_detached(&self) -> bool {
        self.is_detached.load(Ordering::Relaxed)
    }

    /// The bytes in a range.
    ///
    /// The caller sees to it that the reference is gone, or the view detached, before the parent may write again.
    ///
    /// # Panics
    /// When they are not within the view: a mistake in this program.
    pub(crate) fn bytes(&self, range: Range<usize>) -> &[u8] {
        assert!(
            range.start <= range.end && range.end <= self.length(),
            "{range:?} of a view of {} bytes",
            self.length()
        );
        // SAFETY: within the mapping, as just checked, which lives as long as `self`. The pages exist: the file reaches so
        // far and cannot shrink. Nobody writes to them while they are seen: the parent waits until the job's record is
        // published, which comes after the last reference is gone or the pages are this process's own; and this process
        // has no other mapping of them.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr().add(range.start), range.len()) }
    }

    /// Where `bytes` lie in this view, if all of them do.
    pub(crate) fn place_of(&self, bytes: &[u8]) -> Option<Range<usize>> {
        let start = bytes.as_ptr().addr().checked_sub(self.start.as_ptr().addr())?;
        let end = start.checked_add(bytes.len())?;
        (end <= self.length()).then_some(start..end)
    }

    /// Replaces the pages of the first `length` bytes by a copy that no other process sees, at the same addresses, and lets
    /// those behind them go, to which nobody may refer.
    ///
    /// # Errors
    /// When there is no memory for the copy, or this process has too many mappings. The process must not go on then:
    /// whether the old pages are still there is not known.
    ///
    /// # Panics
    /// When the view is shorter: a mistake in this program.
    pub(crate) fn detach(&self, length: usize) -> Result<(), MemoryError> {
        let length = length.max(1);
        assert!(length <= self.length(), "detaching more than there is");
        let refused = MemoryError::system("keeping a job's bytes");
        let (read, write) = (ProtFlags::READ, ProtFlags::WRITE);
        // SAFETY: a fresh mapping at an address of the kernel's choice touches no memory that Rust knows of.
        let copy =
            unsafe { rustix::mm::mmap_anonymous(ptr::null_mut(), length, read | write, MapFlags::PRIVATE) };
        let copy = copy.map_err(MemoryError::system("keeping a job's bytes"))?;
        // SAFETY: both are mapped for so many bytes, and the copy was made just now, so that they do not overlap. Nobody
        // writes to the source, as for `bytes`. The copy's pages then take the place of those that were copied, with the
        // same bytes and the same right to be read alone, so that no reference can tell. The kernel does that under its
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

    /// Unmaps what is behind the first `keep` bytes, which are whole pages.
    fn shorten(&self, keep: usize) {
        let Some(rest) = self.length().checked_sub(keep).filter(|rest| *rest > 0) else {
            return;
        };
        // SAFETY: the end of this mapping, from a page's start on. References lie before it: they are all of the job whose
        // bytes were just copied. There is one large job at a time, and the view of an earlier one to which any were left
        // was detached then.
        let unmapped = unsafe { rustix::mm::munmap(self.start.as_ptr().add(keep).cast(), rest) };
        // Otherwise it stays, and goes with the whole.
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
    use crate::SharedMemory;

    const LENGTH: usize = 300_000;

    #[test]
    fn what_is_detached_stays_when_the_parent_writes() {
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
            "what nobody holds is let go"
        );
        assert!(view.is_detached());
    }

    #[test]
    fn places_are_known_by_their_addresses() {
        let parent = SharedMemory::create("test", LENGTH).unwrap();
        let view = View::new(parent.descriptor(), LENGTH).unwrap();
        assert_eq!(view.place_of(view.bytes(7..99)), Some(7..99));
        assert_eq!(view.place_of(view.bytes(0..LENGTH)), Some(0..LENGTH));
        assert_eq!(view.place_of(&[0; 8]), None);
    }

    /// Other threads read all the while as pages go from under them.
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
