//! Whether each action was due.

use std::time::Duration;

use super::{Check, Checker, Comeback, Phase, Resolution, Slot, SlotState, ensure};
use crate::policy::Halted;
use crate::scheduler::test_jobs::TestJobs;
use crate::scheduler::{Action, FailReason, Incarnation, JobId, KillReason, Span, WorkerId};

impl Checker {
    /// Checks one action. They come in order.
    pub(in super::super) fn take(&mut self, action: &Action<TestJobs>, now: Duration) -> Check {
        ensure!(!self.has_ended(), "an action comes after the end: {action:?}");
        match *action {
            Action::Start {
                worker,
                incarnation,
                number,
                after,
            } => {
                self.check_number(worker, number)?;
                self.start(worker, incarnation, after, now)
            }
            Action::Enqueue {
                worker,
                incarnation,
                epoch,
                first,
                count,
                ref frame,
            } => {
                self.check_address(worker, incarnation, epoch, first)?;
                ensure!(frame.len() == count as usize, "a frame is miscounted");
                self.send(worker, frame)
            }
            Action::Flush { worker, .. } => Err(format!("worker {worker} is flushed by the scheduler")),
            Action::Deliver {
                worker,
                first,
                ref span,
            } => self.deliver(worker, first, span),
            Action::Fail { ref span, ref reason } => self.fail(span, reason),
            Action::Revoke { worker, incarnation } => self.revoke(worker, incarnation),
            Action::Kill {
                worker,
                incarnation,
                reason,
            } => self.kill_one(worker, incarnation, reason),
            Action::Close {
                worker,
                incarnation,
                recycled,
            } => self.close_one(worker, incarnation, recycled),
            Action::Halted(by) => self.halt(by),
            Action::Broken(cause) => self.break_down(cause),
            Action::Room => Ok(()),
            Action::Drained | Action::FirstReady | Action::Ended => self.announce(action),
        }
    }

    fn announce(&mut self, action: &Action<TestJobs>) -> Check {
        let is_true = match action {
            Action::Drained => self.unresolved == 0,
            Action::FirstReady => self.was_ready,
            _ => self.is_over(),
        };
        let due = match action {
            Action::Drained => &mut self.due.drained,
            Action::FirstReady => &mut self.due.ready,
            _ => &mut self.due.ended,
        };
        ensure!(is_true && std::mem::take(due), "{action:?} comes at a wrong time");
        Ok(())
    }

    fn break_down(&mut self, cause: u64) -> Check {
        ensure!(
            self.must_break.take() == Some(cause),
            "the pool breaks without need"
        );
        self.phase = Phase::Broken;
        self.broken_by = Some(cause);
        self.coverage.breakdowns += 1;
        Ok(())
    }

    fn halt(&mut self, by: Halted) -> Check {
        ensure!(self.must_halt.take() == Some(by), "the pool halts without need");
        self.phase = Phase::Halted;
        self.halted_by = Some(by);
        self.coverage.halts += 1;
        Ok(())
    }

    /// Checks that a worker with this number may start in this slot: again, or as the successor of one that is due.
    fn check_number(&mut self, worker: WorkerId, number: u32) -> Check {
        if self.slots[worker].state != SlotState::Vacant {
            ensure!(
                self.slots[worker].number == number,
                "worker {worker} starts as {number}"
            );
            return Ok(());
        }
        let is_old = |slot: &Slot| {
            slot.number == number
                && slot.state == SlotState::Ready
                && slot.successor.is_none()
                && self.may_be_due(slot)
        };
        let old = self.slots.iter().position(is_old);
        let Some(old) = old else {
            return Err(format!("a successor of {number} starts without need"));
        };
        self.slots[old].successor = Some(worker);
        let slot = &mut self.slots[worker];
        (slot.number, slot.succeeds, slot.failures_in_a_row) = (number, Some(old), 0);
        (slot.state, slot.comeback) = (SlotState::Over, Comeback::AtOnce);
        Ok(())
    }

    fn start(&mut self, worker: WorkerId, incarnation: Incarnation, after: Duration, now: Duration) -> Check {
        let slot = &mut self.slots[worker];
        ensure!(
            incarnation == slot.incarnation + 1,
            "incarnations are counted wrongly"
        );
        let is_late = match slot.state {
            SlotState::Unborn => false,
            SlotState::Failed => true,
            SlotState::Over => slot.comeback == Comeback::Later,
            state => return Err(format!("worker {worker} starts while it is {state:?}")),
        };
        slot.failures_in_a_row += u32::from(is_late);
        let longest = Duration::from_secs(5);
        let delay = longest
            .min(Duration::from_millis(10) * 2_u32.pow(slot.failures_in_a_row.saturating_sub(1).min(9)));
        let is_in_range = (delay * 3 / 4..=delay * 5 / 4).contains(&after);
        ensure!(
            if is_late { is_in_range } else { after.is_zero() },
            "worker {worker} starts after {after:?}"
        );
        (slot.state, slot.incarnation, slot.starts_at) = (SlotState::Starting, incarnation, now + after);
        (slot.epoch, slot.next, slot.sent, slot.received) = (0, 0, 0, 0);
        (slot.is_revoking, slot.is_held, slot.is_silent) = (false, false, false);
        (slot.done, slot.is_grown) = (0, false);
        (slot.successor, slot.is_replaced) = (None, false);
        (slot.over_limit, slot.killed_for) = (None, None);
        ensure!(self.needs_workers(), "worker {worker} starts for nothing");
        Ok(())
    }

