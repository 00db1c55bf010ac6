//! The bounds and choices that a scheduler is made with.
//!
//! They are plain values, checked by the builder that makes them. Limits that follow from the transport, such as the
//! size of a frame, are constants beside the code that keeps them.

use std::{num::NonZeroU64, time::Duration};

use crate::policy::Halt;

use super::pace::MAX_FRAME_JOBS;

/// What a scheduler is told once, at its making.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// The number of worker slots, at least one.
    pub(crate) workers: usize,
    /// The jobs that one worker runs at the same time, at least one.
    pub(crate) lanes: u32,
    /// How often a job may be started: 1 unless the job is declared idempotent.
    pub(crate) attempts: u8,
    /// The jobs that may wait in the queue. Re-queued ones may exceed it.
    pub(crate) queue_jobs: usize,
    /// The encoded bytes that may wait in the queue. Re-queued ones may exceed it, and so may a job that waits alone.
    pub(crate) queue_bytes: usize,
    /// How many fruitless lives the pool accepts.
    pub(crate) restart_limit: RestartLimit,
    /// When failures of jobs end the pool.
    pub(crate) halt: Option<Halt>,
    /// When workers are replaced although they are well.
    pub(crate) recycling: Recycling,
    /// The seed of the jitter in the back-off of restarts.
    pub(crate) seed: u64,
}

impl Config {
    /// How many jobs may be submitted together: as many as a frame may hold, and few enough that they find room in a
    /// queue that is not empty.
    pub(crate) fn most_at_once(&self) -> u32 {
        let quarter = u32::try_from(self.queue_jobs / 4).unwrap_or(u32::MAX);
        quarter.clamp(1, MAX_FRAME_JOBS)
    }
}

/// More than `failures` fruitless lives `within` this time, with no job finished in between, break the pool.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RestartLimit {
    /// The failures that are still accepted.
    pub(crate) failures: usize,
    /// The time in which they are counted.
    pub(crate) within: Duration,
}

/// When workers are replaced although they are well.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Recycling {
    /// After so many jobs, less a random part.
    pub(crate) after_jobs: Option<NonZeroU64>,
    /// How many replacements may be under way at once; there is a slot more for each.
    pub(crate) spares: usize,
}
