//! What a pool's workers are started and judged by.

use std::time::Duration;

use super::worker::memory::MemoryLimits;
use crate::{hooks::Hooks, spawn::program::Program};

/// What a pool's workers are started and judged by.
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
    /// How many bytes are kept of what a job writes to each stream, when that is captured.
    pub(crate) capture: Option<usize>,
    pub(crate) hooks: Hooks,
    /// What calls an encoded output a failure, when failures matter.
    pub(crate) is_failure: Option<fn(&[u8]) -> bool>,
}

impl Settings {
    /// Whether the clock has to be looked at while jobs run.
    pub(super) fn keeps_time(&self) -> bool {
        self.job_deadline.is_some() || self.memory.any()
    }
}
