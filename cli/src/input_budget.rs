//! How many bytes of input are kept until their results are out.
//!
//! The reader takes from the budget and waits while it is spent; the printer gives back. The pool bounds what it holds
//! itself; this bounds the text that is kept beside it for carets and columns.

use std::sync::{Condvar, Mutex, PoisonError};

/// A number of bytes that may be held at once.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: usize,
    held: Mutex<usize>,
    less: Condvar,
}

impl Budget {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            held: Mutex::new(0),
            less: Condvar::new(),
        }
    }

    /// Takes so many bytes, and waits until they are there. What is more than the whole budget is given when nothing
    /// else is held.
    pub(crate) fn take(&self, bytes: usize) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        while *held > 0 && *held + bytes > self.limit {
            held = self.less.wait(held).unwrap_or_else(PoisonError::into_inner);
        }
        *held += bytes;
    }

    /// Gives bytes back.
    pub(crate) fn give_back(&self, bytes: usize) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) -= bytes;
        self.less.notify_one();
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
    fn what_is_more_than_all_is_given_alone() {
        let budget = Budget::new(10);
        budget.take(100);
        budget.give_back(100);
        budget.take(10);
    }

    #[test]
    fn a_taker_waits_for_a_giver() {
        let budget = Budget::new(10);
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
