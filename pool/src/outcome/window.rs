//! The reorder window of a stream: results go in as they come and leave in order.
//!
//! Plain data, without locks and threads. The stream bounds how many places may be ahead of the next one to leave.

use std::collections::{BTreeMap, VecDeque};

use super::results::Results;

/// Results by the place in a stream of the first of them.
#[derive(Debug)]
pub(crate) enum Window {
    /// They leave in the order of the inputs.
    Ordered {
        /// The place of the next one to leave.
        next: u64,
        /// Results that came and have not left.
        waiting: BTreeMap<u64, Results>,
    },
    /// They leave in the order in which they came.
    Unordered(VecDeque<(u64, Results)>),
}

impl Window {
    pub(crate) fn ordered() -> Self {
        Self::Ordered {
            next: 0,
            waiting: BTreeMap::new(),
        }
    }

    pub(crate) fn unordered() -> Self {
        Self::Unordered(VecDeque::new())
    }

    /// Inserts results. Returns `false`, and drops them, if their places have had theirs.
    pub(crate) fn insert(&mut self, first: u64, results: Results) -> bool {
        match self {
            Self::Unordered(arrived) => arrived.push_back((first, results)),
            Self::Ordered { next, waiting } => {
                let taken = waiting
                    .range(..=first)
                    .next_back()
                    .map_or(*next, |(before, results)| before + u64::from(results.left()));
                if first < taken.max(*next) {
                    return false;
                }
                waiting.insert(first, results);
            }
        }
        true
    }

    /// Whether some can leave now.
    pub(crate) fn is_ready(&self) -> bool {
        match self {
            Self::Unordered(arrived) => !arrived.is_empty(),
            Self::Ordered { next, waiting } => {
                waiting.first_key_value().is_some_and(|(first, _)| first == next)
            }
        }
    }

    /// Removes the next ones that can leave, with the place of the first.
    pub(crate) fn pop(&mut self) -> Option<(u64, Results)> {
        match self {
            Self::Unordered(arrived) => arrived.pop_front(),
            Self::Ordered { next, waiting } => {
                let entry = waiting.first_entry().filter(|entry| entry.key() == next)?;
                let (first, results) = entry.remove_entry();
                *next += u64::from(results.left());
                Some((first, results))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::JobError;

    fn results(count: u32) -> Results {
        Results::failed(JobError::Cancelled, count)
    }

    /// The places that leave now.
    fn drain(window: &mut Window) -> Vec<u64> {
        std::iter::from_fn(|| window.pop())
            .flat_map(|(first, results)| first..first + u64::from(results.left()))
            .collect()
    }

    #[test]
    fn any_order_of_arrival_leaves_in_order() {
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..200 {
            let (mut pieces, mut end) = (Vec::new(), 0);
            while end < 100 {
                let count = random.u32(1..6);
                pieces.push((end, count));
                end += u64::from(count);
            }
            random.shuffle(&mut pieces);
            let (mut window, mut left) = (Window::ordered(), Vec::new());
            for (first, count) in pieces {
                assert!(window.insert(first, results(count)));
                assert_eq!(window.is_ready(), first == left.len() as u64);
                left.extend(drain(&mut window));
            }
            assert_eq!(left, (0..end).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_second_result_is_dropped_before_and_after_the_first_has_left() {
        let mut window = Window::ordered();
        assert!(window.insert(1, results(2)));
        assert!(!window.insert(1, results(1)));
        assert!(!window.insert(2, results(1)));
        assert!(window.insert(0, results(1)));
        assert_eq!(drain(&mut window), [0, 1, 2]);
        assert!(!window.insert(0, results(1)));
        assert!(!window.insert(2, results(1)));
        assert!(window.insert(3, results(1)));
    }

    #[test]
    fn unordered_results_leave_as_they_came() {
        let mut window = Window::unordered();
        for (first, count) in [(5, 1), (0, 2), (2, 3)] {
            assert!(window.insert(first, results(count)));
        }
        assert_eq!(drain(&mut window), [5, 0, 1, 2, 3, 4]);
    }
}
