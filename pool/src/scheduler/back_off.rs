//! The delay before a failing worker's next start, and the other random choices.
//!
//! The delay doubles with each failure in a row, up to a bound, and has a random part so that workers that fail
//! together do not come back together.

use std::time::Duration;

/// The delay after the first failure.
const FIRST: Duration = Duration::from_millis(10);
/// The longest delay without its random part.
const LONGEST: Duration = Duration::from_secs(5);
/// The size of the jitter in both directions, as a fraction of the delay.
const JITTER: f64 = 0.25;

/// Computes delays.
#[derive(Debug)]
pub(crate) struct BackOff {
    random: fastrand::Rng,
}

impl BackOff {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            random: fastrand::Rng::with_seed(seed),
        }
    }

    /// A number of jobs, reduced at random by up to a tenth, so that workers that start together do not end together.
    pub(crate) fn shortened(&mut self, jobs: u64) -> u64 {
        jobs - self.random.u64(0..=jobs / 10)
    }

    /// The delay after this many failures in a row (at least one).
    pub(crate) fn delay(&mut self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(16);
        let delay = (FIRST * (1 << doublings)).min(LONGEST);
        let factor = 1.0 + JITTER * self.random.f64().mul_add(2.0, -1.0);
        delay.mul_f64(factor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_a_bound() {
        let mut back_off = BackOff::new(1);
        for (failures, expected_ms) in [
            (0, 10),
            (1, 10),
            (2, 20),
            (5, 160),
            (9, 2_560),
            (10, 5_000),
            (u32::MAX, 5_000),
        ] {
            let expected = Duration::from_millis(expected_ms);
            for _ in 0..1_000 {
                let delay = back_off.delay(failures);
                assert!(
                    (expected * 3 / 4..=expected * 5 / 4).contains(&delay),
                    "{delay:?} after {failures}"
                );
            }
        }
    }

    #[test]
    fn delays_vary_and_the_seed_decides() {
        let delays = |seed| {
            let mut back_off = BackOff::new(seed);
            [1, 1, 1].map(|failures| back_off.delay(failures))
        };
        assert_eq!(delays(3), delays(3));
        assert_ne!(delays(3), delays(4));
        assert_ne!(delays(3)[0], delays(3)[1]);
    }
}
