//! The checker: a second, plain account of what must happen. For each event it says exactly which jobs are resolved
//! and how.
//!
//! It knows the promises, and nothing of how the scheduler keeps them. It has one record per job in place of spans,
//! and checks everything after each event, however slow that is.

mod actions;
mod deaths;
mod events;
mod frames;
mod kills;
mod settle;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::policy::Halted;
use crate::scheduler::{Config, Incarnation, JobId, KillReason, WorkerId};

/// The result of a check: what is wrong.
pub(super) type Check = Result<(), String>;

/// Fails the history unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err(format!($($message)+));
        }
    };
}
pub(super) use ensure;

/// How a job must end with the current event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Resolution {
    Delivered(WorkerId, u64),
    WorkerDied,
    Deadline,
    Cancelled,
    Quarantined,
    Halted,
    Closed,
    Broken(u64),
}

/// What the checker knows of one job.
#[derive(Debug)]
struct Job {
    bytes: usize,
    is_solitary: bool,
    is_cancelled: bool,
    is_resolved: bool,
    starts: u8,
    deaths: Vec<u64>,
}

/// The state of a worker that the scheduler should know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SlotState {
    Unborn,
    Starting,
    Ready,
    Retiring,
    KillPending,
    Killed,
    Closing,
    Failed,
    Vacant,
    Over,
}

impl SlotState {
    /// The state after a kill was requested.
    fn with_kill_pending(self) -> Self {
        if self == Self::Killed {
            Self::Killed
        } else {
            Self::KillPending
        }
    }
}

/// How soon a worker must come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comeback {
    AtOnce,
    Later,
}

/// What the checker knows of one worker.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
struct Slot {
    state: SlotState,
    incarnation: Incarnation,
    epoch: u16,
    next: u64,
    flight: BTreeMap<u64, JobId>,
    sent: u64,
    received: u64,
    is_revoking: bool,
    is_held: bool,
    is_silent: bool,
    number: u32,
    done: u64,
    is_grown: bool,
    successor: Option<WorkerId>,
    succeeds: Option<WorkerId>,
    is_replaced: bool,
    failures_in_a_row: u32,
    starts_at: Duration,
    comeback: Comeback,
    /// Why it is to be killed once its unstarted jobs are taken back: it uses too much memory.
    over_limit: Option<KillReason>,
    killed_for: Option<KillReason>,
}

/// What the pool is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    Closing,
    Stopping,
    Broken,
    Halted,
    Killed,
}

/// What has happened in a history, to show that it does happen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Coverage {
    pub(super) largest_frame: u64,
    pub(super) buffered_frames: u64,
    pub(super) solitary_frames: u64,
    pub(super) heavy_frames: u64,
    pub(super) breakdowns: u64,
    pub(super) halts: u64,
    pub(super) recycled: u64,
    pub(super) silences: u64,
    pub(super) unresponsive: u64,
    pub(super) over_limit: u64,
}

/// What is still to be announced, each once.
#[derive(Debug)]
struct Due {
    ready: bool,
    drained: bool,
    ended: bool,
}

/// The account of one history.
#[derive(Debug)]
pub(super) struct Checker {
    config: Config,
    phase: Phase,
    jobs: Vec<Job>,
    queued: BTreeSet<JobId>,
    unresolved: usize,
    abandoned: u64,
    coverage: Coverage,
    slots: Vec<Slot>,
    failures: Vec<Duration>,
    was_ready: bool,
    failed: u64,
    ended: u64,
    /// What this event must bring.
    expected: BTreeMap<JobId, Resolution>,
    first_cause: Option<u64>,
    must_break: Option<u64>,
    /// Whether the driver has failed.
    is_broken_at_once: bool,
    broken_by: Option<u64>,
    must_halt: Option<Halted>,
    halted_by: Option<Halted>,
    must_revoke: BTreeSet<WorkerId>,
    must_kill: BTreeMap<WorkerId, KillReason>,
    due: Due,
}

