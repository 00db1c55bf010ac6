//! The world around one scheduler: processes, their driver, submitters, and time.
//!
//! Time is a number that the world moves. What happens next is drawn from the seed, so every history can be repeated.

mod calm;
mod driver;
mod watch;

use std::rc::Rc;
use std::time::Duration;

use super::checker::{Check, Checker, Coverage, ensure};
use super::fault::{Fault, Subject};
use super::machine::{Machine, ProcessState};
use super::plan::Plan;
use crate::scheduler::test_jobs::{Owner, TestItem, TestJobs};
use crate::scheduler::{Action, Counters, Event, JobId};

/// The most jobs in one history, to keep each short.
const MAX_JOBS: u64 = 1_000;

/// What a job does when it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Nature {
    Ends,
    /// It kills its worker.
    Kills,
    /// It never ends by itself.
    Hangs,
}

/// One history in the making.
#[derive(Debug)]
pub(super) struct World {
    random: fastrand::Rng,
    plan: Plan,
    now: Duration,
    subject: Subject,
    fault: Option<Fault>,
    checker: Checker,
    machines: Vec<Machine>,
    owners: Vec<Rc<Owner>>,
    /// For each job its owner and nature.
    jobs: Vec<(usize, Nature)>,
    /// Whether a submitter was turned away and waits for `Room`.
    is_waiting: bool,
    deaths: u64,
    actions: Vec<Action<TestJobs>>,
}

/// Runs the history of a seed to its end.
pub(super) fn run(seed: u64, fault: Option<Fault>) -> Result<(Counters, Coverage), String> {
    let mut world = World::new(seed, fault);
    world.begin()?;
    for _ in 0..world.plan.steps {
        world.step()?;
    }
    world.calm_down()?;
    Ok((*world.subject.scheduler.counters(), world.checker.coverage()))
}

impl World {
    fn new(seed: u64, fault: Option<Fault>) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let plan = Plan::random(&mut random);
        Self {
            now: Duration::from_secs(random.u64(..1_000)),
            subject: Subject::new(&plan.config, fault),
            fault,
            checker: Checker::new(&plan.config),
            machines: (0..plan.config.workers + plan.config.recycling.spares)
                .map(|_| Machine::new(plan.config.lanes))
                .collect(),
            owners: (0..plan.owners).map(|_| Rc::default()).collect(),
            jobs: Vec::new(),
            is_waiting: false,
            deaths: 0,
            actions: Vec::new(),
            random,
            plan,
        }
    }

    fn begin(&mut self) -> Check {
        self.subject.scheduler.start(self.now, &mut self.actions);
        self.perform_all()
    }

    /// Lets one thing happen.
    fn step(&mut self) -> Check {
        self.now += Duration::from_nanos(self.random.u64(..200_000));
        match self.random.u32(..100) {
            0..25 => self.submit_some()?,
            25..84 => {
                let worker = self.random.usize(..self.machines.len());
                // Most of what may be drawn is not possible at the moment, and nothing happens.
                for _ in 0..self.random.u32(1..=20) {
                    self.step_machine(worker)?;
                }
            }
            85..88 => self.now += Duration::from_millis(self.random.u64(..200)),
            88..92 if self.happens(self.plan.cancel) => self.cancel()?,
            92..94 if self.happens(self.plan.leave) => self.leave(),
            94..96 => self.purge()?,
            97 if self.happens(self.plan.kill) => {
                self.deaths += 1;
                let cause = self.deaths;
                self.handle(Event::Broken { cause })?;
            }
            96..98 => self.report_stale()?,
            84 if self.happens(self.plan.stop) => self.handle(Event::Stop)?,
            98 if self.happens(self.plan.close) => self.handle(Event::Close)?,
            99 if self.happens(self.plan.kill) => self.handle(Event::Kill)?,
            _ => {}
        }
        Ok(())
    }

    fn happens(&mut self, thousandths: u32) -> bool {
        self.random.u32(..1_000) < thousandths
    }

    fn submit_some(&mut self) -> Check {
        let owner = self.random.usize(..self.owners.len());
        for _ in 0..self.random.u32(1..=self.plan.largest_burst) {
            let bytes = self.random.usize(1..=self.plan.largest_bytes);
            let is_full = self.checker.submitted() == MAX_JOBS || self.owners[owner].has_left.get();
            if is_full || !self.subject.scheduler.is_open() {
                return Ok(());
            }
            if !self.subject.scheduler.has_room(1, bytes) {
                self.is_waiting = true;
                return Ok(());
            }
            self.submit_one(owner, bytes)?;
        }
        Ok(())
    }

    fn submit_one(&mut self, owner: usize, bytes: usize) -> Check {
        let nature = match () {
            () if self.happens(self.plan.poison) => Nature::Kills,
            () if self.happens(self.plan.hang) => Nature::Hangs,
            () => Nature::Ends,
        };
        self.jobs.push((owner, nature));
        let is_large = self.happens(self.plan.solitary);
        let serial = self.subject.scheduler.next_job();
        self.handle(Event::Submit(TestItem {
            serial,
            bytes,
            is_large,
            owner: Rc::clone(&self.owners[owner]),
        }))
    }

    fn cancel(&mut self) -> Check {
        // One beyond the last is an unknown job.
        let job = self.random.u64(..=self.checker.submitted());
        self.handle(Event::Cancel { job })
    }

    fn leave(&mut self) {
        let owner = self.random.usize(..self.owners.len());
        self.owners[owner].has_left.set(true);
    }

    fn purge(&mut self) -> Check {
        let (jobs, owners) = (&self.jobs, &self.owners);
        self.checker
            .purge(|job| owners[jobs[index(job)].0].has_left.get());
        self.handle(Event::PurgeAbandoned)
    }

    fn nature(&self, job: JobId) -> Nature {
        self.jobs[index(job)].1
    }

    /// Passes an event to the scheduler, performs its actions, and checks both.
    fn handle(&mut self, event: Event<TestJobs>) -> Check {
        self.checker.expect(&event, self.now);
        self.subject.handle(event, self.now, &mut self.actions);
        self.perform_all()?;
        ensure!(
            !self.is_waiting || self.checker.is_open(),
            "a submitter waits for a pool that takes no more"
        );
        self.checker.settle(&self.subject.scheduler)
    }

    fn perform_all(&mut self) -> Check {
        let mut actions = std::mem::take(&mut self.actions);
        for action in actions.drain(..) {
            self.checker.take(&action, self.now)?;
            self.perform(action);
        }
        self.actions = actions;
        Ok(())
    }

    /// Whether this slot's process is running.
    fn is_up(&self, worker: usize) -> bool {
        self.machines[worker].state == ProcessState::Up
    }
}

fn index(job: JobId) -> usize {
    usize::try_from(job).expect("few jobs")
}
