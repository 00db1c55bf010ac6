//! The reorder window of a stream: outcomes go in as they come and leave in order.
//!
//! Plain data, with no lock and no thread in it. How many places may be ahead of the next one to leave is the
//! stream's bound, not this file's.

use std::collections::VecDeque;

use crate::outcome::Outcome;

/// Outcomes by their place in a stream.
#[derive(Debug)]
pub(crate) enum Window {
    /// They leave in the order of the inputs.
    Ordered {
        /// The place of the next one to leave.
        next: u64,
        /// That one and those behind it, as far as they have come.
        waiting: VecDeque<Option<Outcome>>,
    },
    /// They leave in the order in which they came.
    Unordered(VecDeque<(u64, Outcome)>),
}

impl Window {
    pub(crate) fn ordered() -> Self {
        Self::Ordered {
            next: 0,
            waiting: VecDeque::new(),
        }
    }

    pub(crate) fn unordered() -> Self {
        Self::Unordered(VecDeque::new())
    }

    /// Takes an outcome in. One for a place that has had its outcome is dropped, and `false` says so.
    pub(crate) fn insert(&mut self, index: u64, outcome: Outcome) -> bool {
        match self {
            Self::Unordered(arrived) => {
                arrived.push_back((index, outcome));
                true
            }
            Self::Ordered { next, waiting } => {
                let Some(place) = index.checked_sub(*next) else {
                    return false;
                };
                let place = place as usize;
                if place >= waiting.len() {
                    waiting.resize_with(place + 1, || None);
                }
                let is_new = waiting[place].is_none();
                if is_new {
                    waiting[place] = Some(outcome);
                }
                is_new
            }
        }
    }

    /// Whether one can leave now.
    pub(crate) fn is_ready(&self) -> bool {
        match self {
            Self::Unordered(arrived) => !arrived.is_empty(),
            Self::Ordered { waiting, .. } => matches!(waiting.front(), Some(Some(_))),
        }
    }

    /// Lets the next one leave, with its place.
    pub(crate) fn pop(&mut self) -> Option<(u64, Outcome)> {
        match self {
            Self::Unordered(arrived) => arrived.pop_front(),
            Self::Ordered { next, waiting } => {
                let outcome = waiting.front_mut()?.take()?;
                waiting.pop_front();
                *next += 1;
                Some((*next - 1, outcome))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::Status;

    use super::*;

    fn outcome(byte: u8) -> Outcome {
        Outcome::copied(Status::Output, &[byte])
    }

    fn drain(window: &mut Window) -> Vec<u64> {
        std::iter::from_fn(|| window.pop())
            .map(|(index, _)| index)
            .collect()
    }

    #[test]
    fn ordered_outcomes_wait_for_the_first() {
        let mut window = Window::ordered();
        for index in [2, 1, 4] {
            assert!(window.insert(index, outcome(0)));
        }
        assert!(!window.is_ready() && window.pop().is_none());
        window.insert(0, outcome(0));
        assert_eq!(drain(&mut window), [0, 1, 2]);
        window.insert(3, outcome(0));
        assert_eq!(drain(&mut window), [3, 4]);
    }

    #[test]
    fn a_second_outcome_for_a_place_is_dropped() {
        let mut window = Window::ordered();
        assert!(window.insert(0, outcome(1)));
        assert!(!window.insert(0, outcome(2)));
        assert!(matches!(window.pop(), Some((0, Outcome::Published(_, bytes))) if bytes[..] == [1]));
        assert!(!window.insert(0, outcome(3)), "it has left");
    }

    #[test]
    fn every_order_of_arrival_leaves_in_order() {
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..200 {
            let mut order: Vec<u64> = (0..50).collect();
            random.shuffle(&mut order);
            let mut window = Window::ordered();
            let mut left = Vec::new();
            for index in order {
                window.insert(index, outcome(0));
                left.extend(drain(&mut window));
            }
            assert!(left.into_iter().eq(0..50));
        }
    }

    #[test]
    fn unordered_outcomes_leave_as_they_came() {
        let mut window = Window::unordered();
        window.insert(5, outcome(0));
        window.insert(2, outcome(0));
        assert_eq!(drain(&mut window), [5, 2]);
    }
}
