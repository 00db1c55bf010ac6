//! How long a failing worker waits for its next start.
//!
//! The delay doubles with each failure in a row, up to a bound, and varies by chance so that workers which fail
//! together do not come back together.

use std::time::Duration;

/// The delay after the first failure.
const FIRST: Duration = Duration::from_millis(10);
/// The delay that is not exceeded, jitter aside.
const LONGEST: Duration = Duration::from_secs(5);
/// How far the jitter goes either way, as a part of the delay.
const JITTER: f64 = 0.25;

/// Gives out delays.
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

    /// The delay after this many failures in a row, at least one.
    pub(crate) fn delay(&mut self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(16);
        let delay = (FIRST * (1 << doublings)).min(LONGEST);
        let factor = 1.0 + JITTER * self.random.f64().mul_add(2.0, -1.0);
        delay.mul_f64(factor)
    }
}
