//! In which order a worker may publish its results.
//!
//! Each lane publishes the result of the position that it has claimed before it claims the next one, and positions are
//! claimed in order. So at any time fewer positions than there are lanes are missing below the highest one published,
//! each is published once, and none before its claim. A worker that breaks this is two processes that take each other
//! for one (a job has forked, and both copies went on), or its memory is damaged.

use protocol::MemoryError;
use smallvec::SmallVec;

/// Which positions of one worker were published.
#[derive(Debug)]
pub(crate) struct Turns {
    lanes: usize,
    /// The position after the highest one.
    next: u64,
    /// The positions below it that are missing.
    missing: SmallVec<[u64; 4]>,
    /// Whether a position was published out of turn.
    pub(crate) are_broken: bool,
}

impl Turns {
    pub(crate) fn new(lanes: usize) -> Self {
        Self {
            lanes,
            next: 0,
            missing: SmallVec::new(),
            are_broken: false,
        }
    }

    /// Notes that this position was published. So many positions were claimed.
    ///
    /// # Errors
    /// If it was published before, or not claimed, or more are missing below it than can be running.
    #[inline]
    pub(crate) fn take(&mut self, position: u64, claimed: u64) -> Result<(), MemoryError> {
        if position == self.next && !self.are_broken && position < claimed {
            self.next += 1;
            return Ok(());
        }
        self.take_out_of_order(position, claimed)
    }

    #[cold]
    fn take_out_of_order(&mut self, position: u64, claimed: u64) -> Result<(), MemoryError> {
        let is_missing = self.missing.iter().position(|missing| *missing == position);
        let skipped = position.saturating_sub(self.next);
        let why = if self.are_broken {
            "after another one that was published out of turn"
        } else if let Some(index) = is_missing {
            self.missing.swap_remove(index);
            return Ok(());
        } else if position < self.next {
            "a second time; has a job forked?"
        } else if position >= claimed {
            "before it was claimed"
        } else if skipped + self.missing.len() as u64 >= self.lanes as u64 {
            "before others that it was to run first"
        } else {
            self.missing.extend(self.next..position);
            self.next = position + 1;
            return Ok(());
        };
        self.are_broken = true;
        Err(MemoryError::corrupt(format_args!(
            "it published the result at position {position} {why}"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of these positions are taken before one is refused.
    fn taken(lanes: usize, claimed: u64, positions: &[u64]) -> usize {
        let mut turns = Turns::new(lanes);
        positions
            .iter()
            .take_while(|position| turns.take(**position, claimed).is_ok())
            .count()
    }

    #[test]
    fn one_lane_publishes_in_order() {
        assert_eq!(taken(1, 10, &[0, 1, 2, 3]), 4);
        assert_eq!(taken(1, 10, &[0, 1, 1]), 2, "twice");
        assert_eq!(taken(1, 10, &[0, 2]), 1, "1 is missing and cannot be running");
        assert_eq!(taken(1, 2, &[0, 1, 2]), 2, "2 is not claimed");
        assert_eq!(taken(1, u64::MAX, &[u64::MAX]), 0);
    }

    #[test]
    fn several_lanes_publish_in_the_order_in_which_they_finish() {
        assert_eq!(taken(3, 10, &[2, 0, 3, 4, 1, 5]), 6);
        assert_eq!(taken(3, 10, &[2, 0, 0]), 2, "twice");
        assert_eq!(taken(3, 10, &[3]), 0, "three others cannot be running");
        assert_eq!(taken(3, 10, &[1, 3, 5]), 2);
    }

    #[test]
    fn nothing_is_taken_after_a_fault() {
        let mut turns = Turns::new(1);
        assert!(turns.take(1, 2).is_err());
        assert!(turns.take(0, 2).is_err() && turns.are_broken);
    }
}
