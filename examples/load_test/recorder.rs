//! The outcomes of the jobs.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use hdrhistogram::Histogram;

/// Longer latencies are counted as this one: an hour.
const LONGEST_NANOS: u64 = 3_600_000_000_000;

/// Counts jobs that have ended, and how long they took.
#[derive(Debug)]
pub(crate) struct Recorder {
    /// The nanoseconds of those that came back.
    pub(crate) latency: Histogram<u64>,
    /// Those that ended with an error, such as the death of their worker.
    pub(crate) lost: u64,
    ended: Arc<AtomicU64>,
}

impl Recorder {
    /// A recorder that shows how many have ended in `ended`.
    pub(crate) fn new(ended: Arc<AtomicU64>) -> Self {
        Self {
            latency: Histogram::new_with_bounds(1, LONGEST_NANOS, 3).expect("these bounds are allowed"),
            lost: 0,
            ended,
        }
    }

    /// Records a job that began at `start` and has just ended.
    pub(crate) fn take<T, E>(&mut self, start: Instant, output: &Result<T, E>) {
        if output.is_ok() {
            let nanos = start.elapsed().as_nanos() as u64;
            self.latency.saturating_record(nanos);
        } else {
            self.lost += 1;
        }
        self.ended.store(self.jobs(), Ordering::Relaxed);
    }

    /// How many jobs have ended.
    pub(crate) fn jobs(&self) -> u64 {
        self.latency.len() + self.lost
    }
}
