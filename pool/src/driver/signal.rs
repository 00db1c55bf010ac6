//! A condition variable that costs nothing while no thread waits.
//!
//! The standard one makes a system call at each notification, which is as expensive as everything else about a lone
//! job. A signal does not know its condition, nor the lock that protects it.

use std::{
    sync::{
        Condvar, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

/// Notifies waiting threads of a change under their lock.
#[derive(Debug, Default)]
pub(super) struct Signal {
    changed: Condvar,
    /// The number of waiting threads. It is increased only under the lock.
    waiting: AtomicUsize,
}

impl Signal {
    /// Waits for a notification; wake-ups without one are possible. Returns `None` if the deadline has passed before
    /// the wait.
    pub(super) fn wait<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        deadline: Option<Instant>,
    ) -> Option<MutexGuard<'a, T>> {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) {
            return None;
        }
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let guard = match left {
            Some(left) => {
                let waited = self.changed.wait_timeout(guard, left);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
            None => self.changed.wait(guard).unwrap_or_else(PoisonError::into_inner),
        };
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        Some(guard)
    }

    /// Notifies all waiting threads. Call this after the condition was changed under the lock: a thread that began to
    /// wait before the change has been counted, and a thread that comes later sees the change.
    pub(super) fn notify_all(&self) {
        if self.waiting.load(Ordering::Relaxed) > 0 {
            self.changed.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Mutex, time::Duration};

    use super::*;

    #[test]
    fn no_notification_is_missed() {
        const TURNS: u32 = 20_000;
        let (turn, signal) = (Mutex::new(0), Signal::default());
        let play = |mine: u32| {
            for _ in 0..TURNS {
                let mut now = turn.lock().unwrap();
                while *now % 2 != mine {
                    now = signal.wait(now, None).unwrap();
                }
                *now += 1;
                drop(now);
                signal.notify_all();
            }
        };
        std::thread::scope(|scope| {
            scope.spawn(|| play(0));
            scope.spawn(|| play(1));
        });
        assert_eq!(*turn.lock().unwrap(), 2 * TURNS);
        assert_eq!(signal.waiting.into_inner(), 0);
    }

    #[test]
    fn a_deadline_ends_the_wait() {
        let (lock, signal) = (Mutex::new(()), Signal::default());
        let deadline = Instant::now() + Duration::from_millis(5);
        let mut guard = Some(lock.lock().unwrap());
        while let Some(held) = guard {
            guard = signal.wait(held, Some(deadline));
        }
        assert!(Instant::now() >= deadline);
    }
}
