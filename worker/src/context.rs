//! What a handler and an initialiser can ask about where they run.
//!
//! Owns no resource: the lane makes both types.

use std::{fmt, sync::Arc};

use protocol::CodecError;
use serde::de::DeserializeOwned;

/// Names one lane of one worker. A lane is a thread that runs one job at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LaneInfo {
    pub(crate) worker: u32,
    pub(crate) lane: usize,
    pub(crate) lanes: usize,
}

/// The input of an initialiser: the lane that it makes the state for, and the pool's argument.
#[derive(Debug, Clone)]
pub struct Setup {
    lane: LaneInfo,
    argument: Arc<[u8]>,
}

impl Setup {
    pub(crate) fn new(lane: LaneInfo, argument: Arc<[u8]>) -> Self {
        Self { lane, argument }
    }

    pub(crate) fn lane_info(&self) -> LaneInfo {
        self.lane
    }

    /// The worker's number in its pool, from 0. A replacement worker takes over the number of the one it replaces.
    pub fn worker(&self) -> u32 {
        self.lane.worker
    }

    /// The number of the lane that the state is for, from 0.
    pub fn lane(&self) -> usize {
        self.lane.lane
    }

    /// The number of lanes of the worker. The initialiser runs once for each, in that lane's own thread.
    pub fn lanes(&self) -> usize {
        self.lane.lanes
    }

    /// Whether the pool has an argument for its workers' initialiser whose encoding isn't empty.
    pub fn has_argument(&self) -> bool {
        !self.argument.is_empty()
    }

    /// The argument that the pool has for its workers' initialiser.
    ///
    /// # Errors
    /// If the argument is of another type, or the pool has none.
    pub fn argument<A: DeserializeOwned>(&self) -> Result<A, CodecError> {
        protocol::decode_argument(&self.argument).map_err(|error| match &*self.argument {
            [] => CodecError::new(format_args!("the pool has no argument for its workers: {error}")),
            _ => error,
        })
    }
}

/// How far a job has come. It decides which fault a panic becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JobPhase {
    Decoding,
    Running,
    Encoding,
}

/// The context of a running job: where it runs, and the state of its lane.
pub struct Context<'a, S> {
    state: &'a mut S,
    lane: LaneInfo,
    position: u64,
    phase: JobPhase,
}

impl<'a, S> Context<'a, S> {
    pub(crate) fn new(state: &'a mut S, lane: LaneInfo) -> Self {
        Self {
            state,
            lane,
            position: 0,
            phase: JobPhase::Decoding,
        }
    }

    /// Moves on to the next job.
    pub(crate) fn begin(&mut self, position: u64) {
        self.position = position;
        self.phase = JobPhase::Decoding;
    }

    pub(crate) fn phase(&self) -> JobPhase {
        self.phase
    }

    pub(crate) fn enter(&mut self, phase: JobPhase) {
        self.phase = phase;
    }

    /// The lane's state, which the initialiser made. No other lane sees it. After a panic in the handler, the initialiser
    /// makes a new one.
    pub fn state(&mut self) -> &mut S {
        self.state
    }

    /// The worker's number in its pool, from 0.
    pub fn worker(&self) -> u32 {
        self.lane.worker
    }

    /// The number of the lane that runs the job, from 0.
    pub fn lane(&self) -> usize {
        self.lane.lane
    }

    /// The number of lanes of the worker.
    pub fn lanes(&self) -> usize {
        self.lane.lanes
    }

    /// The job's number among all jobs sent to this worker process, from 0.
    pub fn position(&self) -> u64 {
        self.position
    }
}

impl<S> fmt::Debug for Context<'_, S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Context")
            .field("lane", &self.lane)
            .field("position", &self.position)
            .field("phase", &self.phase)
            .finish_non_exhaustive()
    }
}
