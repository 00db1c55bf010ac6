//! One worker's process and its slot's thread in the driver, one small step at a time.
//!
//! Each step is separate, so that anything may happen between a claim and its result, a result and its harvest, a
//! revocation and its report, or a death and its report.

use std::time::Duration;

use super::super::checker::{Check, ensure};
use super::super::fault::Fault;
use super::super::machine::{Frame, ProcessState, Revocation};
use super::{Nature, World};
use crate::scheduler::test_jobs::TestJobs;
use crate::scheduler::{Action, Event, JobId, Outlook, WorkerId};

impl World {
    /// Performs an action, or notes it to be done later.
    pub(super) fn perform(&mut self, action: Action<TestJobs>) {
        match action {
            Action::Start {
                worker,
                incarnation,
                after,
                ..
            } => self.machines[worker].begin(incarnation, self.now + after),
            Action::Enqueue {
                worker,
                epoch,
                first,
                frame,
                ..
            } => {
                self.machines[worker].outbox.push_back(Frame {
                    epoch,
                    first,
                    jobs: frame,
                    cursor: 0,
                });
                if self.fault != Some(Fault::DriverForgetsFlush) {
                    self.machines[worker].flush();
                }
            }
            Action::Revoke { worker, .. } => self.machines[worker].revocation = Revocation::Asked,
            Action::Kill { worker, .. } => self.machines[worker].is_to_die = true,
            Action::Close { worker, .. } => self.machines[worker].is_to_end = true,
            Action::Room => self.is_waiting = false,
            _ => {}
        }
    }

    /// Lets one thing happen at this worker.
    pub(super) fn step_machine(&mut self, worker: WorkerId) -> Check {
        let lane = self.random.usize(..self.machines[worker].lanes.len());
        match self.random.u32(..30) {
            0..4 => self.start(worker)?,
            4..8 => self.finish(worker, lane),
            8 => self.harvest(worker)?,
            9..12 => self.wake(worker)?,
            12 => self.stall(worker)?,
            13 => self.notice_late(worker, lane),
            14 => self.report_late(worker)?,
            15 => self.revoke(worker)?,
            16 => self.obey(worker)?,
            17 => self.report_death(worker)?,
            18 if self.happens(self.plan.death) => self.die(worker),
            19 if self.random.bool() => self.fall_silent(worker)?,
            20 if self.happens(50) => self.grow(worker)?,
            21 if self.happens(self.plan.stuck) => self.get_stuck(worker),
            22 => self.notice_unresponsive(worker)?,
            23 if self.happens(self.plan.memory) => self.exceed_memory(worker)?,
            _ => self.claim(worker, lane)?,
        }
        Ok(())
    }

    pub(super) fn start(&mut self, worker: WorkerId) -> Check {
        let machine = &mut self.machines[worker];
        let ProcessState::Starting(at) = machine.state else {
            return Ok(());
        };
        let incarnation = machine.incarnation;
        if at > self.now {
            return Ok(());
        }
        if !self.happens(self.plan.failed_start) {
            self.machines[worker].state = ProcessState::Up;
            return self.handle(Event::Ready { worker, incarnation });
        }
        self.machines[worker].state = ProcessState::Down;
        let cause = self.next_cause();
        if self.random.bool() {
            return self.handle(Event::Died {
                worker,
                incarnation,
                claimed: 0,
                cause,
            });
        }
        let outlook = match self.random.u32(..10) {
            0 if !self.plan.is_doomed => Outlook::Shortage,
            _ if self.happens(self.plan.permanent) => Outlook::Hopeless,
            _ => Outlook::Open,
        };
        self.handle(Event::StartFailed {
            worker,
            incarnation,
            cause,
            outlook,
        })
    }

    pub(super) fn claim(&mut self, worker: WorkerId, lane: usize) -> Check {
        let is_free = self.machines[worker].lanes[lane].is_none();
        if !self.is_up(worker) || !is_free {
            return Ok(());
        }
        let checks_epoch = self.fault != Some(Fault::WorkerIgnoresEpoch);
        let Some(job) = self.machines[worker].claim(lane, checks_epoch) else {
            return Ok(());
        };
        let position = self.machines[worker].word.claimed - 1;
        self.checker.started(worker, position, job)
    }

