//! The scheduler: a plain state machine between the pool's callers and its workers.
//!
//! # The states of a worker slot
//! ```text
//!                Vacant                Failed
//!                  │ a                   │ b
//!                  └─────────┬───────────┘
//!                            ▼           d
//!     ┌─────────────────  Starting  ──────────▶  Starting, Failed or Gone
//!     │ c                    │ Ready
//!     │                      ▼
//!     ├──────────────────  Ready  ───────┬────────────┐
//!     │ c                    │ e         │ g          │ h
//!     │                      ▼           │            │
//!     ├────────────────  Retiring  ──────┤            │
//!     │ f                    │ h         │ g          │
//!     │                      │           ▼            │
//!     │                      │      KillPending       │
//!     │           h          ▼           │ h, i       │
//!     ▼                 ┌────┴───────────┴────────────┘
//!  Closing  ──────────▶ │
//!     │                 ▼      j (from each state with a process)
//!     │               Killed ◀────────────
//!     └────────┬────────┘
//!              │ Died (also from Ready, Retiring and KillPending)
//!              ▼
//!     Starting, Vacant or Gone
//! ```
//! Each transition by its event, and the action that it results in:
//!
//! ```text
//! Ready    Ready                                               FirstReady, if it is the pool's first
//! a        Finished or Grown: another worker is due            Start, as the successor of that worker
//! b        Ready of the pool's first worker                    Start, after a delay
//! c        any event after which no worker is needed           Close (and Failed becomes Gone)
//! d        StartFailed or Died                                 Start, after a delay; after too many, Broken
//! e        Ready of its successor                              Revoke, if it has jobs
//! f        Finished: its last job                              Close
//! g        Overdue, or Revoked while a cancelled job runs      none yet
//!          MemoryExceeded while it has jobs                    Revoke
//! h        Unresponsive, or MemoryExceeded without jobs        Kill
//! i        Finished: the last job of the other lanes           Kill
//!          Revoked, if it uses too much memory                 Kill
//! j        Kill, or Revoked in a pool that halts now           Kill
//! Died     Died                                                Start: at once, or after a delay if it did no job
//! ```
//! A pool begins with all its slots in Starting, and one Vacant slot for each replacement that may be under way.
//!
//! # How it works
//! Everything that happens is an [`Event`], everything to be done is an [`Action`], and [`Scheduler::handle`] is the
//! only way from one to the other. There is no lock, clock, thread, process or socket here. The driver owns those. It
//! serialises the events with one lock, passes the time along, and performs the actions in order. Its threads observe
//! (a result in a ring, a process that has ended, a job that is late, memory above the limit) and report; what
//! follows is decided here. The one exception is a worker that breaks the protocol: the thread that notices it kills
//! it, and its death is reported like any other. So all decisions can be tested without processes; the `simulation`
//! runs whole pools at random.
//!
//! A submitted job joins the queue. At the end of each event, `dispatch` sends from the front of the queue to the
//! least busy worker that may take more. The number of jobs in a frame comes from the `pace`, and the most frames
//! under way from the credit in the `roster`. The table of jobs `in_flight` knows which position of which worker
//! holds which job, until a result, a failure or a revocation takes the job out again. A revocation raises the
//! worker's epoch. Positions above its claim word then never start, and their jobs go back to the front of the queue.
//! Positions below it may have started. So a death costs exactly the jobs that were started and not finished.
//!
//! The parts (queue, roster, budget, in-flight table, pace) never import each other; this module joins them. Between
//! two events:
//! - each accepted job is in the queue, in flight at one worker, or resolved, and never in two of these;
//! - each worker that could take the first job of the queue has taken it;
//! - a job in flight is known by a position of the worker's current incarnation.
//!
//! # Why there is no deadlock
//! - `handle` never waits, and no action blocks. The frames under way are bounded in number and size, so that a send
//!   always finds room in the socket.
//! - Each action that expects an answer gets one, because the end of the process answers everything. `Start` has a
//!   deadline and ends in `Ready` or `StartFailed`. `Revoke` is performed by the parent alone, on shared memory. A
//!   worker that runs nothing of what it was sent, or does not end after `Close`, becomes `Unresponsive` and is
//!   killed; one that runs a job has until the job's deadline, if there is one. `Kill` is answered by the kernel.
//! - A worker may wait for its parent (for room in its ring or area), but the parent never waits for a worker: a
//!   slot's thread always comes back to take results, and it holds no lock while callers' code runs.
//! - A submitter waits only for room. Each one that was turned away is promised a `Room`, which comes at the latest
//!   when the pool stops accepting jobs.
//!
//! # How a death reaches the worker's thread
//! A slot's thread waits in one place: for the next wake-up from its worker's link. A closing link would be no
//! reliable sign of a death, because the worker's own children may hold its end open. So the parent keeps a sender to
//! its own receiver. The watch thread sees the pidfd become readable, reaps the process, and sends `Wake::Ended`
//! through that sender (`WorkerProcess::reap` in `driver/worker/process.rs`). This is a message from the parent to
//! itself. It arrives after all wake-ups that the worker has sent, and wakes the thread as any other does. The thread
//! (`receive_until_death` in `driver/intake.rs`) takes the last results, reports them, and then reports
//! [`Event::Died`], so that a published result is never lost with its worker.

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

