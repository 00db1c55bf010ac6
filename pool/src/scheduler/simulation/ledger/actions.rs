//! Whether each action was due.

use std::time::Duration;

use super::{Check, Comeback, Ledger, Outcome, Phase, Slot, Stage, ensure};
use crate::policy::Halted;
use crate::scheduler::dispatch::FRAME_BYTES;
use crate::scheduler::pace::MAX_FRAME_JOBS;
use crate::scheduler::roster::FRAME_CREDIT;
use crate::scheduler::test_load::TestLoad;
use crate::scheduler::{Action, Failure, JobId, Life, Span, WorkerId};

impl Ledger {
    /// Checks one action, in the order in which they come.
    pub(in super::super) fn take(&mut self, action: &Action<TestLoad>, now: Duration) -> Check {
        ensure!(!self.has_ended(), "an action comes after the end: {action:?}");
        match *action {
            Action::Start {
                worker,
                life,
                number,
                after,
            } => {
                self.seat(worker, number)?;
                self.start(worker, life, after, now)
            }
            Action::Send {
                worker,
                life,
                epoch,
                first,
                count,
                ref frame,
            } => {
                self.check_address(worker, life, epoch, first)?;
                ensure!(frame.len() == count as usize, "a frame is miscounted");
                self.send(worker, frame)
            }
            Action::Deliver {
                worker,
                first,
                ref span,
            } => self.deliver(worker, first, span),
            Action::Fail { ref span, ref reason } => self.fail(span, reason),
            Action::Revoke { worker, life } => self.revoke(worker, life),
            Action::Kill { worker, life, .. } => self.kill_one(worker, life),
            Action::Close {
                worker,
                life,
                recycled,
            } => self.close_one(worker, life, recycled),
            Action::Halted(by) => self.halt(by),
            Action::Broken(cause) => self.break_down(cause),
            Action::Room => Ok(()),
            Action::Drained | Action::FirstReady | Action::Ended => self.tell(action),
        }
    }

    fn tell(&mut self, action: &Action<TestLoad>) -> Check {
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
        self.sights.breakdowns += 1;
        Ok(())
    }

    fn halt(&mut self, by: Halted) -> Check {
        ensure!(self.must_halt.take() == Some(by), "the pool halts without need");
        self.phase = Phase::Halted;
        self.halted_by = Some(by);
        self.sights.halts += 1;
        Ok(())
    }

    /// A worker of this number starts in this slot: again, or as the successor of one that is due.
    fn seat(&mut self, worker: WorkerId, number: u32) -> Check {
        if self.slots[worker].stage != Stage::Vacant {
            ensure!(
                self.slots[worker].number == number,
                "worker {worker} starts as {number}"
            );
            return Ok(());
        }
        let is_old = |slot: &Slot| {
            slot.number == number
                && slot.stage == Stage::Ready
                && slot.heir.is_none()
                && self.may_be_due(slot)
        };
        let old = self.slots.iter().position(is_old);
        let Some(old) = old else {
            return Err(format!("a successor of {number} starts without need"));
        };
        self.slots[old].heir = Some(worker);
        let slot = &mut self.slots[worker];
        (slot.number, slot.succeeds, slot.failures_in_a_row) = (number, Some(old), 0);
        (slot.stage, slot.comeback) = (Stage::Over, Comeback::AtOnce);
        Ok(())
    }

