//! The small number that identifies a thread as an owner.
//!
//! Numbers are unique among the threads of a process that exist at the same time, and are used again.

use std::{
    cell::Cell,
    sync::{Mutex, PoisonError},
};

/// Numbers that ended threads have returned, and the last new one.
static NUMBERS: Mutex<(Vec<u32>, u32)> = Mutex::new((Vec::new(), 0));

thread_local! {
    static NUMBER: Cell<u32> = const { Cell::new(0) };
    static RETURN: Return = const { Return };
}

/// Returns the number when the thread ends.
struct Return;

impl Drop for Return {
    fn drop(&mut self) {
        let number = NUMBER.replace(0);
        NUMBERS
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .0
            .push(number);
    }
}

/// This thread's number, from 1.
#[inline]
pub(crate) fn number() -> u32 {
    match NUMBER.get() {
        0 => take_number(),
        number => number,
    }
}

#[cold]
fn take_number() -> u32 {
    let mut numbers = NUMBERS.lock().unwrap_or_else(PoisonError::into_inner);
    let number = numbers.0.pop().unwrap_or_else(|| {
        numbers.1 += 1;
        numbers.1
    });
    drop(numbers);
    NUMBER.set(number);
    // This fails while the thread's values are being destroyed: the number is then lost.
    let _returned_or_not = RETURN.try_with(|_| ());
    number
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn threads_have_different_numbers_and_return_them_when_they_end() {
        for _ in 0..50 {
            let barrier = std::sync::Barrier::new(8);
            let numbers: HashSet<u32> = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..8)
                    .map(|_| {
                        scope.spawn(|| {
                            let mine = number();
                            barrier.wait();
                            assert_eq!(mine, number());
                            mine
                        })
                    })
                    .collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            assert_eq!(numbers.len(), 8);
        }
        assert!(number() < 300, "numbers are used again");
    }
}