    fn deliver(&mut self, worker: WorkerId, first: u64, span: &Span<TestJobs>) -> Check {
        check_span(span)?;
        for (job, position) in (span.first..span.end()).zip(first..) {
            let expected = self.expected.remove(&job);
            let is_due = expected == Some(Resolution::Delivered(worker, position));
            ensure!(
                is_due,
                "job {job} is delivered from {worker}/{position}, expected {expected:?}"
            );
            self.resolve(job)?;
        }
        Ok(())
    }

    fn fail(&mut self, span: &Span<TestJobs>, reason: &FailReason<u64>) -> Check {
        check_span(span)?;
        for job in span.first..span.end() {
            self.fail_one(job, reason)?;
            self.resolve(job)?;
        }
        Ok(())
    }

    fn fail_one(&mut self, job: JobId, reason: &FailReason<u64>) -> Check {
        let expected = self.expected.remove(&job);
        let deaths = &self.record(job).deaths;
        let is_due = match reason {
            FailReason::WorkerDied(cause) => expected == Some(Resolution::WorkerDied) && deaths == &[*cause],
            FailReason::Quarantined(causes) => {
                let is_known = deaths == causes;
                let is_halted = matches!(self.phase, Phase::Halted | Phase::Stopping) && !causes.is_empty();
                is_known
                    && (expected == Some(Resolution::Quarantined) || (is_halted && self.queued.remove(&job)))
            }
            FailReason::Halted { by, started: true } => {
                expected == Some(Resolution::Halted) && self.halted_by == Some(*by)
            }
            FailReason::Halted { by, started: false } => {
                deaths.is_empty() && self.halted_by == Some(*by) && self.queued.remove(&job)
            }
            FailReason::Deadline => expected == Some(Resolution::Deadline),
            FailReason::Cancelled => {
                expected == Some(Resolution::Cancelled)
                    || (self.phase == Phase::Stopping && deaths.is_empty() && self.queued.remove(&job))
            }
            FailReason::Closed => expected == Some(Resolution::Closed),
            FailReason::Broken(cause) => {
                expected == Some(Resolution::Broken(*cause))
                    || self.broken_by == Some(*cause) && self.queued.remove(&job)
            }
        };
        ensure!(is_due, "job {job} fails with {reason:?}, expected {expected:?}");
        Ok(())
    }

    fn revoke(&mut self, worker: WorkerId, incarnation: Incarnation) -> Check {
        ensure!(
            self.must_revoke.contains(&worker),
            "worker {worker} is asked for what it has without need"
        );
        let slot = &mut self.slots[worker];
        ensure!(
            matches!(
                slot.state,
                SlotState::Ready | SlotState::Retiring | SlotState::KillPending | SlotState::Killed
            ),
            "a revocation goes to a worker without jobs"
        );
        ensure!(
            slot.incarnation == incarnation && !slot.is_revoking,
            "a revocation is asked for twice"
        );
        slot.is_revoking = true;
        Ok(())
    }

    fn kill_one(&mut self, worker: WorkerId, incarnation: Incarnation, reason: KillReason) -> Check {
        let demanded = self.must_kill.remove(&worker);
        let slot = &mut self.slots[worker];
        let is_due = match (demanded, slot.state) {
            (Some(demanded), _) => demanded == reason,
            (None, SlotState::KillPending) => slot.flight.is_empty() && slot.may_be_killed_for(reason),
            (None, SlotState::Starting | SlotState::Ready | SlotState::Retiring | SlotState::Closing) => {
                (self.phase == Phase::Killed || self.is_broken_at_once) && reason == KillReason::Killed
            }
            _ => false,
        };
        ensure!(
            is_due && slot.incarnation == incarnation,
            "worker {worker}, which is {:?}, is killed for {reason:?}",
            slot.state
        );
        slot.state = SlotState::Killed;
        slot.killed_for = Some(reason);
        Ok(())
    }

    fn close_one(&mut self, worker: WorkerId, incarnation: Incarnation, recycled: bool) -> Check {
        let is_retiring = self.slots[worker].state == SlotState::Retiring;
        let is_due = match self.phase {
            Phase::Closing => self.unresolved == 0 || is_retiring,
            Phase::Stopping | Phase::Broken | Phase::Halted => true,
            Phase::Open => is_retiring,
            Phase::Killed => false,
        };
        let slot = &mut self.slots[worker];
        let is_free = matches!(
            slot.state,
            SlotState::Starting | SlotState::Ready | SlotState::Retiring
        ) && slot.flight.is_empty();
        ensure!(
            recycled == is_retiring,
            "worker {worker} is closed for a wrong reason"
        );
        ensure!(
            is_due && is_free && slot.incarnation == incarnation,
            "worker {worker} is closed while {:?}",
            slot.state
        );
        slot.state = SlotState::Closing;
        Ok(())
    }
}

impl Slot {
    /// Whether this can be the reason to kill the worker now that it has nothing in flight.
    fn may_be_killed_for(&self, reason: KillReason) -> bool {
        match reason {
            KillReason::Killed | KillReason::Halted => true,
            KillReason::Deadline | KillReason::Cancelled => self.over_limit.is_none(),
            KillReason::Unresponsive(_) | KillReason::MemoryExceeded { .. } => {
                self.over_limit == Some(reason)
            }
        }
    }
}

fn check_span(span: &Span<TestJobs>) -> Check {
    ensure!(
        span.contents.serials().eq(span.first..span.end()),
        "a span's jobs are not its ids"
    );
    Ok(())
}
