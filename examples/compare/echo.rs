//! A small struct sent and returned a million times: the typed path without real work.

use std::{error::Error, time::Instant};

use crate::{
    jobs::{self, Small},
    raw::RawPool,
    rounds::{Side, Unit, compare as compare_sides},
};

const JOBS: u64 = 1_000_000;

pub(crate) fn compare(rounds: usize) -> Result<(), Box<dyn Error>> {
    let pool = jobs::pool::<Small>()?;
    let raw = RawPool::start()?;
    let jobs = || (0..JOBS).map(Small::new);
    let map = || -> Result<f64, Box<dyn Error>> {
        let begun = Instant::now();
        for (expected, output) in jobs().zip(pool.map(jobs())) {
            assert_eq!(output?, expected);
        }
        Ok(JOBS as f64 / begun.elapsed().as_secs_f64())
    };
    let unordered = || -> Result<f64, Box<dyn Error>> {
        let begun = Instant::now();
        for (number, output) in pool.map_unordered(jobs()) {
            assert_eq!(output?, Small::new(number));
        }
        Ok(JOBS as f64 / begun.elapsed().as_secs_f64())
    };
    let raw = || -> Result<f64, Box<dyn Error>> {
        let begun = Instant::now();
        let mut expected = jobs();
        raw.map(jobs(), |output| assert_eq!(Some(output), expected.next()))?;
        Ok(JOBS as f64 / begun.elapsed().as_secs_f64())
    };
    let sides = vec![
        Side::new("pool, map", map),
        Side::new("raw frames of 1024 over SEQPACKET", raw),
        Side::new("pool, map_unordered", unordered),
    ];
    compare_sides("echo of a small struct", Unit::JobsPerSecond, rounds, sides)
}
