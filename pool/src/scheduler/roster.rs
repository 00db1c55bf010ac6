//! The roster: the state of each worker slot, and what the wake-ups have reported.
//!
//! The roster keeps each slot's incarnation, epoch, frame credit and number of failures in a row. It does not know
//! jobs, and decides nothing about the pool as a whole.

use std::{num::NonZeroU64, time::Duration};

use super::action::KillReason;
use super::back_off::BackOff;
use super::event::{Incarnation, WorkerId};

/// The most frames that are sent and not received: one in work and one behind it. More would only fill the socket.
pub(crate) const FRAME_CREDIT: u64 = 2;

/// The state of a worker slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WorkerState {
    /// It was asked to start, perhaps after a delay.
    Starting,
    /// It takes jobs.
    Ready,
    /// Its successor is ready. It gets no more jobs, and is asked to end once it has finished those that it has.
    Retiring,
    /// It gets no more jobs and is to be killed, once its other lanes have finished theirs, or once a revocation is
    /// answered.
    KillPending,
    /// A kill was requested, and it has not ended yet. Its published results still count.
    Killed,
    /// It was asked to end, and has not ended yet.
    Closing,
    /// Its first start failed, and the pool waits for another worker to become ready.
    Failed,
    /// There is no worker, and room for the successor of another.
    Vacant,
    /// It does not come back.
    Gone,
}

/// One worker slot.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct RosterSlot {
    pub(crate) state: WorkerState,
    pub(crate) incarnation: Incarnation,
    /// Counted in step with the epoch on the worker's board, so that frames sent before a revocation are recognised.
    pub(crate) epoch: u16,
    /// Whether a revocation was requested and not yet answered.
    pub(crate) revoking: bool,
    /// Whether one of its running jobs is slow, so that none is sent to wait behind it until one has finished.
    pub(crate) held: bool,
    /// Whether it takes none of the jobs that it was sent, so that it gets no more until it makes progress.
    pub(crate) silent: bool,
    /// Why it is killed, or is to be.
    pub(crate) kill_reason: KillReason,
    /// The number under which users know the worker. A successor has the number of the worker that it replaces.
    pub(crate) number: u32,
    /// How many workers have had this number, including this one.
    pub(crate) generation: u64,
    /// Whether it is to be replaced although it is healthy.
    pub(crate) due: bool,
    /// The slot in which its successor is being started.
    pub(crate) successor: Option<WorkerId>,
    /// The slot of the worker that it is to replace.
    pub(crate) succeeds: Option<WorkerId>,
    /// Whether a successor has taken its place.
    pub(crate) replaced: bool,
    /// The number of jobs after which it is due.
    limit: Option<u64>,
    jobs: u64,
    starts_at: Duration,
    frames_sent: u64,
    frames_received: u64,
    done: u64,
    busy: Duration,
    failures_in_a_row: u32,
}

/// What a wake-up has reported beyond the one before.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Advance {
    pub(crate) done: u64,
    pub(crate) busy: Duration,
}

impl RosterSlot {
    fn new() -> Self {
        Self {
            state: WorkerState::Gone,
            incarnation: 0,
            epoch: 0,
            revoking: false,
            held: false,
            silent: false,
            kill_reason: KillReason::Killed,
            number: 0,
            generation: 0,
            due: false,
            successor: None,
            succeeds: None,
            replaced: false,
            limit: None,
            jobs: 0,
            starts_at: Duration::ZERO,
            frames_sent: 0,
            frames_received: 0,
            done: 0,
            busy: Duration::ZERO,
            failures_in_a_row: 0,
        }
    }

    /// Whether a frame may be sent now.
    pub(crate) fn is_open(&self) -> bool {
        let has_credit = self.frames_sent - self.frames_received < FRAME_CREDIT;
        self.state == WorkerState::Ready && !self.revoking && !self.silent && has_credit
    }

    /// Whether its process may still be doing jobs.
    pub(crate) fn is_serving(&self) -> bool {
        matches!(
            self.state,
            WorkerState::Ready | WorkerState::Retiring | WorkerState::KillPending | WorkerState::Killed
        )
    }

