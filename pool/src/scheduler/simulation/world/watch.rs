//! What the driver's watch finds at one worker: slow and late jobs, workers that take none, grow, or do not react.

use std::time::Duration;

use super::super::ledger::Check;
use super::super::machine::ProcessState;
use super::{Nature, World};
use crate::scheduler::{Event, WorkerId};

/// After this time a worker is said not to react.
pub(super) const UNRESPONSIVE: Duration = Duration::from_secs(5);

/// What a worker may use, in bytes.
pub(super) const MEMORY_LIMIT: u64 = 1_000;

impl World {
    pub(super) fn stall(&mut self, worker: WorkerId) -> Check {
        let machine = &self.machines[worker];
        if machine.running().next().is_none() {
            return Ok(());
        }
        self.tell(Event::Stalled {
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
        self.tell(Event::Silent { worker, incarnation })
    }

    pub(super) fn grow(&mut self, worker: WorkerId) -> Check {
        if !self.is_up(worker) {
            return Ok(());
        }
        self.tell(Event::Grown {
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

    pub(super) fn tell_late(&mut self, worker: WorkerId) -> Check {
        let Some((position, claimed)) = self.machines[worker].overdue.take() else {
            return Ok(());
        };
        self.harvest(worker)?;
        let incarnation = self.machines[worker].incarnation;
        self.tell(Event::Overdue {
            worker,
            incarnation,
            position,
            claimed,
        })
    }

    /// The process takes no more jobs, and does not end when it is asked to.
    pub(super) fn get_stuck(&mut self, worker: WorkerId) {
        let machine = &mut self.machines[worker];
        machine.is_stuck = machine.state == ProcessState::Up && machine.running().next().is_none();
    }

    /// The driver finds that a worker has not reacted for long: one that is stuck, or rarely one that was only slow.
    pub(super) fn notice_unresponsive(&mut self, worker: WorkerId) -> Check {
        if self.machines[worker].is_stuck || self.happens(20) {
            self.report_unresponsive(worker)?;
        }
        Ok(())
    }

    /// Reports a worker that does nothing although it was sent jobs or asked to end; tells whether it is one.
    pub(super) fn report_unresponsive(&mut self, worker: WorkerId) -> Result<bool, String> {
        let machine = &self.machines[worker];
        let is_silent = machine.running().next().is_none() && machine.has_unfinished_frames();
        if !self.is_up(worker) || !(is_silent || machine.is_to_end) {
            return Ok(false);
        }
        let incarnation = machine.incarnation;
        self.harvest(worker)?;
        self.tell(Event::Unresponsive {
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
        self.tell(Event::MemoryExceeded {
            worker,
            incarnation: self.machines[worker].incarnation,
            used,
            limit: MEMORY_LIMIT,
        })
    }
}
