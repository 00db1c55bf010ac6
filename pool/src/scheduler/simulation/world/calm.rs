//! The end of a history: nothing new goes wrong, and everything must come to rest.

use super::super::checker::{Check, ensure};
use super::super::machine::{ProcessState, Revocation};
use super::{Nature, World};
use crate::scheduler::{Event, WorkerId};

/// After this many rounds, a world that still moves never stops.
const MAX_ROUNDS: u32 = 20_000;

impl World {
    /// Lets everything under way end, closes the pool, and checks that nothing is left.
    pub(super) fn calm_down(&mut self) -> Check {
        self.plan.failed_start = if self.plan.is_doomed { 1_000 } else { 0 };
        self.rest()?;
        self.check_hung()?;
        while self.end_late()? {
            self.rest()?;
        }
        ensure!(
            self.checker.unresolved() == 0,
            "{} jobs are never resolved",
            self.checker.unresolved()
        );
        ensure!(!self.is_waiting, "a submitter waits without end");
        ensure!(
            !self.plan.is_doomed || !self.is_short_of_workers(),
            "a crash loop does not break the pool"
        );
        self.handle(Event::Close)?;
        self.rest()?;
        ensure!(self.checker.has_ended(), "the pool never ends");
        Ok(())
    }

    fn is_short_of_workers(&self) -> bool {
        let is_missing =
            (0..self.machines.len()).any(|worker| !self.is_up(worker) && !self.checker.is_vacant(worker));
        self.checker.is_open() && is_missing
    }

    /// Goes on until nothing moves but the jobs that never end.
    fn rest(&mut self) -> Check {
        for _ in 0..MAX_ROUNDS {
            let mut has_moved = false;
            for worker in 0..self.machines.len() {
                has_moved |= self.go_on(worker)?;
            }
            if !has_moved && !self.skip_delay() {
                return Ok(());
            }
        }
        Err("the world does not come to rest".to_owned())
    }

    /// Does everything possible at one worker now; returns whether there was anything.
    fn go_on(&mut self, worker: WorkerId) -> Result<bool, String> {
        let mut has_moved = self.is_due(worker);
        self.obey(worker)?;
        self.start(worker)?;
        for lane in 0..self.machines[worker].lanes.len() {
            let before = self.machines[worker].word.claimed;
            self.claim(worker, lane)?;
            self.finish(worker, lane);
            has_moved |= self.machines[worker].word.claimed > before;
        }
        has_moved |= self.wait_behind_hung(worker)?;
        if self.machines[worker].is_stuck {
            has_moved |= self.report_unresponsive(worker)?;
        }
        let machine = &self.machines[worker];
        has_moved |= machine.revocation != Revocation::None || machine.state == ProcessState::Dead;
        has_moved |= !machine.wakes.is_empty() || !machine.published.is_empty() || machine.overdue.is_some();
        self.revoke(worker)?;
        self.report_late(worker)?;
        self.harvest(worker)?;
        self.wake(worker)?;
        self.report_death(worker)?;
        Ok(has_moved)
    }

    fn is_due(&self, worker: WorkerId) -> bool {
        let machine = &self.machines[worker];
        let is_asked = machine.is_to_die || (machine.is_to_end && !machine.is_stuck);
        match machine.state {
            ProcessState::Starting(at) => at <= self.now || is_asked,
            ProcessState::Up => {
                is_asked
                    || machine
                        .running()
                        .any(|running| self.nature(running.job) != Nature::Hangs)
            }
            ProcessState::Dead => true,
            ProcessState::Down => false,
        }
    }

    /// Time passes for a lane that hangs, and the driver reports it while others wait behind it.
    fn wait_behind_hung(&mut self, worker: WorkerId) -> Result<bool, String> {
        let machine = &self.machines[worker];
        let is_stuck = self.is_up(worker) && machine.lanes.iter().all(Option::is_some);
        let others = self
            .checker
            .in_flight_at(worker)
            .saturating_sub(machine.lanes.len());
        if !is_stuck || others == 0 || machine.revocation != Revocation::None {
            return Ok(false);
        }
        self.stall(worker)?;
        Ok(true)
    }

    /// Moves on to the next delayed start, when nothing else is left to wait for.
    fn skip_delay(&mut self) -> bool {
        let starts = self.machines.iter().filter_map(|machine| match machine.state {
            ProcessState::Starting(at) => Some(at),
            _ => None,
        });
        let Some(next) = starts.min() else { return false };
        self.now = self.now.max(next);
        true
    }

    /// Checks that jobs that never end delay no other job, as long as one worker is free of them.
    fn check_hung(&self) -> Check {
        let is_free =
            |worker: WorkerId| self.is_up(worker) && self.machines[worker].running().next().is_none();
        if (0..self.machines.len()).any(is_free) {
            ensure!(
                self.checker.queued() == 0,
                "{} jobs wait for a hung worker",
                self.checker.queued()
            );
            let running: usize = self
                .machines
                .iter()
                .map(|machine| machine.running().count())
                .sum();
            let unresolved = self.checker.unresolved();
            ensure!(
                unresolved <= running,
                "{unresolved} jobs are left, and only {running} run"
            );
        }
        Ok(())
    }

    /// Lets the deadlines of all jobs that hang pass; returns whether there were any.
    fn end_late(&mut self) -> Result<bool, String> {
        let mut has_any = false;
        for worker in 0..self.machines.len() {
            for lane in 0..self.machines[worker].lanes.len() {
                if self.is_up(worker) {
                    self.notice_late(worker, lane);
                    has_any |= self.machines[worker].overdue.is_some();
                    self.report_late(worker)?;
                }
            }
        }
        Ok(has_any)
    }
}
