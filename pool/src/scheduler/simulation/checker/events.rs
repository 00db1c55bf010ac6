//! What each event must result in.

use std::{num::NonZero, time::Duration};

use super::{Checker, Job, Phase, Resolution, Slot, SlotState};
use crate::policy::{Halted, Urgency};
use crate::scheduler::test_jobs::{TestItem, TestJobs};
use crate::scheduler::{Event, Incarnation, JobId, KillReason, WorkerId};

/// The states of a worker whose process may still be doing jobs.
const SERVING: [SlotState; 4] = [
    SlotState::Ready,
    SlotState::Retiring,
    SlotState::KillPending,
    SlotState::Killed,
];

impl Checker {
    /// Notes what the event must result in, before the scheduler handles it.
    pub(in super::super) fn expect(&mut self, event: &Event<TestJobs>, now: Duration) {
        match *event {
            Event::Submit(ref item) => self.submit(item),
            Event::Ready { worker, incarnation } => self.ready(worker, incarnation),
            Event::Finished {
                worker,
                incarnation,
                first,
                count,
                failed,
            } => self.finished(worker, incarnation, first, count, failed),
            Event::Progress {
                worker,
                incarnation,
                received,
                ..
            } => self.progress(worker, incarnation, received),
            Event::Stalled { worker, incarnation } => self.stalled(worker, incarnation),
            Event::Silent { worker, incarnation } => self.silent(worker, incarnation),
            Event::Grown { worker, incarnation } => {
                if self.is_serving(worker, incarnation) {
                    self.slots[worker].is_grown = true;
                }
            }
            Event::Unresponsive {
                worker,
                incarnation,
                timeout,
            } => self.unresponsive(worker, incarnation, timeout),
            Event::MemoryExceeded {
                worker,
                incarnation,
                used,
                limit,
            } => self.memory_exceeded(worker, incarnation, KillReason::MemoryExceeded { used, limit }),
            Event::Revoked {
                worker,
                incarnation,
                claimed,
            } => self.revoked(worker, incarnation, claimed),
            Event::Overdue {
                worker,
                incarnation,
                position,
                claimed,
            } => self.overdue(worker, incarnation, position, claimed),
            Event::Cancel { job } => self.cancel(job),
            Event::Died {
                worker,
                incarnation,
                claimed,
                cause,
            } => self.died(worker, incarnation, claimed, cause, now),
            Event::StartFailed {
                worker,
                incarnation,
                cause,
                outlook,
            } => {
                self.start_failed(worker, incarnation, cause, outlook, now);
            }
            Event::PurgeAbandoned => {}
            Event::Close => {
                self.phase = if self.is_open() {
                    Phase::Closing
                } else {
                    self.phase
                }
            }
            Event::Stop => {
                if let Phase::Open | Phase::Closing = self.phase {
                    self.phase = Phase::Stopping;
                }
            }
            Event::Broken { cause } => self.break_at_once(cause),
            Event::Kill => self.kill(),
        }
        if !matches!(event, Event::Submit(_)) {
            self.halt_if_due();
        }
    }

    /// Notes whether too many jobs have failed, and what that means for the workers.
    fn halt_if_due(&mut self) {
        let Some(halt) = self.config.halt else { return };
        let goes_on = matches!(self.phase, Phase::Open | Phase::Closing) && self.must_break.is_none();
        if !goes_on || !halt.threshold.is_reached(self.failed, self.ended) {
            return;
        }
        self.must_halt = Some(Halted {
            halt,
            failed: self.failed,
            ended: self.ended,
        });
        for (worker, slot) in self.slots.iter().enumerate() {
            if SERVING.contains(&slot.state) && !slot.flight.is_empty() {
                self.must_revoke.insert(worker);
            }
        }
    }

    pub(super) fn count_failure(&mut self) {
        self.failed += 1;
        self.ended += 1;
    }

