//! A number of permits that the processes of a family share.

use std::{
    marker::PhantomData,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use crate::{
    heap::{
        error::FamilyError,
        objects::{BODY, Kind, Plan, SHARE},
    },
    object::{
        handle::travels_as_a_copy,
        reference::Tie,
        semaphore_state::{self, FREE, SLEEPERS},
    },
    word::{
        futex::Word,
        lock_word::{Patience, Peers},
    },
};

/// A number of permits: so many threads of all processes may hold one at a time.
///
/// A [`Permit`] is given back when it is dropped, and the permits of a process that ends or is killed come back by
/// themselves. Permits are taken in no particular order.
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
    tie: Arc<Tie>,
}

/// A permit of a [`Semaphore`], given back when it is dropped.
#[derive(Debug)]
#[must_use = "the permit is given back as soon as it is dropped"]
pub struct Permit<'a> {
    semaphore: &'a Semaphore,
    /// As with a lock's guard, so that a holder is a thread and not a value passed around.
    not_send: PhantomData<*const ()>,
}

/// Why no permit was given.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SemaphoreError {
    /// None is free, and the call was not to wait.
    #[error("no permit is free")]
    WouldBlock,
    /// None was free for all of the time.
    #[error("no permit was free for all of the time")]
    TimedOut,
    /// This process has no part in its family's objects any more.
    #[error(transparent)]
    Family(#[from] FamilyError),
}

impl Semaphore {
    /// Makes a semaphore with so many permits. With none, [`Semaphore::add`] brings the first.
    ///
    /// # Errors
    /// When the system lacks what shared objects need, or has run out of it.
    pub fn new(permits: u32) -> Result<Self, FamilyError> {
        let tie = Tie::create(Plan::new(Kind::Semaphore))?;
        tie.body(FREE).store(permits.into(), Ordering::Release);
        Ok(Self::of(tie))
    }

    fn of(tie: Tie) -> Self {
        Self { tie: Arc::new(tie) }
    }

    /// Takes a permit, waiting until one is free.
    ///
    /// # Errors
    /// [`SemaphoreError::Family`] only.
    pub fn acquire(&self) -> Result<Permit<'_>, SemaphoreError> {
        self.take(Patience::Endless)?.ok_or(SemaphoreError::TimedOut)
    }

    /// Takes a permit if one is free.
    ///
    /// # Errors
    /// [`SemaphoreError::WouldBlock`] when none is.
    pub fn try_acquire(&self) -> Result<Permit<'_>, SemaphoreError> {
        // The permits of those that have just died are free.
        self.tie.member().tend();
        self.take(Patience::None)?.ok_or(SemaphoreError::WouldBlock)
    }

    /// Takes a permit, waiting for at most `timeout`.
    ///
    /// # Errors
    /// [`SemaphoreError::TimedOut`] when none was free for all that time.
    pub fn acquire_timeout(&self, timeout: Duration) -> Result<Permit<'_>, SemaphoreError> {
        self.take(Patience::of(timeout))?.ok_or(SemaphoreError::TimedOut)
    }

    /// Adds permits for good.
    ///
    /// # Errors
    /// [`SemaphoreError::Family`] only.
    pub fn add(&self, permits: u32) -> Result<(), SemaphoreError> {
        self.change(|free| Some((free + u64::from(permits), 0)))?;
        self.wake();
        Ok(())
    }

    /// How many permits are free.
    pub fn available(&self) -> u64 {
        self.tie.body(FREE).load(Ordering::Acquire)
    }

    fn take(&self, patience: Patience) -> Result<Option<Permit<'_>>, FamilyError> {
        let sleepers = self.tie.body(SLEEPERS);
        let mut slept = false;
        loop {
            if self.available() > 0 && self.change(|free| Some((free.checked_sub(1)?, 1)))? {
                if slept {
                    // Others may sleep still, and for them a permit may be left.
                    self.wake();
                }
                return Ok(Some(Permit {
                    semaphore: self,
                    not_send: PhantomData,
                }));
            }
            let Some(slice) = patience.slice() else {
                return Ok(None);
            };
            sleepers.store(1, Ordering::Relaxed);
            std::sync::atomic::fence(Ordering::SeqCst);
            if self.available() == 0 {
                sleepers.sleep(1, slice);
                self.tie.member().tend();
                sleepers.store(1, Ordering::Relaxed);
                slept = true;
            }
        }
    }

    /// Changes the number of free permits, and this process's share by the second number that `change` gives.
    fn change(&self, change: impl Fn(u64) -> Option<(u64, i64)>) -> Result<bool, FamilyError> {
        let (object, reference) = (self.tie.object(), self.tie.reference());
        let books = self.tie.member().books()?;
        let mut transaction = books.transaction();
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
        semaphore_state::wake(self.tie.member().arena(), self.tie.object());
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

travels_as_a_copy!(Semaphore);

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
