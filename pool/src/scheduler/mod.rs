//! The scheduler: a plain state machine between the pool's callers and its workers.
//!
//! All that happens is one [`Event`], all that is to be done is an [`Action`], and [`Scheduler::handle`] is the only
//! way from one to the other. There is no lock, clock, thread, process or socket here; the driver owns those, tells
//! the time, and performs the actions in their order. The parts (queue, roster, budget, in-flight table, pace) never
//! import each other; this module joins them.
//!
//! What always holds between two events:
//! - each accepted job is in the queue, in flight at one worker, or resolved, and never in two of these;
//! - no worker that could take the first job of the queue is left without it;
//! - a job in flight is known by a position of the worker's present life.

mod action;
mod back_off;
mod budget;
mod config;
mod counters;
mod dispatch;
mod event;
mod halting;
mod in_flight;
mod kill;
mod outcome;
mod pace;
mod queue;
mod recycle;
mod roster;
#[cfg(test)]
mod simulation;
mod span;
mod supervise;
#[cfg(test)]
mod test_jobs;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub(crate) use action::{Action, FailReason, KillReason};
pub(crate) use config::{Config, Recycling, RestartLimit};
pub(crate) use counters::Counters;
pub(crate) use event::{Event, Incarnation, Outlook, WorkerId};
pub(crate) use roster::WorkerState;
pub(crate) use span::{JobId, Span, SpanContents};

use crate::policy::Halted;
use budget::RestartBudget;
use in_flight::InFlight;
use pace::Pace;
use queue::Queue;
use roster::Roster;

/// What the pool as a whole is about.
#[derive(Debug)]
enum Phase<C> {
    /// It takes jobs.
    Open,
    /// It takes no more jobs and does those that it has.
    Closing,
    /// It has given up; what runs may finish.
    Broken(C),
    /// Too many jobs have failed; what runs may finish, or not.
    Halted(Halted),
    /// It was ended by force.
    Killed,
}

/// Why a pool takes no more jobs.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Closing<'a, C> {
    /// It was closed or killed.
    Ordered,
    Broken(&'a C),
    Halted(Halted),
}

/// What one worker is doing, for statistics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WorkerSnapshot {
    pub(crate) worker: WorkerId,
    pub(crate) incarnation: Incarnation,
    pub(crate) state: WorkerState,
    pub(crate) in_flight: usize,
    pub(crate) number: u32,
    pub(crate) generation: u64,
}

/// The state of one pool.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct Scheduler<J: SpanContents> {
    config: Config,
    queue: Queue<J>,
    in_flight: InFlight<J>,
    roster: Roster,
    budget: RestartBudget,
    pace: Pace,
    counters: Counters,
    phase: Phase<J::Cause>,
    next_job: JobId,
    /// The cause of the first failure, kept until a worker has been ready.
    first_cause: Option<J::Cause>,
    was_ready: bool,
    /// The largest size that was turned away since the last `Room`.
    turned_away: Option<usize>,
    /// The jobs of a full queue that are one worker's share of half of it.
    share_of_full_queue: usize,
    is_busy: bool,
    has_ended: bool,
    /// Whether a worker may be due that has no successor yet.
    has_due: bool,
}

impl<J: SpanContents> Scheduler<J> {
    pub(crate) fn new(config: Config) -> Self {
        let Config {
            workers,
            lanes,
            attempts,
            queue_jobs,
            ..
        } = config;
        assert!(
            workers > 0 && lanes > 0 && attempts > 0 && queue_jobs > 0,
            "nothing could ever run"
        );
        Self {
            queue: Queue::new(),
            in_flight: InFlight::new(config.workers + config.recycling.spares),
            roster: Roster::new(config.workers, config.recycling.spares, config.seed),
            budget: RestartBudget::new(config.restart_limit),
            pace: Pace::new(config.lanes),
            counters: Counters::default(),
            phase: Phase::Open,
            next_job: 0,
            first_cause: None,
            was_ready: false,
            turned_away: None,
            share_of_full_queue: config.queue_jobs.div_ceil(2 * config.workers),
            is_busy: false,
            has_ended: false,
            has_due: false,
            config,
        }
    }