/// What the pool as a whole is doing.
#[derive(Debug)]
enum Phase<C> {
    /// It accepts jobs.
    Open,
    /// It accepts no more jobs and finishes those that it has.
    Closing,
    /// It accepts no more jobs, and cancels those that are not at a worker.
    Stopping,
    /// It has given up. Running jobs may finish.
    Broken(C),
    /// Too many jobs have failed. Running jobs may finish, or are ended, as the policy says.
    Halted(Halted),
    /// It was killed.
    Killed,
}

/// Why a pool accepts no more jobs.
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
    /// One worker's share of half a full queue, in jobs.
    share_of_full_queue: usize,
    is_busy: bool,
    has_ended: bool,
    /// Whether some worker may be due for replacement and have no successor yet.
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

    /// Starts all workers. To be called once, before the first event.
    pub(crate) fn start(&mut self, now: Duration, actions: &mut Vec<Action<J>>) {
        for worker in 0..self.config.workers {
            self.start_worker(worker, Duration::ZERO, now, actions);
        }
    }

    /// Handles one event and adds the resulting actions. `now` is the time since any fixed moment.
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
            Event::Stop => self.stop(),
            Event::Broken { cause } => self.break_at_once(cause, actions),
            Event::Kill => self.kill(actions),
        }
        self.halt_if_due(actions);
        self.recycle(now, actions);
        self.dispatch(actions);
        self.wind_down(actions);
        self.announce(actions);
    }

    /// The id of the next submitted job.
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
            Phase::Closing | Phase::Stopping | Phase::Killed => Some(Closing::Ordered),
            Phase::Broken(cause) => Some(Closing::Broken(cause)),
            Phase::Halted(by) => Some(Closing::Halted(*by)),
        }
    }

    /// Whether this many jobs of this size together may be submitted now. If not, a `Room` will follow.
    ///
    /// Jobs larger than the whole bound are accepted by an empty queue: they could never be submitted otherwise.
    pub(crate) fn has_room(&mut self, jobs: u32, bytes: usize) -> bool {
        let fits = self.queue.bytes().saturating_add(bytes) <= self.config.queue_bytes
            && self.queue.jobs() + jobs as usize <= self.config.queue_jobs;
        let has_room = fits || self.queue.is_empty();
        if !has_room {
            self.turned_away = self.turned_away.max(Some(bytes));
        }
        has_room
    }

    /// The job at a position of this incarnation, if it is in flight there.
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

    /// Whether there are at most as many jobs as workers.
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

    /// The hot path of submitters. After an earlier event, no worker can take more of what was queued then, so
    /// another job matters only if it is the first, or fills a batch.
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

    /// Adds the actions for what this event has changed for the pool as a whole.
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

    /// Somewhat below the bound, so that submitters do not wake up for each single job.
    fn has_room_again(&self, bytes: usize) -> bool {
        let is_lower = self.queue.jobs() <= self.config.queue_jobs / 4 * 3
            && self.queue.bytes() <= self.config.queue_bytes / 4 * 3;
        let fits = self.queue.bytes().saturating_add(bytes) <= self.config.queue_bytes;
        self.queue.is_empty() || !self.is_open() || (is_lower && fits)
    }

    /// Resolves a span without a result.
    fn fail(&mut self, span: Span<J>, reason: FailReason<J::Cause>, actions: &mut Vec<Action<J>>) {
        self.counters.failed(span.len(), &reason);
        actions.push(Action::Fail { span, reason });
    }
}
