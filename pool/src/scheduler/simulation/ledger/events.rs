//! What each event must bring.

use std::time::Duration;

use super::{Comeback, Job, Ledger, Outcome, Phase, Slot, Stage};
use crate::scheduler::test_load::{TestItem, TestLoad};
use crate::scheduler::{Event, JobId, Life, WorkerId};

impl Ledger {
    /// Writes down what the event must bring, before the scheduler is told of it.
    pub(in super::super) fn expect(&mut self, event: &Event<TestLoad>, now: Duration) {
        match *event {
            Event::Submit(ref item) => self.submit(item),
            Event::Ready { worker, life } => self.ready(worker, life),
            Event::Finished {
                worker,
                life,
                first,
                count,
            } => self.finished(worker, life, first, count),
            Event::Progress {
                worker,
                life,
                received,
                ..
            } => self.progress(worker, life, received),
            Event::Stalled { worker, life } => self.stalled(worker, life),
            Event::Revoked {
                worker,
                life,
                claimed,
            } => self.revoked(worker, life, claimed),
            Event::Overdue {
                worker,
                life,
                position,
                claimed,
            } => self.overdue(worker, life, position, claimed),
            Event::Cancel { job } => self.cancel(job),
            Event::Died {
                worker,
                life,
                claimed,
                cause,
            } => self.died(worker, life, claimed, cause, now),
            Event::StartFailed {
                worker,
                life,
                cause,
                permanent,
            } => {
                self.start_failed(worker, life, cause, permanent, now);
            }
            Event::PurgeAbandoned => {}
            Event::Close => {
                self.phase = if self.is_open() {
                    Phase::Closing
                } else {
                    self.phase
                }
            }
            Event::Kill => self.kill(),
        }
    }

    /// Throws out of the queue what nobody waits for.
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

    fn is_at(&self, worker: WorkerId, life: Life, stages: &[Stage]) -> bool {
        let slot = &self.slots[worker];
        slot.life == life && stages.contains(&slot.stage)
    }

    fn is_serving(&self, worker: WorkerId, life: Life) -> bool {
        self.is_at(worker, life, &[Stage::Ready, Stage::Condemned])
    }

    fn ready(&mut self, worker: WorkerId, life: Life) {
        if self.is_at(worker, life, &[Stage::Starting]) {
            self.slots[worker].stage = Stage::Ready;
            self.due.ready = !self.was_ready;
            self.was_ready = true;
        }
    }

    fn finished(&mut self, worker: WorkerId, life: Life, first: u64, count: u32) {
        if !self.is_serving(worker, life) {
            return;
        }
        let end = first.saturating_add(u64::from(count));
        let slot = &mut self.slots[worker];
        let done: Vec<(u64, JobId)> = slot
            .flight
            .range(first..end)
            .map(|(&at, &job)| (at, job))
            .collect();
        for (position, job) in done {
            slot.flight.remove(&position);
            slot.is_held = false;
            slot.failures_in_a_row = 0;
            self.expected.insert(job, Outcome::Delivered(worker, position));
            self.failures.clear();
        }
    }

    fn progress(&mut self, worker: WorkerId, life: Life, received: u64) {
        let slot = &mut self.slots[worker];
        if slot.life == life {
            slot.received = slot.received.max(received.min(slot.sent));
        }
    }

    fn stalled(&mut self, worker: WorkerId, life: Life) {
        let is_serving = self.is_serving(worker, life);
        let slot = &mut self.slots[worker];
        if is_serving && !slot.flight.is_empty() {
            slot.is_held = true;
            let has_others_behind = slot.flight.len() > self.config.lanes as usize;
            self.must_revoke = has_others_behind.then_some(worker);
        }
    }

    fn revoked(&mut self, worker: WorkerId, life: Life, claimed: u64) {
        if self.is_serving(worker, life) {
            self.slots[worker].is_revoking = false;
            self.slots[worker].is_held = true;
            self.raise(worker, claimed);
        }
    }

    fn overdue(&mut self, worker: WorkerId, life: Life, position: u64, claimed: u64) {
        if !self.is_serving(worker, life) {
            return;
        }
        self.raise(worker, claimed);
        self.slots[worker].stage = Stage::Condemned;
        if let Some(job) = self.slots[worker].flight.remove(&position) {
            self.expected.insert(job, Outcome::Deadline);
        }
    }

    fn cancel(&mut self, job: JobId) {
        if self.queued.remove(&job) {
            self.expected.insert(job, Outcome::Cancelled);
            return;
        }
        let holds = |slot: &Slot| slot.flight.values().any(|&other| other == job);
        if let Some(worker) = self.slots.iter().position(holds) {
            self.record_mut(job).is_cancelled = true;
            self.must_revoke = Some(worker);
        }
    }