    fn start(&mut self, worker: WorkerId, life: Life, after: Duration, now: Duration) -> Check {
        let slot = &mut self.slots[worker];
        ensure!(life == slot.life + 1, "lives are counted wrongly");
        let is_late = match slot.stage {
            Stage::Unborn => false,
            Stage::Failed => true,
            Stage::Over => slot.comeback == Comeback::Later,
            stage => return Err(format!("worker {worker} starts while it is {stage:?}")),
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
        (slot.stage, slot.life, slot.starts_at) = (Stage::Starting, life, now + after);
        (slot.epoch, slot.next, slot.sent, slot.received) = (0, 0, 0, 0);
        (slot.is_revoking, slot.is_held, slot.is_silent) = (false, false, false);
        (slot.done, slot.is_grown) = (0, false);
        (slot.heir, slot.is_replaced) = (None, false);
        ensure!(self.needs_workers(), "worker {worker} starts for nothing");
        Ok(())
    }

    fn check_address(&self, worker: WorkerId, life: Life, epoch: u16, first: u64) -> Check {
        let slot = &self.slots[worker];
        ensure!(slot.life == life, "a frame goes to an earlier life");
        ensure!(slot.epoch == epoch, "a frame goes out under a wrong epoch");
        ensure!(slot.next == first, "a frame begins at a wrong position");
        Ok(())
    }

    fn send(&mut self, worker: WorkerId, frame: &[JobId]) -> Check {
        let is_at_work = matches!(self.phase, Phase::Open | Phase::Closing);
        ensure!(is_at_work, "a frame goes out of a pool that is {:?}", self.phase);
        let slot = &self.slots[worker];
        ensure!(
            slot.stage == Stage::Ready,
            "a frame goes to worker {worker}, which is {:?}",
            slot.stage
        );
        ensure!(!slot.is_revoking, "a frame crosses a revocation");
        ensure!(!slot.is_silent, "a frame goes to a worker that takes none");
        ensure!(
            slot.sent - slot.received < FRAME_CREDIT,
            "a frame goes beyond the credit"
        );
        let has_free_lane = slot.flight.len() < self.config.lanes as usize;
        ensure!(!slot.is_held || has_free_lane, "a frame goes behind a slow job");
        self.sights.buffered_frames += u64::from(!has_free_lane);
        self.check_frame(worker, frame)?;
        for &job in frame {
            ensure!(
                self.queued.pop_first() == Some(job),
                "job {job} is sent out of its turn"
            );
            let slot = &mut self.slots[worker];
            slot.flight.insert(slot.next, job);
            slot.next += 1;
        }
        self.slots[worker].sent += 1;
        Ok(())
    }

    fn check_frame(&mut self, worker: WorkerId, frame: &[JobId]) -> Check {
        let bytes: usize = frame.iter().map(|&job| self.record(job).bytes).sum();
        ensure!(
            !frame.is_empty() && frame.len() <= MAX_FRAME_JOBS as usize,
            "a frame has {} jobs",
            frame.len()
        );
        ensure!(
            bytes <= FRAME_BYTES || frame.len() == 1,
            "a frame has {bytes} bytes"
        );
        let flight = &self.slots[worker].flight;
        let is_solitary = frame.iter().any(|&job| self.record(job).is_solitary);
        ensure!(
            !is_solitary || (frame.len() == 1 && flight.is_empty()),
            "a solitary job gets company"
        );
        let hermit = flight.values().find(|&&job| self.record(job).is_solitary);
        ensure!(hermit.is_none(), "a frame goes behind a solitary job");
        self.sights.largest_frame = self.sights.largest_frame.max(frame.len() as u64);
        self.sights.solitary_frames += u64::from(is_solitary);
        self.sights.heavy_frames += u64::from(bytes > FRAME_BYTES / 2 && frame.len() > 1);
        Ok(())
    }

    fn deliver(&mut self, worker: WorkerId, first: u64, span: &Span<TestLoad>) -> Check {
        check_span(span)?;
        for (job, position) in (span.first..span.end()).zip(first..) {
            let expected = self.expected.remove(&job);
            let is_due = expected == Some(Outcome::Delivered(worker, position));
            ensure!(
                is_due,
                "job {job} is delivered from {worker}/{position}, expected {expected:?}"
            );
            self.resolve(job)?;
        }
        Ok(())
    }

    fn fail(&mut self, span: &Span<TestLoad>, reason: &Failure<u64>) -> Check {
        check_span(span)?;
        for job in span.first..span.end() {
            self.fail_one(job, reason)?;
            self.resolve(job)?;
        }
        Ok(())
    }

    fn fail_one(&mut self, job: JobId, reason: &Failure<u64>) -> Check {
        let expected = self.expected.remove(&job);
        let deaths = &self.record(job).deaths;
        let is_due = match reason {
            Failure::WorkerDied(cause) => expected == Some(Outcome::WorkerDied) && deaths == &[*cause],
            Failure::Quarantined(causes) => {
                let is_known = deaths == causes;
                let is_halted = self.phase == Phase::Halted && !causes.is_empty();
                is_known
                    && (expected == Some(Outcome::Quarantined) || (is_halted && self.queued.remove(&job)))
            }
            Failure::Halted { by, started: true } => {
                expected == Some(Outcome::Halted) && self.halted_by == Some(*by)
            }
            Failure::Halted { by, started: false } => {
                deaths.is_empty() && self.halted_by == Some(*by) && self.queued.remove(&job)
            }
            Failure::Deadline => expected == Some(Outcome::Deadline),
            Failure::Cancelled => expected == Some(Outcome::Cancelled),
            Failure::Closed => expected == Some(Outcome::Closed),
            Failure::Broken(cause) => self.broken_by == Some(*cause) && self.queued.remove(&job),
        };
        ensure!(is_due, "job {job} fails with {reason:?}, expected {expected:?}");
        Ok(())
    }

    fn revoke(&mut self, worker: WorkerId, life: Life) -> Check {
        ensure!(
            self.must_revoke.contains(&worker),
            "worker {worker} is asked for what it has without need"
        );
        let slot = &mut self.slots[worker];
        ensure!(
            matches!(slot.stage, Stage::Ready | Stage::Retiring | Stage::Condemned),
            "a revocation goes to nobody"
        );
        ensure!(
            slot.life == life && !slot.is_revoking,
            "a revocation is asked for twice"
        );
        slot.is_revoking = true;
        Ok(())
    }

    fn kill_one(&mut self, worker: WorkerId, life: Life) -> Check {
        let slot = &mut self.slots[worker];
        let is_due = match slot.stage {
            Stage::Condemned => slot.flight.is_empty(),
            Stage::Starting | Stage::Ready | Stage::Retiring | Stage::Closing => self.phase == Phase::Killed,
            _ => false,
        };
        ensure!(
            is_due && slot.life == life,
            "worker {worker}, which is {:?}, is killed",
            slot.stage
        );
        slot.stage = Stage::Killed;
        Ok(())
    }

    fn close_one(&mut self, worker: WorkerId, life: Life, recycled: bool) -> Check {
        let is_retiring = self.slots[worker].stage == Stage::Retiring;
        let is_due = match self.phase {
            Phase::Closing => self.unresolved == 0 || is_retiring,
            Phase::Broken | Phase::Halted => true,
            Phase::Open => is_retiring,
            Phase::Killed => false,
        };
        let slot = &mut self.slots[worker];
        let is_free =
            matches!(slot.stage, Stage::Starting | Stage::Ready | Stage::Retiring) && slot.flight.is_empty();
        ensure!(
            recycled == is_retiring,
            "worker {worker} is told a wrong reason to end"
        );
        ensure!(
            is_due && is_free && slot.life == life,
            "worker {worker} is closed while {:?}",
            slot.stage
        );
        slot.stage = Stage::Closing;
        Ok(())
    }
}

fn check_span(span: &Span<TestLoad>) -> Check {
    ensure!(
        span.load.serials().eq(span.first..span.end()),
        "a span's jobs are not its ids"
    );
    Ok(())
}