    /// Whether the slot's process exists or is going to.
    pub(crate) fn is_alive(&self) -> bool {
        !matches!(
            self.state,
            WorkerState::Failed | WorkerState::Vacant | WorkerState::Gone
        )
    }

    /// Begins the next incarnation and returns its number.
    pub(crate) fn begin(&mut self, starts_at: Duration) -> Incarnation {
        let (incarnation, failures_in_a_row) = (self.incarnation + 1, self.failures_in_a_row);
        *self = Self {
            state: WorkerState::Starting,
            incarnation,
            starts_at,
            failures_in_a_row,
            number: self.number,
            generation: self.generation + 1,
            succeeds: self.succeeds,
            ..Self::new()
        };
        incarnation
    }

    /// Forgets the failures in a row: they do not concern the next worker in this slot.
    pub(crate) fn forget_failures(&mut self) {
        self.failures_in_a_row = 0;
    }

    /// Requests a kill once its other lanes have finished their jobs. The first reason is the one that is reported.
    pub(crate) fn kill_when_done(&mut self, reason: KillReason) {
        if matches!(self.state, WorkerState::Ready | WorkerState::Retiring) {
            self.state = WorkerState::KillPending;
            self.kill_reason = reason;
        }
    }

    /// Requests a kill once a revocation is answered, even while jobs are running.
    pub(crate) fn kill_when_revoked(&mut self, reason: KillReason) {
        let is_asked_for = self.state == WorkerState::KillPending && self.kill_reason.is_workers_fault();
        if !is_asked_for {
            self.state = WorkerState::KillPending;
            self.kill_reason = reason;
        }
    }

    /// Whether its pending kill waits neither for running jobs nor for a revocation.
    pub(crate) fn waits_for_nothing(&self) -> bool {
        self.kill_reason.is_workers_fault() && !self.revoking
    }

    pub(crate) fn sent(&mut self) {
        self.frames_sent += 1;
    }

    /// Notes that the driver has raised the epoch.
    pub(crate) fn raise_epoch(&mut self) {
        self.epoch = self.epoch.wrapping_add(1);
    }

    /// Applies a wake-up's figures. They come from the worker, so they are clamped to what is possible.
    pub(crate) fn advance(&mut self, received: u64, done: u64, busy: Duration) -> Advance {
        let received = received.min(self.frames_sent);
        if received > self.frames_received {
            self.frames_received = received;
            self.silent = false;
        }
        if done <= self.done {
            return Advance {
                done: 0,
                busy: Duration::ZERO,
            };
        }
        let advance = Advance {
            done: done - self.done,
            busy: busy.saturating_sub(self.busy),
        };
        (self.done, self.busy) = (done, self.busy.max(busy));
        advance
    }

    /// Notes finished jobs: the worker works, and is no longer slow or silent. Returns whether it has become due.
    pub(crate) fn finished(&mut self, jobs: u64) -> bool {
        self.held = false;
        self.silent = false;
        self.jobs += jobs;
        let is_due = self.limit.is_some_and(|limit| self.jobs >= limit);
        self.due |= is_due;
        self.failures_in_a_row = 0;
        is_due
    }
}

/// All slots.
#[derive(Debug)]
pub(crate) struct Roster {
    workers: Vec<RosterSlot>,
    back_off: BackOff,
}

impl Roster {
    pub(crate) fn new(workers: usize, spares: usize, seed: u64) -> Self {
        let slot = |number| RosterSlot {
            number,
            ..RosterSlot::new()
        };
        let vacant = || RosterSlot {
            state: WorkerState::Vacant,
            ..RosterSlot::new()
        };
        let slots = (0..).map(slot).take(workers);
        Self {
            workers: slots.chain(std::iter::repeat_with(vacant).take(spares)).collect(),
            back_off: BackOff::new(seed),
        }
    }

