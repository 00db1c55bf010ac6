//! A simulated worker process, its claim word, and what its driver knows of it.
//!
//! A machine follows the protocol as the real worker does: it claims a position before it starts a job, drops what
//! was sent under an earlier epoch, publishes each result, and wakes the parent at the end of each frame.

use std::collections::VecDeque;
use std::time::Duration;

use crate::scheduler::{Incarnation, JobId};

/// The state of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProcessState {
    /// There is none.
    Down,
    /// It starts at this time.
    Starting(Duration),
    /// It serves.
    Up,
    /// It has died, and that was not reported to the scheduler yet.
    Dead,
}

/// The word in shared memory.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Word {
    pub(super) epoch: u16,
    pub(super) claimed: u64,
}

/// A frame on its way or in work.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) epoch: u16,
    pub(super) first: u64,
    pub(super) jobs: Vec<JobId>,
    pub(super) cursor: usize,
}

/// A job in a lane.
#[derive(Debug, Clone, Copy)]
pub(super) struct Running {
    pub(super) position: u64,
    pub(super) job: JobId,
}

/// What a wake-up shows, as it was when it was sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wake {
    pub(super) received: u64,
    pub(super) done: u64,
    pub(super) busy: Duration,
}

/// How far a revocation has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Revocation {
    None,
    Asked,
    /// The epoch is raised, and that was not reported to the scheduler yet.
    Raised(u64),
}

/// One slot's process.
#[derive(Debug)]
pub(super) struct Machine {
    pub(super) incarnation: Incarnation,
    pub(super) state: ProcessState,
    pub(super) word: Word,
    /// The frames that the driver has still to send.
    pub(super) outbox: VecDeque<Frame>,
    pub(super) channel: VecDeque<Frame>,
    pub(super) current: Option<Frame>,
    pub(super) lanes: Vec<Option<Running>>,
    pub(super) published: Vec<u64>,
    pub(super) wakes: Vec<Wake>,
    pub(super) received: u64,
    pub(super) done: u64,
    pub(super) busy: Duration,
    pub(super) revocation: Revocation,
    /// A job found late: its position and the claims when the epoch was raised.
    pub(super) overdue: Option<(u64, u64)>,
    pub(super) is_to_die: bool,
    pub(super) is_to_end: bool,
    /// It takes no more jobs, and does not end when asked to.
    pub(super) is_stuck: bool,
}

impl Machine {
    pub(super) fn new(lanes: u32) -> Self {
        Self::born(0, ProcessState::Down, lanes as usize)
    }

    pub(super) fn begin(&mut self, incarnation: Incarnation, at: Duration) {
        *self = Self::born(incarnation, ProcessState::Starting(at), self.lanes.len());
    }

    fn born(incarnation: Incarnation, state: ProcessState, lanes: usize) -> Self {
        Self {
            incarnation,
            state,
            word: Word::default(),
            outbox: VecDeque::new(),
            channel: VecDeque::new(),
            current: None,
            lanes: vec![None; lanes],
            published: Vec::new(),
            wakes: Vec::new(),
            received: 0,
            done: 0,
            busy: Duration::ZERO,
            revocation: Revocation::None,
            overdue: None,
            is_to_die: false,
            is_to_end: false,
            is_stuck: false,
        }
    }

    /// Sends what is in the outbox.
    pub(super) fn flush(&mut self) {
        self.channel.append(&mut self.outbox);
    }

    /// Raises the epoch and returns the claims.
    pub(super) fn revoke(&mut self) -> u64 {
        self.word.epoch += 1;
        self.word.claimed
    }

    /// Claims the next job for a lane that is free, if there is one, and starts it.
    pub(super) fn claim(&mut self, lane: usize, checks_epoch: bool) -> Option<JobId> {
        assert!(self.lanes[lane].is_none(), "a lane runs one job");
        if self.is_stuck {
            return None;
        }
        loop {
            let Some(frame) = &mut self.current else {
                self.current = Some(self.channel.pop_front()?);
                continue;
            };
            let is_stale = checks_epoch && frame.epoch != self.word.epoch;
            if is_stale || frame.cursor == frame.jobs.len() {
                self.current = None;
                self.received += 1;
                self.wake();
                continue;
            }
            let (position, job) = (frame.first + frame.cursor as u64, frame.jobs[frame.cursor]);
            assert_eq!(position, self.word.claimed, "positions are claimed without a gap");
            frame.cursor += 1;
            self.word.claimed += 1;
            self.lanes[lane] = Some(Running { position, job });
            return Some(job);
        }
    }

    /// Ends the job in a lane and publishes its result.
    pub(super) fn finish(&mut self, lane: usize, took: Duration) {
        let running = self.lanes[lane].take().expect("the lane runs a job");
        self.published.push(running.position);
        self.done += 1;
        self.busy += took;
        if self
            .current
            .as_ref()
            .is_none_or(|frame| frame.cursor == frame.jobs.len())
        {
            self.wake();
        }
    }

    /// Whether it has frames that it has not finished.
    pub(super) fn has_unfinished_frames(&self) -> bool {
        self.current.is_some() || !self.channel.is_empty()
    }

    pub(super) fn wake(&mut self) {
        self.wakes.push(Wake {
            received: self.received,
            done: self.done,
            busy: self.busy,
        });
    }

    /// Takes the published positions as runs.
    pub(super) fn harvest(&mut self) -> Vec<(u64, u32)> {
        let mut positions = std::mem::take(&mut self.published);
        positions.sort_unstable();
        let mut runs: Vec<(u64, u32)> = Vec::new();
        for position in positions {
            match runs.last_mut() {
                Some((first, count)) if *first + u64::from(*count) == position => *count += 1,
                _ => runs.push((position, 1)),
            }
        }
        runs
    }

    pub(super) fn running(&self) -> impl Iterator<Item = Running> {
        self.lanes.iter().flatten().copied()
    }
}