    pub(super) fn finish(&mut self, worker: WorkerId, lane: usize) {
        let running = self.machines[worker].lanes[lane].filter(|_| self.is_up(worker));
        match running.map(|running| self.nature(running.job)) {
            None | Some(Nature::Hangs) => {}
            Some(Nature::Kills) => self.die(worker),
            Some(Nature::Ends) => {
                let longest = u64::try_from(self.plan.longest_job.as_nanos()).expect("jobs are short");
                let took = Duration::from_nanos(self.random.u64(..longest));
                self.machines[worker].finish(lane, took);
            }
        }
    }

    pub(super) fn harvest(&mut self, worker: WorkerId) -> Check {
        let incarnation = self.machines[worker].incarnation;
        for (first, count) in self.machines[worker].harvest() {
            let failed = (0..count).filter(|_| self.happens(self.plan.failing)).count() as u32;
            self.handle(Event::Finished {
                worker,
                incarnation,
                first,
                count,
                failed,
            })?;
        }
        Ok(())
    }

    /// A wake-up arrives, perhaps after a later one. It shows what was true when it was sent; the harvest may come
    /// before or after it.
    pub(super) fn wake(&mut self, worker: WorkerId) -> Check {
        let wakes = &mut self.machines[worker].wakes;
        if wakes.is_empty() {
            return Ok(());
        }
        let wake = wakes.swap_remove(self.random.usize(..wakes.len()));
        if self.random.u32(..4) > 0 {
            self.harvest(worker)?;
        }
        let incarnation = self.machines[worker].incarnation;
        let progress = Event::Progress {
            worker,
            incarnation,
            received: wake.received,
            done: wake.done,
            busy: wake.busy,
        };
        self.handle(progress)
    }

    /// One of the two steps of a revocation.
    pub(super) fn revoke(&mut self, worker: WorkerId) -> Check {
        match self.machines[worker].revocation {
            Revocation::None => Ok(()),
            Revocation::Asked => {
                let claimed = self.machines[worker].revoke();
                self.machines[worker].revocation = Revocation::Raised(claimed);
                Ok(())
            }
            Revocation::Raised(claimed) => {
                self.machines[worker].revocation = Revocation::None;
                self.harvest(worker)?;
                let incarnation = self.machines[worker].incarnation;
                self.handle(Event::Revoked {
                    worker,
                    incarnation,
                    claimed,
                })
            }
        }
    }

    /// The process is killed, or ends as it was asked to.
    pub(super) fn obey(&mut self, worker: WorkerId) -> Check {
        let machine = &self.machines[worker];
        if !machine.is_to_die && (!machine.is_to_end || machine.is_stuck) {
            return Ok(());
        }
        if let ProcessState::Starting(_) = machine.state {
            let incarnation = machine.incarnation;
            self.machines[worker].state = ProcessState::Down;
            let cause = self.next_cause();
            return self.handle(Event::StartFailed {
                worker,
                incarnation,
                cause,
                outlook: Outlook::Open,
            });
        }
        self.die(worker);
        Ok(())
    }

    pub(super) fn die(&mut self, worker: WorkerId) {
        if self.is_up(worker) {
            self.machines[worker].state = ProcessState::Dead;
        }
    }

    /// The driver notices the end of the process, takes its published results, and reports the death.
    pub(super) fn report_death(&mut self, worker: WorkerId) -> Check {
        if self.machines[worker].state != ProcessState::Dead {
            return Ok(());
        }
        if self.fault != Some(Fault::DriverForgetsDrain) {
            self.harvest(worker)?;
        }
        self.check_suspects(worker)?;
        let machine = &mut self.machines[worker];
        machine.state = ProcessState::Down;
        let (incarnation, claimed) = (machine.incarnation, machine.word.claimed);
        // Some workers claim what they were never sent.
        let excess = if self.random.u32(..10) == 0 && claimed == self.checker.sent_to(worker) {
            100
        } else {
            0
        };
        let cause = self.next_cause();
        self.handle(Event::Died {
            worker,
            incarnation,
            claimed: claimed + excess,
            cause,
        })
    }

    /// Checks that a death costs only running jobs.
    fn check_suspects(&self, worker: WorkerId) -> Check {
        let machine = &self.machines[worker];
        let mut suspects = self.checker.suspects(worker, machine.word.claimed);
        let is_running = |job: JobId| machine.running().any(|running| running.job == job);
        ensure!(
            suspects.all(is_running),
            "the death of worker {worker} costs a job that was not running"
        );
        Ok(())
    }

    pub(super) fn next_cause(&mut self) -> u64 {
        self.deaths += 1;
        self.deaths
    }
}
