//! What a handler and an initialiser learn of where they run.
//!
//! Owns no resource: both types are views that the lane makes.

use std::{fmt, sync::Arc};

use protocol::CodecError;
use serde::de::DeserializeOwned;

/// One lane of one worker: a thread that runs one job at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LaneInfo {
    pub(crate) worker: u32,
    pub(crate) lane: usize,
    pub(crate) lanes: usize,
}

/// What an initialiser is told: for which lane it makes the state, and the pool's argument.
#[derive(Debug, Clone)]
pub struct Setup {
    place: LaneInfo,
    argument: Arc<[u8]>,
}

impl Setup {
    pub(crate) fn new(place: LaneInfo, argument: Arc<[u8]>) -> Self {
        Self { place, argument }
    }

    pub(crate) fn place(&self) -> LaneInfo {
        self.place
    }

    /// The worker's number in its pool, from 0. A worker that replaces another takes over its number.
    pub fn worker(&self) -> u32 {
        self.place.worker
    }

    /// The lane for which the state is made, from 0.
    pub fn lane(&self) -> usize {
        self.place.lane
    }

    /// How many lanes the worker has: the initialiser runs once for each, in that lane's own thread.
    pub fn lanes(&self) -> usize {
        self.place.lanes
    }

    /// Whether the pool was given an argument for its workers' initialiser that takes any bytes.
    pub fn has_argument(&self) -> bool {
        !self.argument.is_empty()
    }

    /// The argument that the pool was given for its workers' initialiser.
    ///
    /// # Errors
    /// When it is of another type, or the pool was given none.
    pub fn argument<A: DeserializeOwned>(&self) -> Result<A, CodecError> {
        protocol::decode_argument(&self.argument).map_err(|error| match &*self.argument {
            [] => CodecError::new(format_args!("the pool gave its workers no argument: {error}")),
            _ => error,
        })
    }
}

/// How far a job has come: decides what a panic is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JobPhase {
    Decoding,
    Running,
    Encoding,
}

/// What a handler is told beside its job, and the state of its lane.
pub struct Context<'a, S> {
    state: &'a mut S,
    place: LaneInfo,
    position: u64,
    phase: JobPhase,
}

impl<'a, S> Context<'a, S> {
    pub(crate) fn new(state: &'a mut S, place: LaneInfo) -> Self {
        Self {
            state,
            place,
            position: 0,
            phase: JobPhase::Decoding,
        }
    }

    /// Turns to the next job.
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

    /// The lane's state, which the initialiser made. No other lane sees it; after a panic of a handler it is made
    /// anew.
    pub fn state(&mut self) -> &mut S {
        self.state
    }

    /// The worker's number in its pool, from 0.
    pub fn worker(&self) -> u32 {
        self.place.worker
    }

    /// The lane that runs the job, from 0.
    pub fn lane(&self) -> usize {
        self.place.lane
    }

    /// How many lanes the worker has.
    pub fn lanes(&self) -> usize {
        self.place.lanes
    }

    /// The job's number among all that were sent to this worker process, from 0.
    pub fn position(&self) -> u64 {
        self.position
    }
}

impl<S> fmt::Debug for Context<'_, S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Context")
            .field("place", &self.place)
            .field("position", &self.position)
            .field("phase", &self.phase)
            .finish_non_exhaustive()
    }
}