    /// Starts all workers. Called once, before the first event.
    pub(crate) fn start(&mut self, now: Duration, actions: &mut Vec<Action<J>>) {
        for worker in 0..self.config.workers {
            self.start_worker(worker, Duration::ZERO, now, actions);
        }
    }

    /// Takes in one event and adds what is to be done. `now` is the time since any fixed moment.
    pub(crate) fn handle(&mut self, event: Event<J>, now: Duration, actions: &mut Vec<Action<J>>) {
        match event {
            Event::Submit(item) => return self.submit(item, actions),
            Event::Ready { worker, incarnation } => self.ready(worker, incarnation, now, actions),
            Event::Finished {
                worker,
                incarnation,
                first,
                count,
                failed,
            } => self.finished(
                worker,
                incarnation,
                first..first.saturating_add(count.into()),
                failed,
                actions,
            ),
            Event::Progress {
                worker,
                incarnation,
                received,
                done,
                busy,
            } => {
                self.progress(worker, incarnation, received, done, busy);
            }
            Event::Stalled { worker, incarnation } => self.stalled(worker, incarnation, actions),
            Event::Silent { worker, incarnation } => self.silent(worker, incarnation, actions),
            Event::Grown { worker, incarnation } => self.grown(worker, incarnation),
            Event::Unresponsive {
                worker,
                incarnation,
                timeout,
            } => self.unresponsive(worker, incarnation, timeout, actions),
            Event::MemoryExceeded {
                worker,
                incarnation,
                used,
                limit,
            } => self.memory_exceeded(worker, incarnation, (used, limit), actions),
            Event::Revoked {
                worker,
                incarnation,
                claimed,
            } => self.revoked(worker, incarnation, claimed, actions),
            Event::Overdue {
                worker,
                incarnation,
                position,
                claimed,
            } => {
                self.overdue(worker, incarnation, position, claimed, actions);
            }
            Event::Cancel { job } => self.cancel(job, actions),
            Event::Died {
                worker,
                incarnation,
                claimed,
                cause,
            } => self.died(worker, incarnation, claimed, cause, now, actions),
            Event::StartFailed {
                worker,
                incarnation,
                cause,
                outlook,
            } => {
                self.start_failed(worker, incarnation, cause, outlook, now, actions);
            }
            Event::PurgeAbandoned => self.counters.abandoned += self.queue.purge() as u64,
            Event::Close => self.close(),
            Event::Kill => self.kill(actions),
        }
        self.judge(actions);
        self.recycle(now, actions);
        self.dispatch(actions);
        self.wind_down(actions);
        self.announce(actions);
    }

    /// The id that the next submitted job gets.
    pub(crate) fn next_job(&self) -> JobId {
        self.next_job
    }

