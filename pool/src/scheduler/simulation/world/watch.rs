//! What the driver's watch thread finds at one worker: slow and late jobs, silent workers, and workers to replace or
//! kill.

use std::time::Duration;

use super::super::checker::Check;
use super::super::machine::ProcessState;
use super::{Nature, World};
use crate::scheduler::{Event, Outlook, WorkerId};

/// The time after which a worker is reported as unresponsive.
const UNRESPONSIVE: Duration = Duration::from_secs(5);

/// The memory limit of a worker, in bytes.
const MEMORY_LIMIT: u64 = 1_000;

impl World {
    pub(super) fn stall(&mut self, worker: WorkerId) -> Check {
        let machine = &self.machines[worker];
        if machine.running().next().is_none() {
            return Ok(());
        }
        self.handle(Event::Stalled {
            worker,
            incarnation: machine.incarnation,
        })
    }

    /// The driver finds that nothing runs there although jobs were sent.
    pub(super) fn fall_silent(&mut self, worker: WorkerId) -> Check {
        let machine = &self.machines[worker];
        if !self.is_up(worker) || machine.running().next().is_some() || !machine.has_unfinished_frames() {
            return Ok(());
        }
        let incarnation = machine.incarnation;
        self.harvest(worker)?;
        self.handle(Event::Silent { worker, incarnation })
    }

    pub(super) fn grow(&mut self, worker: WorkerId) -> Check {
        if !self.is_up(worker) {
            return Ok(());
        }
        self.handle(Event::Grown {
            worker,
            incarnation: self.machines[worker].incarnation,
        })
    }

    /// The driver finds a job late and raises the epoch.
    pub(super) fn notice_late(&mut self, worker: WorkerId, lane: usize) {
        let Some(running) = self.machines[worker].lanes[lane] else {
            return;
        };
        if self.machines[worker].overdue.is_none() && self.nature(running.job) == Nature::Hangs {
            let claimed = self.machines[worker].revoke();
            self.machines[worker].overdue = Some((running.position, claimed));
        }
    }

    pub(super) fn report_late(&mut self, worker: WorkerId) -> Check {
        let Some((position, claimed)) = self.machines[worker].overdue.take() else {
            return Ok(());
        };
        self.harvest(worker)?;
        let incarnation = self.machines[worker].incarnation;
        self.handle(Event::Overdue {
            worker,
            incarnation,
            position,
            claimed,
        })
    }

    /// The process stops taking jobs, and does not end when asked to.
    pub(super) fn get_stuck(&mut self, worker: WorkerId) {
        let machine = &mut self.machines[worker];
        machine.is_stuck = machine.state == ProcessState::Up && machine.running().next().is_none();
    }

    /// The driver finds that a worker has not reacted for long. It is stuck, or, rarely, only slow.
    pub(super) fn notice_unresponsive(&mut self, worker: WorkerId) -> Check {
        if self.machines[worker].is_stuck || self.happens(20) {
            self.report_unresponsive(worker)?;
        }
        Ok(())
    }

    /// Reports a worker that does nothing although it was sent jobs or asked to end; returns whether it is one.
    pub(super) fn report_unresponsive(&mut self, worker: WorkerId) -> Result<bool, String> {
        let machine = &self.machines[worker];
        let is_silent = machine.running().next().is_none() && machine.has_unfinished_frames();
        if !self.is_up(worker) || !(is_silent || machine.is_to_end) {
            return Ok(false);
        }
        let incarnation = machine.incarnation;
        self.harvest(worker)?;
        self.handle(Event::Unresponsive {
            worker,
            incarnation,
            timeout: UNRESPONSIVE,
        })?;
        Ok(true)
    }

    /// The driver finds that a worker uses too much memory.
    pub(super) fn exceed_memory(&mut self, worker: WorkerId) -> Check {
        if !self.is_up(worker) {
            return Ok(());
        }
        let used = MEMORY_LIMIT + self.random.u64(1..100);
        self.handle(Event::MemoryExceeded {
            worker,
            incarnation: self.machines[worker].incarnation,
            used,
            limit: MEMORY_LIMIT,
        })
    }

    /// Reports something that is no longer true, or never was.
    pub(super) fn report_stale(&mut self) -> Check {
        let worker = self.random.usize(..self.machines.len());
        let sent = self.checker.sent_to(worker);
        let Some(incarnation) = self.machines[worker]
            .incarnation
            .checked_sub(self.random.u64(1..=2))
        else {
            let incarnation = self.machines[worker].incarnation;
            return self.handle(Event::Finished {
                worker,
                incarnation,
                first: sent,
                count: u32::MAX,
                failed: u32::MAX,
            });
        };
        let claimed = self.random.u64(..20);
        let cause = self.next_cause();
        let event = match self.random.u32(..14) {
            8 => Event::Silent { worker, incarnation },
            9 => Event::Grown { worker, incarnation },
            10 => Event::Unresponsive {
                worker,
                incarnation,
                timeout: UNRESPONSIVE,
            },
            11 => Event::MemoryExceeded {
                worker,
                incarnation,
                used: MEMORY_LIMIT + 1,
                limit: MEMORY_LIMIT,
            },
            0 => Event::Ready { worker, incarnation },
            1 => Event::Finished {
                worker,
                incarnation,
                first: 0,
                count: 1_000,
                failed: 1_000,
            },
            2 => Event::Progress {
                worker,
                incarnation,
                received: 5,
                done: 5,
                busy: Duration::MAX,
            },
            3 => Event::Stalled { worker, incarnation },
            4 => Event::Revoked {
                worker,
                incarnation,
                claimed,
            },
            5 => Event::Overdue {
                worker,
                incarnation,
                position: 0,
                claimed,
            },
            6 => Event::Died {
                worker,
                incarnation,
                claimed,
                cause,
            },
            _ => Event::StartFailed {
                worker,
                incarnation,
                cause,
                outlook: Outlook::Hopeless,
            },
        };
        self.handle(event)
    }
}