    /// Drops queued jobs that no caller waits for.
    pub(in super::super) fn purge(&mut self, is_abandoned: impl Fn(JobId) -> bool) {
        let gone: Vec<JobId> = self
            .queued
            .iter()
            .copied()
            .filter(|&job| is_abandoned(job))
            .collect();
        for job in gone {
            self.queued.remove(&job);
            self.record_mut(job).is_resolved = true;
            self.unresolved -= 1;
            self.abandoned += 1;
        }
    }

    fn submit(&mut self, item: &TestItem) {
        self.queued.insert(self.submitted());
        self.jobs.push(Job {
            bytes: item.bytes,
            is_solitary: item.is_large,
            is_cancelled: false,
            is_resolved: false,
            starts: 0,
            deaths: Vec::new(),
        });
        self.unresolved += 1;
        self.due.drained = true;
    }

    pub(super) fn is_at(&self, worker: WorkerId, incarnation: Incarnation, states: &[SlotState]) -> bool {
        let slot = &self.slots[worker];
        slot.incarnation == incarnation && states.contains(&slot.state)
    }

    fn is_serving(&self, worker: WorkerId, incarnation: Incarnation) -> bool {
        self.is_at(worker, incarnation, &SERVING)
    }

    fn ready(&mut self, worker: WorkerId, incarnation: Incarnation) {
        if self.is_at(worker, incarnation, &[SlotState::Starting]) {
            self.slots[worker].state = SlotState::Ready;
            self.due.ready = !self.was_ready;
            self.was_ready = true;
            self.succeed(worker);
        }
    }

    fn succeed(&mut self, successor: WorkerId) {
        let Some(old) = self.slots[successor].succeeds.take() else {
            return;
        };
        self.coverage.recycled += 1;
        let slot = &mut self.slots[old];
        (slot.successor, slot.is_replaced) = (None, true);
        if slot.state == SlotState::Ready {
            slot.state = SlotState::Retiring;
            if !slot.flight.is_empty() {
                self.must_revoke.insert(old);
            }
        }
    }

    fn silent(&mut self, worker: WorkerId, incarnation: Incarnation) {
        if self.is_serving(worker, incarnation) && !self.slots[worker].flight.is_empty() {
            self.slots[worker].is_silent = true;
            self.must_revoke.insert(worker);
            self.coverage.silences += 1;
        }
    }

    /// Whether a worker may have a successor by now: it may have become due a little early.
    pub(super) fn may_be_due(&self, slot: &Slot) -> bool {
        let after = self.config.recycling.after_jobs.map(NonZero::get);
        slot.is_grown || after.is_some_and(|jobs| slot.done >= jobs - jobs / 10)
    }

    /// Whether a worker must have a successor by now, if there is room for one.
    pub(super) fn must_be_due(&self, slot: &Slot) -> bool {
        let after = self.config.recycling.after_jobs.map(NonZero::get);
        slot.is_grown || after.is_some_and(|jobs| slot.done >= jobs)
    }

    fn finished(&mut self, worker: WorkerId, incarnation: Incarnation, first: u64, count: u32, failed: u32) {
        if !self.is_serving(worker, incarnation) {
            return;
        }
        let end = first.saturating_add(u64::from(count));
        let slot = &mut self.slots[worker];
        let done: Vec<(u64, JobId)> = slot
            .flight
            .range(first..end)
            .map(|(&at, &job)| (at, job))
            .collect();
        let finished = done.len() as u64;
        slot.done += finished;
        self.ended += finished;
        self.failed += finished.min(failed.into());
        for (position, job) in done {
            let slot = &mut self.slots[worker];
            slot.flight.remove(&position);
            (slot.is_held, slot.is_silent) = (false, false);
            slot.failures_in_a_row = 0;
            self.expected.insert(job, Resolution::Delivered(worker, position));
            self.failures.clear();
        }
    }

    fn progress(&mut self, worker: WorkerId, incarnation: Incarnation, received: u64) {
        let slot = &mut self.slots[worker];
        if slot.incarnation == incarnation {
            let received = received.min(slot.sent);
            if received > slot.received {
                slot.received = received;
                slot.is_silent = false;
            }
        }
    }

