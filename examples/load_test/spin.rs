//! Work that takes a given time of CPU: rounds of arithmetic, counted rather than timed.
//!
//! A job that reads the clock until a time has passed does less work on a busy machine. A number of rounds is the same work
//! everywhere and can be compared.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

/// Keeps a CPU busy for this many rounds.
pub(crate) fn spin(rounds: u64) {
    let mut number = black_box(0x9e37_79b9_7f4a_7c15_u64);
    for _ in 0..rounds {
        number = number
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        number ^= number >> 29;
    }
    black_box(number);
}

/// How many rounds take this long here.
pub(crate) fn rounds_in(time: Duration) -> u64 {
    /// A trial of some hundred microseconds, of which the quickest of many was not disturbed.
    const TRIAL: u64 = 100_000;
    let quickest = (0..50).map(|_| {
        let begun = Instant::now();
        spin(TRIAL);
        begun.elapsed()
    });
    let quickest = quickest.min().unwrap_or_default().as_nanos().max(1);
    (time.as_nanos() * u128::from(TRIAL) / quickest) as u64
}
