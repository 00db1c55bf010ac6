//! Supervision: the starts, deaths and ends of workers, and the end of the pool.

use std::time::Duration;

use super::action::{Action, FailReason};
use super::budget::Verdict;
use super::event::{Incarnation, Outlook, WorkerId};
use super::roster::WorkerState;
use super::span::{Span, SpanContents};
use super::{Phase, Scheduler};

impl<J: SpanContents> Scheduler<J> {
    pub(super) fn start_worker(
        &mut self,
        worker: WorkerId,
        after: Duration,
        now: Duration,
        actions: &mut Vec<Action<J>>,
    ) {
        let after_jobs = self.config.recycling.after_jobs;
        let incarnation = self.roster.begin(worker, now + after, after_jobs);
        let slot = self.roster.get(worker);
        self.counters.restarts += u64::from(slot.generation > 1);
        actions.push(Action::Start {
            worker,
            incarnation,
            number: slot.number,
            after,
        });
    }

    pub(super) fn ready(
        &mut self,
        worker: WorkerId,
        incarnation: Incarnation,
        now: Duration,
        actions: &mut Vec<Action<J>>,
    ) {
        let starting = |state| state == WorkerState::Starting;
        let Some(slot) = self
            .roster
            .living(worker, incarnation)
            .filter(|slot| starting(slot.state))
        else {
            return;
        };
        slot.state = WorkerState::Ready;
        self.succeed(worker, actions);
        if !self.was_ready {
            self.was_ready = true;
            self.first_cause = None;
            actions.push(Action::FirstReady);
            self.retry_failed(now, actions);
        }
    }

    pub(super) fn progress(
        &mut self,
        worker: WorkerId,
        incarnation: Incarnation,
        received: u64,
        done: u64,
        busy: Duration,
    ) {
        let Some(slot) = self.roster.living(worker, incarnation) else {
            return;
        };
        let advance = slot.advance(received, done, busy);
        self.pace.measure(advance.done, advance.busy);
    }

    pub(super) fn died(
        &mut self,
        worker: WorkerId,
        incarnation: Incarnation,
        claimed: u64,
        cause: J::Cause,
        now: Duration,
        actions: &mut Vec<Action<J>>,
    ) {
        let Some(slot) = self.roster.living(worker, incarnation) else {
            return;
        };
        let (state, kill_reason) = (slot.state, slot.kill_reason);
        if state == WorkerState::Starting {
            return self.start_failed(worker, incarnation, cause, Outlook::Open, now, actions);
        }
        self.counters.deaths += 1;
        let has_claimed = claimed.min(self.in_flight.next_position(worker)) > 0;
        self.reclaim(worker, claimed, actions);
        for piece in self.in_flight.clear(worker) {
            self.suspect(piece.span, &cause, actions);
        }
        if self.has_replacement(worker) {
            return;
        }
        // A worker that ended before it took a job counts as a failed start, unless the pool ended it for a reason
        // that is not the worker's fault.
        let is_failed_start = match state {
            WorkerState::Ready => !has_claimed,
            WorkerState::KillPending | WorkerState::Killed => {
                !has_claimed && kill_reason.is_workers_fault() && self.needs_workers()
            }
            _ => false,
        };
        if is_failed_start {
            self.failed(worker, cause, Outlook::Open, now, actions);
        } else {
            self.replace(worker, Duration::ZERO, now, actions);
        }
    }

    pub(super) fn start_failed(
        &mut self,
        worker: WorkerId,
        incarnation: Incarnation,
        cause: J::Cause,
        outlook: Outlook,
        now: Duration,
        actions: &mut Vec<Action<J>>,
    ) {
        let Some(slot) = self.roster.living(worker, incarnation) else {
            return;
        };
        match slot.state {
            WorkerState::Starting => {}
            WorkerState::Closing => return slot.state = WorkerState::Gone,
            // It was ready, so this is a death, and what it had started is unknown.
            _ => return self.died(worker, incarnation, u64::MAX, cause, now, actions),
        }
        self.counters.start_failures += 1;
        slot.state = WorkerState::Failed;
        if !self.was_ready {
            self.first_start_failed(cause, actions);
        } else if outlook == Outlook::Hopeless && !self.roster.has_worker(now) {
            self.break_down(cause, actions);
        } else {
            self.failed(worker, cause, outlook, now, actions);
        }
    }

    pub(super) fn close(&mut self) {
        if self.is_open() {
            self.phase = Phase::Closing;
        }
    }

    pub(super) fn stop(&mut self) {
        if let Phase::Open | Phase::Closing = self.phase {
            self.phase = Phase::Stopping;
        }
    }

