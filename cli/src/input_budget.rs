//! A limit on how many bytes of input are in memory until their results are written.
//!
//! The reader takes bytes and waits while the budget is exhausted; the printer gives them back. The pool bounds its own
//! memory; this bounds the source text that is kept for carets and columns.

use std::sync::{Condvar, Mutex, PoisonError};

/// A number of bytes that may be in use at once.
#[derive(Debug)]
pub(crate) struct InputBudget {
    limit: usize,
    used: Mutex<usize>,
    freed: Condvar,
}

impl InputBudget {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            used: Mutex::new(0),
            freed: Condvar::new(),
        }
    }

    /// Takes `bytes`, waiting until they are available. A request larger than the whole budget is granted once nothing
    /// else is in use.
    pub(crate) fn take(&self, bytes: usize) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        while *used > 0 && *used + bytes > self.limit {
            used = self.freed.wait(used).unwrap_or_else(PoisonError::into_inner);
        }
        *used += bytes;
    }

    /// Gives bytes back.
    pub(crate) fn give_back(&self, bytes: usize) {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) -= bytes;
        self.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicBool, Ordering},
        thread,
    };

    use super::*;

    #[test]
    fn a_request_larger_than_the_budget_is_granted_alone() {
        let budget = InputBudget::new(10);
        budget.take(100);
        budget.give_back(100);
        budget.take(10);
    }

    #[test]
    fn taking_waits_for_bytes_to_be_given_back() {
        let budget = InputBudget::new(10);
        let is_given = AtomicBool::new(false);
        budget.take(6);
        thread::scope(|scope| {
            scope.spawn(|| {
                budget.take(5);
                assert!(is_given.load(Ordering::SeqCst));
            });
            is_given.store(true, Ordering::SeqCst);
            budget.give_back(6);
        });
    }
}
