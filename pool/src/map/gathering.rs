//! How many inputs are gathered before they are submitted to a worker that waits for jobs.
//!
//! Slow inputs are submitted one by one, and none waits long for others. A worker that is woken for a single tiny job
//! often finishes it before the next input is there, and sleeps again. So while inputs come quickly, each time twice as
//! many are gathered as the time before. The caller passes the time in.

use std::time::{Duration, Instant};

/// The most inputs that are gathered.
const MOST: u32 = 256;

/// Inputs are gathered at most this long, unless a single input takes longer. A wake-up takes about as long.
pub(crate) const LONGEST: Duration = Duration::from_micros(20);

/// How many inputs are gathered for a worker that waits.
#[derive(Debug)]
pub(crate) struct Gathering {
    enough: u32,
    /// When a worker was last given what had been gathered.
    given: Instant,
}

impl Gathering {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            enough: 1,
            given: now,
        }
    }

    /// Whether `gathered` inputs are enough to submit to the worker that waits. If so, they count as submitted.
    pub(crate) fn is_enough(&mut self, gathered: u32, now: Instant) -> bool {
        if gathered >= self.enough {
            self.enough = gathered.saturating_mul(2).min(MOST);
        } else if self.since_given(now) >= LONGEST {
            self.enough = gathered.max(1);
        } else {
            return false;
        }
        self.given = now;
        true
    }

    /// How long ago a worker was last given what had been gathered.
    pub(crate) fn since_given(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.given)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of these inputs are given at once, each time, when a worker always waits and they take so long each.
    fn given(inputs: u32, each: Duration) -> Vec<u32> {
        let begun = Instant::now();
        let (mut gathering, mut gathered, mut given) = (Gathering::new(begun), 0, Vec::new());
        for input in 1..=inputs {
            gathered += 1;
            if gathering.is_enough(gathered, begun + each * input) {
                given.push(std::mem::take(&mut gathered));
            }
        }
        given
    }

    #[test]
    fn quick_inputs_are_gathered_twice_as_many_each_time() {
        let nanos = Duration::from_nanos(50);
        assert_eq!(given(1_000, nanos), [1, 2, 4, 8, 16, 32, 64, 128, 256, 256]);
    }

    #[test]
    fn slow_inputs_wait_for_no_company() {
        assert_eq!(given(5, Duration::from_micros(20)), [1; 5]);
        assert_eq!(given(5, Duration::from_secs(1)), [1; 5]);
    }

    #[test]
    fn none_waits_for_long() {
        for (each, most) in [(5, 4), (10, 2)] {
            let given = given(100, Duration::from_micros(each));
            assert!(given.iter().all(|&given| given <= most), "{given:?}");
        }
    }

    #[test]
    fn a_slow_input_after_quick_ones_is_given_at_once() {
        let mut now = Instant::now();
        let mut gathering = Gathering::new(now);
        for gathered in [1, 2, 4, 8] {
            assert!(gathering.is_enough(gathered, now));
        }
        assert!(!gathering.is_enough(1, now));
        now += LONGEST;
        assert!(gathering.is_enough(1, now));
    }
}
