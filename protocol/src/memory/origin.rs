//! In which process a value was made: in this one, or in the one that this one is a copy of.
//!
//! A bare `fork` copies memory and descriptors, but only the thread that calls it. The kernel wipes one page at a fork,
//! so that the copy can be told apart with one load. What a copy may do is not decided here.

#![expect(
    unsafe_code,
    reason = "has a page wiped at a fork, and ends a copy without its destructors"
)]

use std::{
    ptr,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use rustix::mm::{Advice, MapFlags, ProtFlags};

use super::MemoryError;

/// The process in which a value was made.
///
/// ```
/// use protocol::memory::Origin;
///
/// let origin = Origin::here();
/// assert!(origin.is_here() && Origin::here() == origin);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin(u64);

/// The number of this process, as the copies that led to it count; zero in a copy that has none yet.
static WORD: OnceLock<Option<&'static AtomicU64>> = OnceLock::new();
static LAST: AtomicU64 = AtomicU64::new(0);

fn word() -> Option<&'static AtomicU64> {
    *WORD.get_or_init(|| wiped_at_fork().ok())
}

impl Origin {
    /// Returns this process.
    pub fn here() -> Self {
        let Some(word) = word() else {
            return Self(own_pid());
        };
        let next = LAST.fetch_add(1, Ordering::Relaxed) + 1;
        match word.compare_exchange(0, next, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => Self(next),
            Err(number) => Self(number),
        }
    }

    /// Whether it is this process, and not one of which this one is a copy.
    #[inline]
    pub fn is_here(self) -> bool {
        let here = match WORD.get() {
            Some(Some(word)) => word.load(Ordering::Relaxed),
            _ => own_pid(),
        };
        here == self.0
    }

    /// Ends this process at once if it is a copy: without destructors, without handlers of `atexit`, without output.
    #[inline]
    pub fn end_copy(self) {
        if !self.is_here() {
            end_quietly();
        }
    }
}

#[cold]
fn end_quietly() -> ! {
    // SAFETY: the process ends; nothing of it runs afterwards.
    unsafe { libc::_exit(0) }
}

fn own_pid() -> u64 {
    rustix::process::getpid()
        .as_raw_nonzero()
        .get()
        .cast_unsigned()
        .into()
}

/// Returns a word on a page of its own, which is zero in a copy of this process made by `fork`.
///
/// # Errors
/// If there is no memory, or the kernel wipes no pages (before Linux 4.14).
pub fn wiped_at_fork() -> Result<&'static AtomicU64, MemoryError> {
    const PAGE: usize = 4096;
    // SAFETY: a fresh private mapping at an address of the kernel's choice touches no memory that Rust knows of.
    let page = unsafe {
        rustix::mm::mmap_anonymous(
            ptr::null_mut(),
            PAGE,
            ProtFlags::READ | ProtFlags::WRITE,
            MapFlags::PRIVATE,
        )
    }
    .map_err(MemoryError::system("mmap"))?;
    // SAFETY: the range is the mapping that was just made, and the advice changes nothing before a fork.
    let advised = unsafe { rustix::mm::madvise(page, PAGE, Advice::LinuxWipeOnFork) };
    if let Err(errno) = advised {
        // SAFETY: the mapping was made above, and nothing refers to it.
        let _unmapped = unsafe { rustix::mm::munmap(page, PAGE) };
        return Err(MemoryError::system("madvise")(errno));
    }
    // SAFETY: the page is aligned, zeroed, and never unmapped; only this word of it is used, as an atomic.
    Ok(unsafe { AtomicU64::from_ptr(page.cast()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Forks, and returns the exit code of the copy, which is that of `copy` if it returns.
    fn exit_of_copy(copy: impl FnOnce() -> u8) -> Option<i32> {
        // SAFETY: the copy only reads memory and makes system calls, and then ends.
        #[expect(clippy::disallowed_methods, reason = "a bare fork is what is tried")]
        let child = unsafe { libc::fork() };
        if child == 0 {
            let code = copy();
            // SAFETY: as in `end_quietly`.
            unsafe { libc::_exit(code.into()) }
        }
        let mut status = 0;
        // SAFETY: waits for the child that was just made.
        #[expect(clippy::disallowed_methods, reason = "the child is the test's own")]
        unsafe {
            libc::waitpid(child, &raw mut status, 0)
        };
        libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status))
    }

    #[test]
    fn a_copy_is_told_apart_and_can_be_an_origin_itself() {
        let origin = Origin::here();
        let exit = exit_of_copy(|| {
            let was_here = origin.is_here();
            let own = Origin::here();
            let is_own = own.is_here() && own != origin && !origin.is_here();
            u8::from(was_here || !is_own)
        });
        assert_eq!(exit, Some(0));
        assert!(origin.is_here());
    }

    #[test]
    fn only_a_copy_ends() {
        let origin = Origin::here();
        origin.end_copy();
        let exit = exit_of_copy(|| {
            origin.end_copy();
            1
        });
        assert_eq!(exit, Some(0));
    }
}
