//! Performing what the scheduler asks for.
//!
//! Any thread comes here with the actions that its own event brought. None of them blocks; whatever goes wrong becomes
//! another event.

use std::time::Instant;

use super::{
    core::{Actions, Core, Milestones},
    worker::{Life, Outgoing, harvest::Harvest, slot::Seat},
};
use crate::{
    JobError,
    failure::{Cause, EndReason},
    load::Jobs,
    results::Results,
    scheduler::{Action, Failure, Sentence, Span},
};

impl Core {
    /// Puts the frames among the actions in line at their workers, under the scheduler's lock; what is left of each
    /// action is to send the line.
    pub(super) fn put_in_line(&self, actions: &mut Actions) {
        for action in actions {
            if let Action::Send {
                worker,
                life,
                epoch,
                first,
                count,
                frame,
            } = action
                && let Some(life) = self.seats[*worker].life(*life)
            {
                let cargo = std::mem::take(frame);
                life.put_in_line(Outgoing {
                    epoch: *epoch,
                    first: *first,
                    count: *count,
                    cargo,
                });
            }
        }
    }

    /// Performs actions in their order. What they deliver is in the harvest.
    pub(super) fn perform(&self, actions: Actions, harvest: &mut Harvest) {
        for action in actions {
            match action {
                Action::Send { worker, life, .. } => self.send(worker, life),
                Action::Deliver { worker, first, span } => {
                    if self.settings.capture.is_some() {
                        self.attach_captured(worker, first, &span);
                    }
                    let results = harvest.take(first, span.len());
                    span.load.resolve(results);
                }
                Action::Fail { span, reason } => {
                    let results = Results::failed(self.error_of(reason), span.len());
                    span.load.resolve(std::iter::once(results));
                }
                Action::Start {
                    worker,
                    life,
                    number,
                    after,
                } => {
                    self.seats[worker].start_at(life, number, Instant::now() + after);
                }
                Action::Revoke { worker, life } => {
                    if let Some(life) = self.seats[worker].life(life) {
                        self.revoke(&self.seats[worker], &life);
                    }
                }
                Action::Kill {
                    worker,
                    life,
                    sentence,
                } => {
                    let kill = |life: &Life, reason| life.process.kill(reason);
                    self.seats[worker].end_life(life, sentence.into(), kill);
                }
                Action::Close {
                    worker,
                    life,
                    recycled,
                } => {
                    let reason = if recycled {
                        EndReason::Recycled
                    } else {
                        EndReason::Closed
                    };
                    self.seats[worker].end_life(life, reason, Life::close);
                    self.watched.keep_time();
                }
                Action::Room => self.room.notify_all(),
                Action::Drained => self.changed.notify_all(),
                Action::FirstReady => self.reach(|milestones| milestones.was_ready = true),
                Action::Broken(cause) => {
                    tracing::warn!("the pool is broken: {cause}");
                    self.reach(|milestones| milestones.broken = Some(cause));
                    self.room.notify_all();
                }
                Action::Halted(by) => {
                    tracing::warn!("the pool halts: {by}");
                    self.room.notify_all();
                }
                Action::Ended => {
                    self.reach(|milestones| milestones.ended = true);
                    self.room.notify_all();
                    self.retire();
                }
            }
        }
    }

    /// Gives the jobs that end now what they have written.
    fn attach_captured(&self, worker: usize, first: u64, span: &Span<Jobs>) {
        let Some(life) = self.seats[worker].current() else {
            return;
        };
        let positions = first..first + u64::from(span.len());
        for (position, captured) in life.process.take_captured(&positions) {
            span.load.attach((position - first) as usize, captured);
        }
    }

    fn send(&self, worker: usize, life: u64) {
        if let Some(life) = self.seats[worker].life(life) {
            life.send_line();
            if self.settings.keeps_time() || life.has_followers() {
                self.watched.keep_time();
            }
        }
    }

    fn reach(&self, set: impl FnOnce(&mut Milestones)) {
        set(&mut self.lock().milestones);
        self.changed.notify_all();
    }

    fn error_of(&self, reason: Failure<Cause>) -> JobError {
        match reason {
            Failure::WorkerDied(Cause::Died(death)) => JobError::WorkerDied(death),
            Failure::WorkerDied(cause) | Failure::Broken(cause) => JobError::Broken(cause),
            Failure::Deadline => JobError::DeadlineExceeded(self.settings.job_deadline.unwrap_or_default()),
            Failure::Cancelled => JobError::Cancelled,
            Failure::Quarantined(causes) => JobError::Quarantined(causes),
            Failure::Halted { by, started } => JobError::Halted { by, started },
            Failure::Closed => JobError::Closed,
        }
    }

    pub(super) fn retire(&self) {
        self.seats.iter().for_each(Seat::retire);
        self.watched.stop();
    }
}

impl From<Sentence> for EndReason {
    fn from(sentence: Sentence) -> Self {
        match sentence {
            Sentence::Deadline => Self::Deadline,
            Sentence::Cancelled => Self::Cancelled,
            Sentence::Halted => Self::Halted,
            Sentence::Killed => Self::Closed,
        }
    }
}