    fn stalled(&mut self, worker: WorkerId, incarnation: Incarnation) {
        let is_serving = self.is_serving(worker, incarnation);
        let slot = &mut self.slots[worker];
        if is_serving && !slot.flight.is_empty() {
            slot.is_held = true;
            let has_others_behind = slot.flight.len() > self.config.lanes as usize;
            if has_others_behind {
                self.must_revoke.insert(worker);
            }
        }
    }

    fn revoked(&mut self, worker: WorkerId, incarnation: Incarnation, claimed: u64) {
        if self.is_serving(worker, incarnation) {
            self.slots[worker].is_revoking = false;
            self.slots[worker].is_held = true;
            self.raise(worker, claimed);
            if !self.halt_running(worker) {
                self.kill_over_limit(worker);
            }
        }
    }

    /// Ends running jobs with their worker, if the pool halts now. Returns whether it does.
    fn halt_running(&mut self, worker: WorkerId) -> bool {
        let is_now = |by: Halted| by.halt.urgency == Urgency::Now;
        let slot = &mut self.slots[worker];
        let halts = self.halted_by.is_some_and(is_now) && self.phase == Phase::Halted;
        if !halts || slot.flight.is_empty() {
            return false;
        }
        slot.state = slot.state.with_kill_pending();
        let running = std::mem::take(&mut slot.flight).into_values();
        self.expected.extend(running.map(|job| (job, Resolution::Halted)));
        true
    }

    fn overdue(&mut self, worker: WorkerId, incarnation: Incarnation, position: u64, claimed: u64) {
        if !self.is_serving(worker, incarnation) {
            return;
        }
        self.raise(worker, claimed);
        self.slots[worker].state = self.slots[worker].state.with_kill_pending();
        if let Some(job) = self.slots[worker].flight.remove(&position) {
            self.expected.insert(job, Resolution::Deadline);
            self.count_failure();
        }
    }

    fn cancel(&mut self, job: JobId) {
        if self.queued.remove(&job) {
            self.expected.insert(job, Resolution::Cancelled);
            return;
        }
        let holds = |slot: &Slot| slot.flight.values().any(|&other| other == job);
        if let Some(worker) = self.slots.iter().position(holds) {
            self.record_mut(job).is_cancelled = true;
            self.must_revoke.insert(worker);
        }
    }

    /// Applies a raised epoch: unclaimed jobs are requeued, and cancelled ones end.
    pub(super) fn raise(&mut self, worker: WorkerId, claimed: u64) {
        let slot = &mut self.slots[worker];
        slot.epoch += 1;
        slot.next = claimed.min(slot.next);
        let unclaimed = slot.flight.split_off(&slot.next);
        for (position, job) in self.slots[worker].flight.clone() {
            if self.record(job).is_cancelled {
                self.slots[worker].flight.remove(&position);
                self.slots[worker].state = self.slots[worker].state.with_kill_pending();
                self.expected.insert(job, Resolution::Cancelled);
            }
        }
        for job in unclaimed.into_values() {
            if self.record(job).is_cancelled {
                self.expected.insert(job, Resolution::Cancelled);
            } else {
                self.queued.insert(job);
            }
        }
    }

    fn kill(&mut self) {
        self.phase = Phase::Killed;
        self.expect_the_end(Resolution::Closed);
    }

    fn break_at_once(&mut self, cause: u64) {
        if self.has_ended() {
            return;
        }
        if matches!(self.phase, Phase::Open | Phase::Closing) {
            self.must_break = Some(cause);
        }
        self.is_broken_at_once = true;
        self.expect_the_end(Resolution::Broken(cause));
    }

    fn expect_the_end(&mut self, resolution: Resolution) {
        let in_flight = self
            .slots
            .iter_mut()
            .flat_map(|slot| std::mem::take(&mut slot.flight).into_values());
        let all: Vec<JobId> = in_flight.chain(std::mem::take(&mut self.queued)).collect();
        self.expected.extend(all.into_iter().map(|job| (job, resolution)));
    }
}
