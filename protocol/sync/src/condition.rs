//! A condition that the holders of a lock wait for.
//!
//! Owns the handle of a condition, and which guards can wait. Waiting and waking are [`event_count`]'s.

use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use bytemuck::Pod;

use crate::{
    heap::{
        error::SharedHeapError,
        objects::{Kind, Plan},
    },
    lock::{Lock, LockGuard},
    lock_error::LockError,
    object::{handle::serialize_as_copy, reference::Reference},
    value::{Value, ValueGuard},
    word::{
        event_count::{self, Key},
        wait::WaitMode,
    },
};

/// A condition between processes, as [`std::sync::Condvar`] is one between threads.
///
/// [`Condition::wait`] releases the lock, waits for a notification, and acquires the lock again. As in the standard
/// library it may return without a notification of its own: all waiters look again within 20 ms of a notification, so
/// that it is not lost if the process that received it is killed. Wait in a loop, or with [`Condition::wait_while`].
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
/// # Ok::<(), sync::SharedHeapError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Condition {
    reference: Arc<Reference>,
    word: &'static AtomicU64,
}

/// A guard whose lock can be released while waiting: [`LockGuard`] and [`ValueGuard`].
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
    /// Creates a condition.
    ///
    /// # Errors
    /// If the system lacks what shared objects need, or has run out of it.
    pub fn new() -> Result<Self, SharedHeapError> {
        Reference::create(Plan::new(Kind::Condition)).map(Self::of)
    }

    fn of(reference: Reference) -> Self {
        Self {
            word: reference.body(0),
            reference: Arc::new(reference),
        }
    }

    /// Releases the lock, waits for a notification, and acquires the lock again.
    ///
    /// # Errors
    /// Those of acquiring the lock again, [`LockError::Poisoned`] among them.
    pub fn wait<G: Guard>(&self, guard: G) -> Result<G, LockError<G>> {
        self.wait_for(guard, WaitMode::Forever).1
    }

    /// As [`Condition::wait`], for at most `timeout`, after which the lock is acquired all the same. The second value
    /// is whether there was a notification.
    ///
    /// # Errors
    /// As for [`Condition::wait`].
    pub fn wait_timeout<G: Guard>(&self, guard: G, timeout: Duration) -> Result<(G, bool), LockError<G>> {
        let (is_notified, guard) = self.wait_for(guard, WaitMode::timeout(timeout));
        Ok((guard?, is_notified))
    }

    /// Waits as long as `condition` holds, which is checked while holding the lock.
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

    /// Wakes one waiter.
    pub fn notify_one(&self) {
        event_count::notify_one(self.word);
    }

    /// Wakes all waiters.
    pub fn notify_all(&self) {
        event_count::notify_all(self.word);
    }

    fn wait_for<G: Guard>(&self, guard: G, mode: WaitMode) -> (bool, Result<G, LockError<G>>) {
        // Still under the lock: a thread that changes the condition under it notifies after this.
        let start = event_count::prepare(self.word);
        let source = guard.release();
        let is_notified = self.wait_since(start, mode);
        (is_notified, G::acquire(source))
    }

    fn wait_since(&self, start: Key, mode: WaitMode) -> bool {
        let peers = self.reference.participant();
        let notified = event_count::wait_until(self.word, mode, peers, |now| (now != start).then_some(()));
        notified.is_some()
    }
}

serialize_as_copy!(Condition);

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