    /// Ends the workers that a pool that accepts no more jobs does not need.
    pub(super) fn wind_down(&mut self, actions: &mut Vec<Action<J>>) {
        let is_idle = self.is_idle();
        match &self.phase {
            Phase::Open => return,
            // Workers are kept while there are jobs: even those in flight elsewhere may be requeued.
            Phase::Closing if !is_idle => return,
            Phase::Closing | Phase::Killed => {}
            Phase::Stopping => self.fail_unstarted(|| FailReason::Cancelled, actions),
            Phase::Broken(cause) => {
                let cause = cause.clone();
                self.fail_queued(&cause, actions);
            }
            Phase::Halted(by) => {
                let by = *by;
                self.fail_unstarted(|| FailReason::Halted { by, started: false }, actions);
            }
        }
        for worker in self.roster.ids() {
            self.retire(worker, actions);
        }
    }

    pub(super) fn retire(&mut self, worker: WorkerId, actions: &mut Vec<Action<J>>) {
        let jobs = self.in_flight.jobs(worker);
        let slot = self.roster.get_mut(worker);
        match slot.state {
            WorkerState::Failed => slot.state = WorkerState::Gone,
            WorkerState::Starting | WorkerState::Ready | WorkerState::Retiring if jobs == 0 => {
                let recycled = slot.state == WorkerState::Retiring;
                slot.state = WorkerState::Closing;
                actions.push(Action::Close {
                    worker,
                    incarnation: slot.incarnation,
                    recycled,
                });
            }
            _ => {}
        }
    }

    /// Decides what happens to jobs that were running when their worker died.
    fn suspect(&mut self, mut span: Span<J>, cause: &J::Cause, actions: &mut Vec<Action<J>>) {
        if self.config.attempts == 1 {
            span.attempts += 1;
            return self.fail(span, FailReason::WorkerDied(cause.clone()), actions);
        }
        while span.len() > 1 {
            let last = span.split_off(span.len() - 1);
            self.suspect_one(last, cause, actions);
        }
        self.suspect_one(span, cause, actions);
    }

    fn suspect_one(&mut self, mut span: Span<J>, cause: &J::Cause, actions: &mut Vec<Action<J>>) {
        span.attempts += 1;
        span.causes.push(cause.clone());
        if span.attempts < self.config.attempts {
            span.alone = true;
            self.queue.requeue(span);
        } else {
            let causes = std::mem::take(&mut span.causes);
            self.fail(span, FailReason::Quarantined(causes), actions);
        }
    }

    /// Handles a failed start, or the death of a worker that did no job: the worker is delayed, or the pool breaks.
    fn failed(
        &mut self,
        worker: WorkerId,
        cause: J::Cause,
        outlook: Outlook,
        now: Duration,
        actions: &mut Vec<Action<J>>,
    ) {
        let slot = self.roster.get_mut(worker);
        slot.state = WorkerState::Failed;
        // A successor that does not start is no reason to give up while the worker that it should replace goes on,
        // and neither is a lack of system resources.
        let is_counted = slot.succeeds.is_none() && outlook != Outlook::Shortage;
        if is_counted && self.budget.failed(now) == Verdict::Exhausted {
            return self.break_down(cause, actions);
        }
        let after = self.roster.delay_after_failure(worker);
        self.replace(worker, after, now, actions);
    }

    /// Until one worker is ready it is unknown whether any can be, so none is tried twice.
    fn first_start_failed(&mut self, cause: J::Cause, actions: &mut Vec<Action<J>>) {
        let cause = self.first_cause.get_or_insert(cause).clone();
        if self.roster.in_state(WorkerState::Starting) == 0 {
            self.break_down(cause, actions);
        }
    }

    fn retry_failed(&mut self, now: Duration, actions: &mut Vec<Action<J>>) {
        for worker in self.roster.ids() {
            if self.roster.get(worker).state == WorkerState::Failed {
                let after = self.roster.delay_after_failure(worker);
                self.start_worker(worker, after, now, actions);
            }
        }
    }

    /// Whether a worker that starts now may find a job.
    pub(super) fn needs_workers(&self) -> bool {
        match self.phase {
            Phase::Open => true,
            Phase::Closing => !self.is_idle(),
            Phase::Stopping | Phase::Broken(_) | Phase::Halted(_) | Phase::Killed => false,
        }
    }

    /// Starts the slot's next incarnation, if it may find a job.
    fn replace(&mut self, worker: WorkerId, after: Duration, now: Duration, actions: &mut Vec<Action<J>>) {
        if self.needs_workers() {
            self.start_worker(worker, after, now, actions);
        } else {
            self.roster.get_mut(worker).state = WorkerState::Gone;
        }
    }

    pub(super) fn break_down(&mut self, cause: J::Cause, actions: &mut Vec<Action<J>>) {
        if let Phase::Open | Phase::Closing = self.phase {
            self.phase = Phase::Broken(cause.clone());
            actions.push(Action::Broken(cause));
        }
    }

    fn fail_queued(&mut self, cause: &J::Cause, actions: &mut Vec<Action<J>>) {
        while let Some(span) = self.queue.pop() {
            self.fail(span, FailReason::Broken(cause.clone()), actions);
        }
    }
}
