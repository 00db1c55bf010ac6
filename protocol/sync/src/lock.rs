//! A lock between processes.
//!
//! Owns the handle of a lock and its guard. The word of the lock is [`lock_word`]'s.

use std::{
    fmt,
    marker::PhantomData,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use crate::{
    heap::{
        error::SharedHeapError,
        objects::{Kind, Plan},
    },
    lock_error::{LockError, Poisoned},
    object::{handle::serialize_as_copy, reference::Reference},
    word::{
        lock_word::{self, Held, PoisonCause, Refused},
        wait::WaitMode,
    },
};

/// Mutual exclusion between the threads of all processes of a process tree.
///
/// All handles of a lock are equal. They can be sent to other processes, in arguments, in jobs and through queues. The
/// lock is held until the [`LockGuard`] is dropped, and excludes all other threads, of whatever process.
///
/// **Poisoning**, as in [`std::sync::Mutex`]: if a holder panics, or its process ends or is killed, the lock is free
/// again and poisoned. The next thread that acquires it gets [`LockError::Poisoned`], with the cause and the guard: the
/// lock is held, and what it protects may be half-done. Waiters notice a killed holder within about 25 ms.
///
/// **Relocking**: a thread that holds the lock and locks it again gets [`LockError::AlreadyHeld`] at once. Other
/// threads of the same process wait, as those of other processes do.
///
/// ```
/// use sync::{Lock, LockError};
///
/// let lock = Lock::new()?;
/// {
///     let _guard = lock.lock().unwrap();
///     assert!(matches!(lock.lock(), Err(LockError::AlreadyHeld)));
///     assert!(matches!(lock.try_lock(), Err(LockError::AlreadyHeld)));
/// }
/// let other = lock.clone();
/// std::thread::spawn(move || {
///     let _guard = other.lock();
///     panic!("while holding the lock");
/// })
/// .join()
/// .unwrap_err();
/// let guard = match lock.lock() {
///     Err(LockError::Poisoned(poisoned)) => poisoned.into_guard(),
///     other => panic!("{other:?}"),
/// };
/// lock.clear_poison();
/// drop(guard);
/// drop(lock.lock().unwrap());
/// # Ok::<(), sync::SharedHeapError>(())
/// ```
#[derive(Clone)]
pub struct Lock {
    reference: Arc<Reference>,
    word: &'static AtomicU64,
}

/// Holds a [`Lock`] until it is dropped.
#[must_use = "the lock is free again as soon as its guard is dropped"]
pub struct LockGuard<'a> {
    lock: &'a Lock,
    held: Held,
    was_panicking: bool,
    /// The thread that holds a lock must release it.
    not_send: PhantomData<*const ()>,
}

impl Lock {
    /// Creates a lock, which is free.
    ///
    /// # Errors
    /// If the system lacks what shared objects need, or has run out of it.
    pub fn new() -> Result<Self, SharedHeapError> {
        Reference::create(Plan::new(Kind::Lock)).map(Self::of)
    }

    pub(crate) fn of(reference: Reference) -> Self {
        Self {
            word: reference.body(0),
            reference: Arc::new(reference),
        }
    }

    pub(crate) fn reference(&self) -> &Reference {
        &self.reference
    }

    /// Acquires the lock, waiting as long as another thread holds it.
    ///
    /// # Errors
    /// [`LockError::Poisoned`], with the guard, if an earlier holder failed; [`LockError::AlreadyHeld`] if this thread
    /// holds it.
    #[inline]
    pub fn lock(&self) -> Result<LockGuard<'_>, LockError<LockGuard<'_>>> {
        self.acquire(WaitMode::Forever, LockError::TimedOut)
    }

    /// Acquires the lock if it is free.
    ///
    /// # Errors
    /// [`LockError::WouldBlock`] if another thread holds it; else as [`Lock::lock`].
    pub fn try_lock(&self) -> Result<LockGuard<'_>, LockError<LockGuard<'_>>> {
        self.acquire(WaitMode::Try, LockError::WouldBlock)
    }

    /// Acquires the lock, waiting for at most `timeout`.
    ///
    /// # Errors
    /// [`LockError::TimedOut`] if another thread held it during that time; else as [`Lock::lock`].
    pub fn lock_timeout(&self, timeout: Duration) -> Result<LockGuard<'_>, LockError<LockGuard<'_>>> {
        self.acquire(WaitMode::timeout(timeout), LockError::TimedOut)
    }

    #[inline]
    fn acquire<'a>(
        &'a self,
        mode: WaitMode,
        busy: LockError<LockGuard<'a>>,
    ) -> Result<LockGuard<'a>, LockError<LockGuard<'a>>> {
        let me = self.reference.me().map_err(LockError::SharedHeap)?;
        let held = match lock_word::acquire(self.word, me, mode, self.reference.participant()) {
            Ok(held) => held,
            Err(Refused::AlreadyHeld) => return Err(LockError::AlreadyHeld),
            Err(Refused::Busy) => return Err(busy),
        };
        let cause = held.poison();
        let guard = LockGuard {
            lock: self,
            held,
            was_panicking: std::thread::panicking(),
            not_send: PhantomData,
        };
        match cause {
            None => Ok(guard),
            Some(cause) => Err(LockError::Poisoned(Poisoned::new(guard, cause))),
        }
    }

    /// Whether an earlier holder failed.
    pub fn is_poisoned(&self) -> bool {
        lock_word::poison(self.word).is_some()
    }

    /// Clears the poison. This may be called while holding the lock, or not.
    pub fn clear_poison(&self) {
        lock_word::clear_poison(self.word);
    }

    /// Whether both handles are of the same lock.
    pub fn is_same(&self, other: &Self) -> bool {
        std::ptr::eq(self.word, other.word)
    }
}