    /// Begins the next incarnation of a slot and returns its number. It is to be replaced after `after_jobs` at the
    /// latest.
    pub(crate) fn begin(
        &mut self,
        worker: WorkerId,
        starts_at: Duration,
        after_jobs: Option<NonZeroU64>,
    ) -> Incarnation {
        let limit = after_jobs.map(|jobs| self.back_off.shortened(jobs.get()));
        let slot = &mut self.workers[worker];
        let incarnation = slot.begin(starts_at);
        slot.limit = limit;
        incarnation
    }

    /// A slot in this state that fits, if there is one.
    pub(crate) fn find(&self, state: WorkerState, fits: impl Fn(&RosterSlot) -> bool) -> Option<WorkerId> {
        self.workers
            .iter()
            .position(|slot| slot.state == state && fits(slot))
    }

    pub(crate) fn ids(&self) -> std::ops::Range<WorkerId> {
        0..self.workers.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (WorkerId, &RosterSlot)> {
        self.workers.iter().enumerate()
    }

    pub(crate) fn get(&self, worker: WorkerId) -> &RosterSlot {
        &self.workers[worker]
    }

    pub(crate) fn get_mut(&mut self, worker: WorkerId) -> &mut RosterSlot {
        &mut self.workers[worker]
    }

    /// The slot, if this is its current incarnation and that has not ended.
    pub(crate) fn living(&mut self, worker: WorkerId, incarnation: Incarnation) -> Option<&mut RosterSlot> {
        self.workers
            .get_mut(worker)
            .filter(|slot| slot.incarnation == incarnation && slot.is_alive())
    }

    /// Like `living`, for a worker that may be doing jobs.
    pub(crate) fn serving(&mut self, worker: WorkerId, incarnation: Incarnation) -> Option<&mut RosterSlot> {
        self.living(worker, incarnation).filter(|slot| slot.is_serving())
    }

    pub(crate) fn in_state(&self, state: WorkerState) -> usize {
        self.workers.iter().filter(|slot| slot.state == state).count()
    }

    /// Whether any worker process exists, or is being started now rather than delayed.
    pub(crate) fn has_worker(&self, now: Duration) -> bool {
        self.workers.iter().any(|slot| match slot.state {
            WorkerState::Starting => slot.starts_at <= now,
            _ => slot.is_alive(),
        })
    }

    pub(crate) fn all_gone(&self) -> bool {
        self.workers
            .iter()
            .all(|slot| matches!(slot.state, WorkerState::Gone | WorkerState::Vacant))
    }

    /// Counts a failure in a row and returns how long this worker must wait.
    pub(crate) fn delay_after_failure(&mut self, worker: WorkerId) -> Duration {
        let failures = &mut self.workers[worker].failures_in_a_row;
        *failures = failures.saturating_add(1);
        self.back_off.delay(*failures)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roster() -> Roster {
        let mut roster = Roster::new(2, 0, 0);
        for worker in roster.ids() {
            roster.get_mut(worker).begin(Duration::ZERO);
            roster.get_mut(worker).state = WorkerState::Ready;
        }
        roster
    }

    #[test]
    fn only_the_current_incarnation_is_known() {
        let mut roster = roster();
        roster.get_mut(1).begin(Duration::ZERO);
        assert!(roster.living(0, 1).is_some() && roster.living(1, 2).is_some());
        for (worker, incarnation) in [(0, 0), (0, 2), (1, 1), (1, 3), (2, 1)] {
            assert!(
                roster.living(worker, incarnation).is_none(),
                "worker {worker} has no incarnation {incarnation}"
            );
        }
        roster.get_mut(0).state = WorkerState::Gone;
        assert!(roster.living(0, 1).is_none(), "a incarnation ends once");
    }

    #[test]
    fn frames_beyond_the_credit_wait() {
        let mut roster = roster();
        let slot = roster.get_mut(0);
        for _ in 0..FRAME_CREDIT {
            assert!(slot.is_open());
            slot.sent();
        }
        assert!(!slot.is_open());
        slot.advance(1, 0, Duration::ZERO);
        assert!(slot.is_open());
    }

    #[test]
    fn only_a_ready_worker_without_a_revocation_is_open() {
        let mut roster = roster();
        let slot = roster.get_mut(0);
        slot.revoking = true;
        assert!(!slot.is_open());
        slot.revoking = false;
        for state in [
            WorkerState::Starting,
            WorkerState::Retiring,
            WorkerState::KillPending,
            WorkerState::Killed,
            WorkerState::Closing,
        ] {
            slot.state = state;
            assert!(!slot.is_open(), "{state:?}");
        }
    }

    #[test]
    fn wake_ups_report_only_what_is_new() {
        let mut roster = roster();
        let slot = roster.get_mut(0);
        slot.sent();
        let reported = |slot: &mut RosterSlot, received, done, busy_ms| {
            let advance = slot.advance(received, done, Duration::from_millis(busy_ms));
            (advance.done, advance.busy.as_millis())
        };
        assert_eq!(reported(slot, 1, 5, 10), (5, 10));
        assert_eq!(reported(slot, 0, 3, 7), (0, 0), "a late one reports nothing");
        slot.sent();
        slot.sent();
        assert!(!slot.is_open(), "two frames are on their way");
        slot.advance(2, 0, Duration::ZERO);
        slot.advance(1, 0, Duration::ZERO);
        assert!(slot.is_open(), "and takes no credit back");
        slot.advance(3, 0, Duration::ZERO);
        assert_eq!(reported(slot, 1, 6, 13), (1, 3));
        assert_eq!(
            reported(slot, u64::MAX, 8, 2),
            (2, 0),
            "impossible figures are clamped"
        );
        slot.sent();
        assert!(slot.is_open(), "no frame counts as received before it is sent");
        slot.sent();
        assert!(!slot.is_open());
    }

    #[test]
    fn a_new_incarnation_keeps_only_its_failures() {
        let mut roster = roster();
        roster.delay_after_failure(0);
        let slot = roster.get_mut(0);
        (slot.held, slot.revoking, slot.epoch) = (true, true, 9);
        slot.sent();
        assert_eq!(slot.begin(Duration::ZERO), 2);
        slot.state = WorkerState::Ready;
        assert!(slot.is_open() && !slot.held && slot.epoch == 0);
        assert!(
            roster.delay_after_failure(0) >= Duration::from_millis(15),
            "the second delay is longer"
        );
        roster.get_mut(0).finished(1);
        assert!(
            roster.delay_after_failure(0) <= Duration::from_micros(12_500),
            "a finished job resets it"
        );
    }

    #[test]
    fn a_silent_worker_is_open_again_when_it_moves() {
        let mut roster = roster();
        let slot = roster.get_mut(0);
        slot.sent();
        slot.silent = true;
        slot.advance(0, 0, Duration::ZERO);
        assert!(!slot.is_open(), "a wake-up that reports nothing new");
        slot.advance(1, 0, Duration::ZERO);
        assert!(slot.is_open());
        slot.silent = true;
        slot.finished(1);
        assert!(slot.is_open());
    }

    #[test]
    fn a_worker_is_due_after_its_jobs_and_not_all_at_once() {
        let limits: Vec<u64> = (0..100)
            .map(|seed| {
                let mut roster = Roster::new(1, 1, seed);
                roster.begin(0, Duration::ZERO, NonZeroU64::new(1000));
                let jobs = (1..=1000).find(|_| roster.get_mut(0).finished(1));
                jobs.expect("it becomes due")
            })
            .collect();
        assert!(
            limits.iter().all(|limit| (900..=1000).contains(limit)),
            "{limits:?}"
        );
        assert!(limits.iter().max() > limits.iter().min(), "{limits:?}");
    }

    #[test]
    fn a_delayed_start_does_not_count_as_a_worker() {
        let mut roster = roster();
        assert!(roster.has_worker(Duration::ZERO));
        roster.get_mut(0).state = WorkerState::Failed;
        roster.get_mut(1).begin(Duration::from_millis(10));
        assert!(!roster.has_worker(Duration::from_millis(9)));
        assert!(roster.has_worker(Duration::from_millis(10)));
    }
}