    /// The epoch was raised: what is not claimed returns, and what was cancelled ends.
    fn raise(&mut self, worker: WorkerId, claimed: u64) {
        let slot = &mut self.slots[worker];
        slot.epoch += 1;
        slot.next = claimed.min(slot.next);
        let unclaimed = slot.flight.split_off(&slot.next);
        for (position, job) in self.slots[worker].flight.clone() {
            if self.record(job).is_cancelled {
                self.slots[worker].flight.remove(&position);
                self.slots[worker].stage = Stage::Condemned;
                self.expected.insert(job, Outcome::Cancelled);
            }
        }
        for job in unclaimed.into_values() {
            if self.record(job).is_cancelled {
                self.expected.insert(job, Outcome::Cancelled);
            } else {
                self.queued.insert(job);
            }
        }
    }

    fn died(&mut self, worker: WorkerId, life: Life, claimed: u64, cause: u64, now: Duration) {
        if self.is_at(worker, life, &[Stage::Starting]) {
            return self.start_failed(worker, life, cause, false, now);
        }
        if !self.is_at(
            worker,
            life,
            &[Stage::Ready, Stage::Condemned, Stage::Killed, Stage::Closing],
        ) {
            return;
        }
        let stage = self.slots[worker].stage;
        let has_claimed = claimed.min(self.slots[worker].next) > 0;
        self.raise(worker, claimed);
        for job in std::mem::take(&mut self.slots[worker].flight).into_values() {
            self.suspected(job, cause);
        }
        self.slots[worker].stage = Stage::Over;
        self.slots[worker].comeback = Comeback::AtOnce;
        if stage == Stage::Ready && !has_claimed {
            self.fruitless(worker, cause, now);
        }
    }

    fn suspected(&mut self, job: JobId, cause: u64) {
        let attempts = usize::from(self.config.attempts);
        let record = self.record_mut(job);
        record.deaths.push(cause);
        record.is_solitary |= attempts > 1;
        if record.deaths.len() < attempts {
            self.queued.insert(job);
        } else {
            let outcome = if attempts == 1 {
                Outcome::WorkerDied
            } else {
                Outcome::Quarantined
            };
            self.expected.insert(job, outcome);
        }
    }

    fn start_failed(&mut self, worker: WorkerId, life: Life, cause: u64, permanent: bool, now: Duration) {
        if self.is_at(worker, life, &[Stage::Closing, Stage::Killed]) {
            self.slots[worker].stage = Stage::Over;
        } else if self.is_at(worker, life, &[Stage::Starting]) {
            self.slots[worker].stage = Stage::Over;
            if !self.was_ready {
                self.first_start_failed(worker, cause);
            } else if permanent && !self.has_hope(now) {
                self.must_break = Some(cause);
            } else {
                self.fruitless(worker, cause, now);
            }
        }
    }

    fn first_start_failed(&mut self, worker: WorkerId, cause: u64) {
        self.slots[worker].stage = Stage::Failed;
        let first_cause = *self.first_cause.get_or_insert(cause);
        if self.slots.iter().all(|slot| slot.stage == Stage::Failed) {
            self.must_break = Some(first_cause);
        }
    }

    fn has_hope(&self, now: Duration) -> bool {
        self.slots.iter().any(|slot| match slot.stage {
            Stage::Starting => slot.starts_at <= now,
            stage => matches!(
                stage,
                Stage::Ready | Stage::Condemned | Stage::Killed | Stage::Closing
            ),
        })
    }

    fn fruitless(&mut self, worker: WorkerId, cause: u64, now: Duration) {
        self.slots[worker].comeback = Comeback::Later;
        let limit = self.config.restart_limit;
        self.failures.push(now);
        let recent = self
            .failures
            .iter()
            .filter(|&&at| at + limit.within >= now)
            .count();
        if recent > limit.failures && matches!(self.phase, Phase::Open | Phase::Closing) {
            self.must_break = Some(cause);
        }
    }

    fn kill(&mut self) {
        self.phase = Phase::Killed;
        let in_flight = self
            .slots
            .iter_mut()
            .flat_map(|slot| std::mem::take(&mut slot.flight).into_values());
        let all: Vec<JobId> = in_flight.chain(std::mem::take(&mut self.queued)).collect();
        self.expected
            .extend(all.into_iter().map(|job| (job, Outcome::Closed)));
    }
}