impl<'a> LockGuard<'a> {
    /// The lock that is held.
    pub(crate) fn lock(&self) -> &'a Lock {
        self.lock
    }

    /// Whether the holder is panicking, so that what the lock protects may be half-done.
    pub(crate) fn is_failing(&self) -> bool {
        !self.was_panicking && std::thread::panicking()
    }
}

impl Drop for LockGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        // In a child created by a bare fork the lock is still its parent's.
        if self.lock.reference.me().is_ok() {
            let failed = self.is_failing().then_some(PoisonCause::Panicked);
            lock_word::release(self.lock.word, &self.held, failed);
        }
    }
}

impl fmt::Debug for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lock")
            .field("poisoned", &self.is_poisoned())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for LockGuard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockGuard").finish_non_exhaustive()
    }
}

serialize_as_copy!(Lock);

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use serde::Serialize;

    use super::*;
    use protocol::{decode_argument, encode_argument};

    fn encoded<T: Serialize>(value: &T) -> Vec<u8> {
        let mut bytes = Vec::new();
        encode_argument(value, &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn another_thread_waits_and_the_same_one_gets_an_error() {
        let lock = Lock::new().unwrap();
        let guard = lock.lock().unwrap();
        assert!(matches!(
            lock.lock_timeout(Duration::MAX),
            Err(LockError::AlreadyHeld)
        ));
        let (sender, receiver) = mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                assert!(matches!(lock.try_lock(), Err(LockError::WouldBlock)));
                let soon = lock.lock_timeout(Duration::from_millis(15));
                assert!(matches!(soon, Err(LockError::TimedOut)));
                sender.send(()).unwrap();
                let _guard = lock.lock().unwrap();
            });
            receiver.recv().unwrap();
            drop(guard);
        });
        assert!(lock.try_lock().is_ok());
    }

    #[test]
    fn many_threads_exclude_each_other() {
        let lock = Lock::new().unwrap();
        let inside = std::sync::Mutex::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..5_000 {
                        let _guard = lock.lock().unwrap();
                        *inside.try_lock().expect("no other thread is inside") += 1;
                    }
                });
            }
        });
        assert_eq!(*inside.lock().unwrap(), 20_000);
    }

    #[test]
    fn sixty_four_handles_in_one_message_are_one_lock() {
        let lock = Lock::new().unwrap();
        let handles: Vec<Lock> = decode_argument(&encoded(&vec![lock.clone(); 64])).unwrap();
        let _guard = handles[63].lock().unwrap();
        assert!(handles.iter().all(|handle| handle.is_same(&lock)));
        assert!(matches!(handles[0].try_lock(), Err(LockError::AlreadyHeld)));
    }

    #[test]
    fn a_message_keeps_its_lock_until_it_is_received_and_no_longer() {
        let (bytes, handles) = crate::HandlesInFlight::collect(|| encoded(&Lock::new().unwrap()));
        let first: Lock = decode_argument(&bytes).unwrap();
        let again: Lock = decode_argument(&bytes).unwrap();
        assert!(first.is_same(&again), "a job that is tried again");
        drop((first, again, handles));
        let error = decode_argument::<Lock>(&bytes).unwrap_err().to_string();
        assert!(error.contains("a lock that is gone"), "{error}");
    }

    #[test]
    fn a_lost_message_releases_its_handles() {
        let (bytes, handles) = crate::HandlesInFlight::collect(|| encoded(&Lock::new().unwrap()));
        drop(handles);
        assert!(decode_argument::<Lock>(&bytes).is_err());
    }

    #[test]
    fn other_heaps_other_kinds_and_forgeries_are_refused() {
        let lock = Lock::new().unwrap();
        let bytes = encoded(&lock);
        let error = decode_argument::<crate::Event>(&bytes).unwrap_err();
        assert!(error.to_string().contains("a handle of a lock"), "{error}");
        let (heap, rest): (u64, (u64, u32, u64, u64)) = decode_argument(&bytes).unwrap();
        let error = decode_argument::<Lock>(&encoded(&(heap ^ 1, rest))).unwrap_err();
        assert!(error.to_string().contains("another process tree"), "{error}");
        for cell in [0, 8, 64, 1 << 20, 1 << 40, u64::MAX, rest.0 + 8] {
            for reference in [0, rest.2, 1 << 50, u64::MAX] {
                let forged = encoded(&(heap, (cell, rest.1, reference, rest.3)));
                assert!(decode_argument::<Lock>(&forged).is_err(), "{cell} {reference}");
            }
        }
    }

    #[test]
    fn many_locks_created_and_dropped_take_no_more_room() {
        let make = |number| (0..number).map(|_| Lock::new().unwrap()).collect::<Vec<_>>();
        let before = crate::object::participant::participant().unwrap().cells_used();
        for _ in 0..100 {
            drop(make(1000));
        }
        for _ in 0..20_000 {
            let (bytes, _handles) = crate::HandlesInFlight::collect(|| encoded(&Lock::new().unwrap()));
            drop(decode_argument::<Lock>(&bytes).unwrap());
        }
        let used = crate::object::participant::participant().unwrap().cells_used() - before;
        assert!(used < 5_000, "{used} cells more");
    }
}