    /// Whether jobs are accepted.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Open)
    }

    /// Why no jobs are accepted, if none are.
    pub(crate) fn closing(&self) -> Option<Closing<'_, J::Cause>> {
        match &self.phase {
            Phase::Open => None,
            Phase::Closing | Phase::Killed => Some(Closing::Ordered),
            Phase::Broken(cause) => Some(Closing::Broken(cause)),
            Phase::Halted(by) => Some(Closing::Halted(*by)),
        }
    }

    /// Whether so many jobs of this size together may be submitted now. Those that are turned away are promised a later
    /// `Room`.
    ///
    /// What is more than the whole bound is let into an empty queue: it could never enter otherwise.
    pub(crate) fn has_room(&mut self, jobs: u32, bytes: usize) -> bool {
        let fits = self.queue.bytes().saturating_add(bytes) <= self.config.queue_bytes
            && self.queue.jobs() + jobs as usize <= self.config.queue_jobs;
        let has_room = fits || self.queue.is_empty();
        if !has_room {
            self.turned_away = self.turned_away.max(Some(bytes));
        }
        has_room
    }

    /// The job at a position of this life, as long as it is in flight there.
    pub(crate) fn job_at(&self, worker: WorkerId, incarnation: Incarnation, position: u64) -> Option<JobId> {
        let is_present = self.roster.get(worker).incarnation == incarnation;
        is_present
            .then(|| self.in_flight.job_at(worker, position))
            .flatten()
    }

    /// The jobs that wait to be sent.
    pub(crate) fn queued(&self) -> usize {
        self.queue.jobs()
    }

    /// The encoded bytes that wait to be sent.
    #[cfg(test)]
    pub(crate) fn queued_bytes(&self) -> usize {
        self.queue.bytes()
    }

    /// The jobs at workers.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.total()
    }

    /// Whether there are no more jobs than workers.
    pub(crate) fn is_uncontended(&self) -> bool {
        self.queue.is_empty() && self.in_flight.total() <= self.config.workers
    }

    /// Whether every accepted job is resolved.
    pub(crate) fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.in_flight.total() == 0
    }

    /// Whether no worker is left and none will come.
    #[cfg(test)]
    pub(crate) fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// All totals.
    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The measured time of a job, once there is one.
    pub(crate) fn job_time(&self) -> Option<Duration> {
        self.pace.job_time()
    }

    /// What each worker is doing.
    pub(crate) fn workers(&self) -> impl Iterator<Item = WorkerSnapshot> {
        self.roster.iter().map(|(worker, slot)| WorkerSnapshot {
            worker,
            incarnation: slot.incarnation,
            state: slot.state,
            in_flight: self.in_flight.jobs(worker),
            number: slot.number,
            generation: slot.generation,
        })
    }

    /// The hot path of submitters. An earlier event has left no worker that could take more of what was queued then,
    /// so that one more job makes a difference only where it is the first, or fills a batch.
    fn submit(&mut self, item: J::Item, actions: &mut Vec<Action<J>>) {
        assert!(self.is_open(), "submitters ask before they submit");
        let (was_empty, was_full) = (self.queue.is_empty(), self.has_full_batch());
        let jobs = u64::from(self.queue.push(self.next_job, item));
        self.next_job += jobs;
        self.counters.submitted += jobs;
        self.is_busy = true;
        if was_empty || (!was_full && self.has_full_batch()) {
            self.dispatch(actions);
            self.announce(actions);
        }
    }

    /// Says what has become true with this event.
    fn announce(&mut self, actions: &mut Vec<Action<J>>) {
        if self.turned_away.is_some_and(|bytes| self.has_room_again(bytes)) {
            self.turned_away = None;
            actions.push(Action::Room);
        }
        if self.is_busy && self.is_idle() {
            self.is_busy = false;
            actions.push(Action::Drained);
        }
        if !self.has_ended && !self.is_open() && self.roster.all_gone() {
            self.has_ended = true;
            actions.push(Action::Ended);
        }
    }

    /// Some way below the bound, so that submitters do not wake for each single job.
    fn has_room_again(&self, bytes: usize) -> bool {
        let is_lower = self.queue.jobs() <= self.config.queue_jobs / 4 * 3
            && self.queue.bytes() <= self.config.queue_bytes / 4 * 3;
        let fits = self.queue.bytes().saturating_add(bytes) <= self.config.queue_bytes;
        self.queue.is_empty() || !self.is_open() || (is_lower && fits)
    }

    /// Resolves a span without an answer.
    fn fail(&mut self, span: Span<J>, reason: FailReason<J::Cause>, actions: &mut Vec<Action<J>>) {
        self.counters.failed(span.len(), &reason);
        actions.push(Action::Fail { span, reason });
    }
}
