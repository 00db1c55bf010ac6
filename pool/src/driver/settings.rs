//! The settings of a pool's workers: how they are started, and their limits.

use std::time::Duration;

use super::worker::memory::MemoryLimits;
use crate::{hooks::Hooks, spawn::program::Program};

/// The settings of a pool's workers.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) program: Program,
    pub(crate) job: &'static str,
    pub(crate) lanes: u16,
    pub(crate) argument: Vec<u8>,
    pub(crate) start_deadline: Duration,
    pub(crate) job_deadline: Option<Duration>,
    pub(crate) message_limit: u64,
    pub(crate) memory: MemoryLimits,
    /// The bytes to keep of what a job writes to each stream, if output is captured.
    pub(crate) capture: Option<usize>,
    pub(crate) hooks: Hooks,
    /// Whether an encoded output counts as a failure, if the pool counts failures.
    pub(crate) is_failure: Option<fn(&[u8]) -> bool>,
}

impl Settings {
    /// Whether the watch thread must keep time while jobs run.
    pub(super) fn keeps_time(&self) -> bool {
        self.job_deadline.is_some() || self.memory.any()
    }
}
