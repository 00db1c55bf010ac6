//! Halting: the end of a pool in which too many jobs have failed.
//!
//! Jobs that have not started fail. A revocation separates the started jobs at a worker from the others, exactly as
//! at a death: the others come back and fail too; the started ones may finish, or are ended with their worker if the
//! policy says now.

use super::action::{Action, FailReason, KillReason};
use super::event::WorkerId;
use super::span::SpanContents;
use super::{Phase, Scheduler};
use crate::policy::{Halted, Urgency};

impl<J: SpanContents> Scheduler<J> {
    /// Halts the pool if its policy says so.
    pub(super) fn halt_if_due(&mut self, actions: &mut Vec<Action<J>>) {
        let Some(halt) = self.config.halt else { return };
        let (failed, ended) = self.counters.failures();
        let goes_on = matches!(self.phase, Phase::Open | Phase::Closing);
        if !goes_on || !halt.threshold.is_reached(failed, ended) {
            return;
        }
        let by = Halted { halt, failed, ended };
        self.phase = Phase::Halted(by);
        actions.push(Action::Halted(by));
        for worker in self.roster.ids() {
            if self.in_flight.jobs(worker) > 0 && self.roster.get(worker).is_serving() {
                self.ask_to_revoke(worker, actions);
            }
        }
    }

    /// If the pool halts now, ends the jobs that run at a worker whose other jobs were just taken back.
    pub(super) fn halt_running(&mut self, worker: WorkerId, actions: &mut Vec<Action<J>>) {
        let Phase::Halted(by) = self.phase else { return };
        if by.halt.urgency == Urgency::Soon || self.in_flight.jobs(worker) == 0 {
            return;
        }
        for piece in self.in_flight.clear(worker) {
            self.fail(piece.span, FailReason::Halted { by, started: true }, actions);
        }
        self.kill_worker(worker, KillReason::Halted, actions);
    }

    /// Fails the queued jobs. A suspect that waits for another attempt has been started, so its causes are reported.
    pub(super) fn fail_unstarted(
        &mut self,
        reason: impl Fn() -> FailReason<J::Cause>,
        actions: &mut Vec<Action<J>>,
    ) {
        while let Some(mut span) = self.queue.pop() {
            let reason = if span.causes.is_empty() {
                reason()
            } else {
                FailReason::Quarantined(std::mem::take(&mut span.causes))
            };
            self.fail(span, reason, actions);
        }
    }
}
