//! The word of shared memory on which all algorithms here are built, and on which a thread can sleep.
//!
//! The algorithms of this folder are generic over the trait [`Word`], so that the very code that runs between processes
//! also runs under a model checker, which tries every interleaving that the memory model allows (`model`). What a word
//! means is not known here.

#![expect(
    unsafe_code,
    reason = "names the lower half of an atomic word to the kernel, which sleeps and wakes by it"
)]

use std::{
    sync::atomic::{AtomicU32, AtomicU64, Ordering, fence},
    time::Duration,
};

use rustix::thread::futex;

/// A 64-bit atomic word, with a futex in its lower half.
pub(crate) trait Word {
    /// How often a thread spins before it sleeps.
    const SPINS: u32;

    fn load(&self, order: Ordering) -> u64;
    fn store(&self, value: u64, order: Ordering);
    fn swap(&self, value: u64, order: Ordering) -> u64;
    /// Writes `new` if the word is `seen`; otherwise returns what it is.
    fn exchange(&self, seen: u64, new: u64, success: Ordering) -> Result<u64, u64>;

    /// Orders a store before it and a load after it, for all threads.
    fn full_fence();

    /// Sleeps while the lower half is `expected`, until woken or for the time of `slice`. It may return early.
    fn sleep(&self, expected: u32, slice: Duration);
    /// Wakes up to `count` sleepers.
    fn wake(&self, count: u32);
}

impl Word for AtomicU64 {
    const SPINS: u32 = 60;

    #[inline]
    fn load(&self, order: Ordering) -> u64 {
        self.load(order)
    }

    #[inline]
    fn store(&self, value: u64, order: Ordering) {
        self.store(value, order);
    }

    #[inline]
    fn swap(&self, value: u64, order: Ordering) -> u64 {
        self.swap(value, order)
    }

    #[inline]
    fn exchange(&self, seen: u64, new: u64, success: Ordering) -> Result<u64, u64> {
        self.compare_exchange(seen, new, success, Ordering::Relaxed)
    }

    #[inline]
    fn full_fence() {
        fence(Ordering::SeqCst);
    }

    fn sleep(&self, expected: u32, slice: Duration) {
        let slice = rustix::time::Timespec::try_from(slice).ok();
        // However this returns (woken, interrupted, timed out, changed before), the caller looks again.
        let _woken_or_not = futex::wait(lower_half(self), futex::Flags::empty(), expected, slice.as_ref());
    }

    fn wake(&self, count: u32) {
        // The only failures are those of a bad address.
        let _number_woken = futex::wake(lower_half(self), futex::Flags::empty(), count);
    }
}

const _: () = assert!(cfg!(target_endian = "little"), "the lower half comes first");

/// The lower half of a word, for the kernel alone.
fn lower_half(word: &AtomicU64) -> &AtomicU32 {
    // SAFETY: the first four bytes of a word are the lower half where the least significant byte comes first; they are
    // aligned, and live as long as the word. Only the kernel accesses them through the reference that is returned;
    // Rust code accesses the whole word, so no two atomics of different sizes race within the program.
    unsafe { AtomicU32::from_ptr(word.as_ptr().cast()) }
}
