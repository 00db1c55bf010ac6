//! A condition that the holders of a lock wait for.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytemuck::Pod;

use crate::{
    heap::{
        error::FamilyError,
        objects::{Kind, Plan},
    },
    lock::{Lock, LockGuard},
    lock_error::LockError,
    object::{handle::travels_as_a_copy, reference::Tie},
    value::{Value, ValueGuard},
    word::{
        futex::Word,
        lock_word::{Patience, Peers},
    },
};

/// Somebody may sleep.
const SLEEPERS: u64 = 1;
/// Counts the notifications, in the rest of the lower half.
const NOTIFICATION: u64 = 2;
const LOW: u64 = (1 << 32) - 1;

/// A condition between processes, as [`std::sync::Condvar`] is one between threads.
///
/// [`Condition::wait`] releases the lock, waits for a notification, and acquires the lock again. It may also return
/// without a notification of its own, as in std: so that no notification is lost with a process that was killed on
/// receiving it, those who still wait look again, within 20 ms of a notification. Wait in a loop, or by
/// [`Condition::wait_while`].
///
/// ```
/// use sync::{Condition, Value};
///
/// let ready = Value::new(0_u32)?;
/// let condition = Condition::new()?;
/// let (other_value, other_condition) = (ready.clone(), condition.clone());
/// let thread = std::thread::spawn(move || {
///     *other_value.lock().unwrap() = 1;
///     other_condition.notify_all();
/// });
/// let guard = condition.wait_while(ready.lock().unwrap(), |ready| **ready == 0).unwrap();
/// assert_eq!(*guard, 1);
/// # drop(guard);
/// # thread.join().unwrap();
/// # Ok::<(), sync::FamilyError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Condition {
    tie: Arc<Tie>,
    word: &'static AtomicU64,
}

/// A guard whose lock can be released for a while: [`LockGuard`] and [`ValueGuard`].
pub trait Guard: sealed::Sealed + Sized {}

mod sealed {
    use super::LockError;

    pub trait Sealed: Sized {
        type Source;
        fn release(self) -> Self::Source;
        fn acquire(source: Self::Source) -> Result<Self, LockError<Self>>;
    }
}

impl<'a> sealed::Sealed for LockGuard<'a> {
    type Source = &'a Lock;

    fn release(self) -> &'a Lock {
        self.lock()
    }

    fn acquire(lock: &'a Lock) -> Result<Self, LockError<Self>> {
        lock.lock()
    }
}

impl<'a, T: Pod> sealed::Sealed for ValueGuard<'a, T> {
    type Source = &'a Value<T>;

    fn release(self) -> &'a Value<T> {
        self.value()
    }

    fn acquire(value: &'a Value<T>) -> Result<Self, LockError<Self>> {
        value.lock()
    }
}

impl Guard for LockGuard<'_> {}
impl<T: Pod> Guard for ValueGuard<'_, T> {}

impl Condition {
    /// Makes a condition.
    ///
    /// # Errors
    /// When the system lacks what shared objects need, or has run out of it.
    pub fn new() -> Result<Self, FamilyError> {
        Tie::create(Plan::new(Kind::Condition)).map(Self::of)
    }

    fn of(tie: Tie) -> Self {
        Self {
            word: tie.body(0),
            tie: Arc::new(tie),
        }
    }

    /// Releases the lock, waits for a notification, and acquires the lock again.
    ///
    /// # Errors
    /// Those of acquiring the lock again, [`LockError::Poisoned`] among them.
    pub fn wait<G: Guard>(&self, guard: G) -> Result<G, LockError<G>> {
        self.wait_for(guard, Patience::Endless).1
    }

    /// As [`Condition::wait`], for at most `timeout`, after which the lock is acquired all the same. The second value
    /// says whether there was a notification.
    ///
    /// # Errors
    /// As for [`Condition::wait`].
    pub fn wait_timeout<G: Guard>(&self, guard: G, timeout: Duration) -> Result<(G, bool), LockError<G>> {
        let (is_notified, guard) = self.wait_for(guard, Patience::of(timeout));
        Ok((guard?, is_notified))
    }

    /// Waits for as long as `condition` holds, which is looked at while holding the lock.
    ///
    /// # Errors
    /// As for [`Condition::wait`].
    pub fn wait_while<G: Guard>(
        &self,
        guard: G,
        mut condition: impl FnMut(&mut G) -> bool,
    ) -> Result<G, LockError<G>> {
        let mut guard = guard;
        while condition(&mut guard) {
            guard = self.wait(guard)?;
        }
        Ok(guard)
    }

    /// Wakes one who waits.
    pub fn notify_one(&self) {
        if self.notify(0) & SLEEPERS != 0 {
            self.word.wake(1);
        }
    }

    /// Wakes all who wait.
    pub fn notify_all(&self) {
        if self.notify(SLEEPERS) & SLEEPERS != 0 {
            self.word.wake(u32::MAX);
        }
    }

    /// Counts a notification, clears some bits, and gives the word as it was.
    fn notify(&self, clear: u64) -> u64 {
        let count = |word: u64| Some(word.wrapping_add(NOTIFICATION) & LOW & !clear);
        let counted = self.word.fetch_update(Ordering::AcqRel, Ordering::Relaxed, count);
        counted.unwrap_or_else(|word| word)
    }

    fn wait_for<G: Guard>(&self, guard: G, patience: Patience) -> (bool, Result<G, LockError<G>>) {
        // Still under the lock: whoever changes what is waited for under it notifies after this.
        let start = self.word.fetch_or(SLEEPERS, Ordering::AcqRel) & LOW & !SLEEPERS;
        let source = guard.release();
        let is_notified = self.sleep(start, patience);
        (is_notified, G::acquire(source))
    }

    fn sleep(&self, start: u64, patience: Patience) -> bool {
        loop {
            let seen = self.word.load(Ordering::Acquire);
            if seen & LOW & !SLEEPERS != start {
                return true;
            }
            let Some(slice) = patience.slice() else {
                return false;
            };
            if self
                .word
                .exchange(seen, seen | SLEEPERS, Ordering::Relaxed)
                .is_ok()
            {
                self.word.sleep((start | SLEEPERS) as u32, slice);
                self.tie.member().tend();
            }
        }
    }
}

travels_as_a_copy!(Condition);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_pass_through_a_condition_and_none_is_lost() {
        let tokens = Value::new(0_u64).unwrap();
        let condition = Condition::new().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    for _ in 0..1000 {
                        let guard = tokens.lock().unwrap();
                        let mut guard = condition.wait_while(guard, |tokens| **tokens == 0).unwrap();
                        *guard -= 1;
                    }
                });
            }
            for _ in 0..3000 {
                *tokens.lock().unwrap() += 1;
                condition.notify_one();
            }
        });
        assert_eq!(*tokens.lock().unwrap(), 0);
    }

    #[test]
    fn waiting_ends_with_the_time_and_holds_the_lock_again() {
        let lock = Lock::new().unwrap();
        let condition = Condition::new().unwrap();
        let guard = lock.lock().unwrap();
        let (_guard, is_notified) = condition.wait_timeout(guard, Duration::from_millis(12)).unwrap();
        assert!(!is_notified);
        assert!(matches!(lock.try_lock(), Err(LockError::AlreadyHeld)));
    }
}
