//! The configuration of a scheduler.
//!
//! These are plain values, checked by the builder that makes them. Limits that follow from the transport, such as the
//! size of a frame, are constants next to the code that enforces them.

use std::{num::NonZeroU64, time::Duration};

use crate::policy::Halt;

use super::pace::MAX_FRAME_JOBS;

/// The configuration of a scheduler.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// The number of worker slots, at least one.
    pub(crate) workers: usize,
    /// The jobs that one worker runs at the same time, at least one.
    pub(crate) lanes: u32,
    /// How often a job may be started: once, unless the job is declared idempotent.
    pub(crate) attempts: u8,
    /// The most jobs in the queue. Requeued ones may exceed it.
    pub(crate) queue_jobs: usize,
    /// The most encoded bytes in the queue. Requeued jobs may exceed it, and so may a job that waits alone.
    pub(crate) queue_bytes: usize,
    /// The number of failed starts that the pool accepts.
    pub(crate) restart_limit: RestartLimit,
    /// When failed jobs end the pool.
    pub(crate) halt: Option<Halt>,
    /// When healthy workers are replaced.
    pub(crate) recycling: Recycling,
    /// The seed of the jitter in the back-off of restarts.
    pub(crate) seed: u64,
}

impl Config {
    /// The most jobs that can be submitted together: as many as fit a frame, and few enough to find room in a queue
    /// that is not empty.
    pub(crate) fn most_at_once(&self) -> u32 {
        let quarter = u32::try_from(self.queue_jobs / 4).unwrap_or(u32::MAX);
        quarter.clamp(1, MAX_FRAME_JOBS)
    }
}

/// The pool breaks after more than `failures` failed starts `within` this time with no finished job in between.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RestartLimit {
    /// The number of failures that are accepted.
    pub(crate) failures: usize,
    /// The time in which they are counted.
    pub(crate) within: Duration,
}

/// When healthy workers are replaced.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Recycling {
    /// After this many jobs, less a random part.
    pub(crate) after_jobs: Option<NonZeroU64>,
    /// How many replacements can be under way at once. Each has an additional slot.
    pub(crate) spares: usize,
}