impl Checker {
    pub(super) fn new(config: &Config) -> Self {
        let slot = |number: usize| Slot {
            state: if number < config.workers {
                SlotState::Unborn
            } else {
                SlotState::Vacant
            },
            number: u32::try_from(number).expect("few workers"),
            is_silent: false,
            done: 0,
            is_grown: false,
            successor: None,
            succeeds: None,
            is_replaced: false,
            incarnation: 0,
            epoch: 0,
            next: 0,
            flight: BTreeMap::new(),
            sent: 0,
            received: 0,
            is_revoking: false,
            is_held: false,
            failures_in_a_row: 0,
            starts_at: Duration::ZERO,
            comeback: Comeback::AtOnce,
            over_limit: None,
            killed_for: None,
        };
        Self {
            config: config.clone(),
            phase: Phase::Open,
            jobs: Vec::new(),
            queued: BTreeSet::new(),
            unresolved: 0,
            abandoned: 0,
            coverage: Coverage::default(),
            slots: (0..config.workers + config.recycling.spares).map(slot).collect(),
            failures: Vec::new(),
            was_ready: false,
            failed: 0,
            ended: 0,
            expected: BTreeMap::new(),
            first_cause: None,
            must_break: None,
            is_broken_at_once: false,
            broken_by: None,
            must_halt: None,
            halted_by: None,
            must_revoke: BTreeSet::new(),
            must_kill: BTreeMap::new(),
            due: Due {
                ready: false,
                drained: false,
                ended: true,
            },
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }

    pub(super) fn unresolved(&self) -> usize {
        self.unresolved
    }

    pub(super) fn queued(&self) -> usize {
        self.queued.len()
    }

    pub(super) fn in_flight_at(&self, worker: WorkerId) -> usize {
        self.slots[worker].flight.len()
    }

    pub(super) fn submitted(&self) -> u64 {
        self.jobs.len() as u64
    }

    pub(super) fn coverage(&self) -> Coverage {
        self.coverage
    }

    /// Whether this slot has to be vacant.
    pub(super) fn is_vacant(&self, worker: WorkerId) -> bool {
        self.slots[worker].state == SlotState::Vacant
    }

    pub(super) fn has_ended(&self) -> bool {
        !self.due.ended
    }

    pub(super) fn sent_to(&self, worker: WorkerId) -> u64 {
        self.slots[worker].next
    }

    /// Notes that a worker has claimed a job and starts it.
    pub(super) fn started(&mut self, worker: WorkerId, position: u64, job: JobId) -> Check {
        if self.phase == Phase::Killed || self.is_broken_at_once {
            return Ok(());
        }
        self.record_mut(job).starts += 1;
        let record = self.record(job);
        ensure!(!record.is_resolved, "job {job} is resolved and starts");
        ensure!(
            record.starts <= self.config.attempts,
            "job {job} starts too often"
        );
        let known = self.slots[worker].flight.get(&position);
        ensure!(
            known == Some(&job),
            "job {job} starts at worker {worker}, where it was not sent"
        );
        Ok(())
    }

    /// The jobs that this worker's death would cost if it has claimed this many.
    pub(super) fn suspects(&self, worker: WorkerId, claimed: u64) -> impl Iterator<Item = JobId> {
        self.slots[worker].flight.range(..claimed).map(|(_, &job)| job)
    }

    fn record(&self, job: JobId) -> &Job {
        &self.jobs[usize::try_from(job).expect("few jobs")]
    }

    fn record_mut(&mut self, job: JobId) -> &mut Job {
        &mut self.jobs[usize::try_from(job).expect("few jobs")]
    }

    /// Whether a worker that starts now may find a job.
    fn needs_workers(&self) -> bool {
        self.phase == Phase::Open || (self.phase == Phase::Closing && self.unresolved > 0)
    }

    fn resolve(&mut self, job: JobId) -> Check {
        let record = self.record_mut(job);
        ensure!(!record.is_resolved, "job {job} is resolved twice");
        record.is_resolved = true;
        self.unresolved -= 1;
        Ok(())
    }
}
