//! A number of permits that processes share.
//!
//! Owns the handles of a semaphore and of a permit. The count of free permits changes under the object table's lock,
//! together with the share of each process, so that the permits of a dead process can be reclaimed. Waiting and waking
//! are [`event_count`]'s.

use std::{
    marker::PhantomData,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use crate::{
    heap::{
        error::SharedHeapError,
        objects::{BODY, Kind, Plan, SHARE},
    },
    object::{
        handle::serialize_as_copy,
        reference::Reference,
        semaphore_state::{self, FREE, WAITERS},
    },
    word::{
        event_count,
        wait::{Peers, WaitMode},
    },
};

/// A number of permits: at most this many threads of all processes hold one at a time.
///
/// Dropping a [`Permit`] gives it back, and the permits of a process that ends or is killed come back by themselves.
/// Permits are taken in no particular order.
///
/// ```
/// use sync::{Semaphore, SemaphoreError};
///
/// let semaphore = Semaphore::new(2)?;
/// let first = semaphore.acquire()?;
/// let second = semaphore.acquire()?;
/// assert!(matches!(semaphore.try_acquire(), Err(SemaphoreError::WouldBlock)));
/// drop(first);
/// let third = semaphore.try_acquire()?;
/// assert_eq!(semaphore.available(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Semaphore {
    reference: Arc<Reference>,
}

/// A permit of a [`Semaphore`], which dropping gives back.
#[derive(Debug)]
#[must_use = "the permit is given back as soon as it is dropped"]
pub struct Permit<'a> {
    semaphore: &'a Semaphore,
    /// As with a lock's guard: the holder is a thread, and not whichever thread has the value.
    not_send: PhantomData<*const ()>,
}

/// Why no permit was acquired.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SemaphoreError {
    /// No permit is free, and the call does not wait.
    #[error("no permit is free")]
    WouldBlock,
    /// No permit was free during the whole timeout.
    #[error("no permit was free for all of the time")]
    TimedOut,
    /// This process cannot use the shared heap.
    #[error(transparent)]
    SharedHeap(#[from] SharedHeapError),
}

impl Semaphore {
    /// Creates a semaphore with this many permits. With none, [`Semaphore::add`] brings the first.
    ///
    /// # Errors
    /// If the system lacks what shared objects need, or has run out of it.
    pub fn new(permits: u32) -> Result<Self, SharedHeapError> {
        let reference = Reference::create(Plan::new(Kind::Semaphore))?;
        reference.body(FREE).store(permits.into(), Ordering::Release);
        Ok(Self::of(reference))
    }

    fn of(reference: Reference) -> Self {
        Self {
            reference: Arc::new(reference),
        }
    }

    /// Takes a permit, waiting until one is free.
    ///
    /// # Errors
    /// [`SemaphoreError::SharedHeap`] only.
    pub fn acquire(&self) -> Result<Permit<'_>, SemaphoreError> {
        self.take(WaitMode::Forever)?.ok_or(SemaphoreError::TimedOut)
    }

    /// Takes a permit if one is free.
    ///
    /// # Errors
    /// [`SemaphoreError::WouldBlock`] if none is.
    pub fn try_acquire(&self) -> Result<Permit<'_>, SemaphoreError> {
        // The permits of processes that have just died are free.
        self.reference.participant().reclaim();
        self.take(WaitMode::Try)?.ok_or(SemaphoreError::WouldBlock)
    }

    /// Takes a permit, waiting for at most `timeout`.
    ///
    /// # Errors
    /// [`SemaphoreError::TimedOut`] if none was free during that time.
    pub fn acquire_timeout(&self, timeout: Duration) -> Result<Permit<'_>, SemaphoreError> {
        self.take(WaitMode::timeout(timeout))?
            .ok_or(SemaphoreError::TimedOut)
    }

    /// Adds permits for good.
    ///
    /// # Errors
    /// [`SemaphoreError::SharedHeap`] only.
    pub fn add(&self, permits: u32) -> Result<(), SemaphoreError> {
        self.change(|free| Some((free + u64::from(permits), 0)))?;
        self.wake();
        Ok(())
    }

    /// How many permits are free.
    pub fn available(&self) -> u64 {
        self.reference.body(FREE).load(Ordering::Acquire)
    }

    fn take(&self, mode: WaitMode) -> Result<Option<Permit<'_>>, SharedHeapError> {
        let (waiters, peers) = (self.reference.body(WAITERS), self.reference.participant());
        event_count::wait_until(waiters, mode, peers, |_| self.take_free().transpose()).transpose()
    }

    /// Takes a permit if one is free.
    fn take_free(&self) -> Result<Option<Permit<'_>>, SharedHeapError> {
        let is_taken = self.available() > 0 && self.change(|free| Some((free.checked_sub(1)?, 1)))?;
        Ok(is_taken.then(|| Permit {
            semaphore: self,
            not_send: PhantomData,
        }))
    }

    /// Changes the number of free permits to the first number that `change` returns, and this process's share by the
    /// second.
    fn change(&self, change: impl Fn(u64) -> Option<(u64, i64)>) -> Result<bool, SharedHeapError> {
        let (object, reference) = (self.reference.object(), self.reference.cell());
        let table = self.reference.participant().table()?;
        let mut transaction = table.transaction();
        let Some((free, share)) = change(transaction.get(object + BODY + 8 * FREE)) else {
            return Ok(false);
        };
        transaction.set(object + BODY + 8 * FREE, free);
        if share != 0 {
            let held = transaction.get(reference + SHARE);
            transaction.set(reference + SHARE, held.wrapping_add_signed(share));
        }
        transaction.commit();
        Ok(true)
    }

    fn wake(&self) {
        semaphore_state::wake(self.reference.participant().arena(), self.reference.object());
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        // In a forked child the permit is its parent's, which gives it back.
        if self.semaphore.change(|free| Some((free + 1, -1))).is_ok() {
            self.semaphore.wake();
        }
    }
}

serialize_as_copy!(Semaphore);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permits_are_waited_for_and_come_back() {
        let semaphore = Semaphore::new(1).unwrap();
        let permit = semaphore.acquire().unwrap();
        let late = semaphore.acquire_timeout(Duration::from_millis(12));
        assert!(matches!(late, Err(SemaphoreError::TimedOut)));
        std::thread::scope(|scope| {
            let waiters = [(); 4].map(|()| scope.spawn(|| drop(semaphore.acquire().unwrap())));
            drop(permit);
            for waiter in waiters {
                waiter.join().unwrap();
            }
        });
        assert_eq!(semaphore.available(), 1);
    }

    #[test]
    fn a_semaphore_without_permits_waits_for_the_first() {
        let semaphore = Semaphore::new(0).unwrap();
        assert!(matches!(semaphore.try_acquire(), Err(SemaphoreError::WouldBlock)));
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| semaphore.acquire().is_ok());
            semaphore.add(1).unwrap();
            assert!(waiter.join().unwrap());
        });
    }

    #[test]
    fn a_forgotten_permit_comes_back_with_its_handle() {
        let semaphore = Semaphore::new(1).unwrap();
        let mut bytes = Vec::new();
        protocol::encode_argument(&semaphore, &mut bytes).unwrap();
        let other: Semaphore = protocol::decode_argument(&bytes).unwrap();
        std::mem::forget(other.acquire().unwrap());
        assert_eq!(semaphore.available(), 0);
        drop(other);
        assert_eq!(semaphore.available(), 1);
    }
}
