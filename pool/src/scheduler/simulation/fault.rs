//! Faults planted in the scheduler, to prove that the simulation would notice them.
//!
//! They are planted from outside: an event or an action is changed on its way, or a part is reset, so that the
//! scheduler itself needs no test code. Two are faults of the worker and of the driver.

use std::time::Duration;

use crate::policy::Urgency;
use crate::scheduler::test_jobs::TestJobs;
use crate::scheduler::{Action, Config, Event, KillReason, Scheduler, Span, WorkerState};

/// One thing that a scheduler might do wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The jobs that a dead worker had not claimed are dropped.
    ForgetsBatchAtDeath,
    /// All jobs of a dead worker are suspected, started or not.
    SuspectsWholeBatch,
    /// Events of an earlier incarnation count for the current one.
    IgnoresIncarnation,
    /// A result is delivered twice.
    DeliversTwice,
    /// A result is taken and not delivered.
    LosesResult,
    /// Jobs stay behind one that turns out slow.
    IgnoresStall,
    /// A frame after a revocation is sent as if before it.
    ForgetsEpoch,
    /// Frames are sent without regard to the credit.
    IgnoresCredit,
    /// A worker with a job past its deadline gets more jobs.
    TrustsKillPending,
    /// A suspect has one more attempt than is allowed.
    RetriesTooOften,
    /// A suspect on another attempt does not stay alone.
    ForgetsSolitude,
    /// A job that is in flight cannot be cancelled.
    IgnoresLateCancel,
    /// Failures without progress are never too many.
    NeverBreaks,
    /// The jobs that are next are overlooked, and others are sent before them.
    ForgetsOrder,
    /// Submitters that were turned away wait without end.
    ForgetsRoom,
    /// The end is not announced.
    ForgetsEnd,
    /// Any number of failures is accepted.
    NeverHalts,
    /// A pool that should halt now lets running jobs finish.
    HaltsTooSlowly,
    /// No healthy worker is replaced.
    NeverRecycles,
    /// Jobs stay with a worker that takes none.
    IgnoresSilence,
    /// A worker that does not react is not killed.
    ForgetsUnresponsive,
    /// A worker that uses too much memory is not killed.
    ForgetsMemory,
    /// A worker that uses too much memory is killed while it may still start what it was sent.
    KillsWithoutRevoking,
    /// A report about an earlier incarnation kills the current one.
    KillsLaterIncarnation,
    /// Results that come after a kill was requested are lost.
    LosesResultsOfKilled,
    /// The worker runs what was sent before a revocation.
    WorkerIgnoresEpoch,
    /// The driver reports a death before it has taken the published results.
    DriverForgetsDrain,
    /// The driver leaves a frame in its outbox.
    DriverForgetsFlush,
    /// The pool goes on when its driver has failed.
    IgnoresBrokenDriver,
}

impl Fault {
    pub(super) const ALL: [Self; 29] = [
        Self::ForgetsBatchAtDeath,
        Self::SuspectsWholeBatch,
        Self::IgnoresIncarnation,
        Self::DeliversTwice,
        Self::LosesResult,
        Self::IgnoresStall,
        Self::ForgetsEpoch,
        Self::IgnoresCredit,
        Self::TrustsKillPending,
        Self::RetriesTooOften,
        Self::ForgetsSolitude,
        Self::IgnoresLateCancel,
        Self::NeverBreaks,
        Self::ForgetsOrder,
        Self::ForgetsRoom,
        Self::ForgetsEnd,
        Self::NeverHalts,
        Self::HaltsTooSlowly,
        Self::NeverRecycles,
        Self::IgnoresSilence,
        Self::ForgetsUnresponsive,
        Self::ForgetsMemory,
        Self::KillsWithoutRevoking,
        Self::KillsLaterIncarnation,
        Self::LosesResultsOfKilled,
        Self::WorkerIgnoresEpoch,
        Self::DriverForgetsDrain,
        Self::DriverForgetsFlush,
        Self::IgnoresBrokenDriver,
    ];
}

/// The scheduler under test, perhaps with a fault in it.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) scheduler: Scheduler<TestJobs>,
    fault: Option<Fault>,
}

impl Subject {
    pub(super) fn new(config: &Config, fault: Option<Fault>) -> Self {
        let mut config = config.clone();
        config.attempts += u8::from(fault == Some(Fault::RetriesTooOften));
        match (fault, &mut config.halt) {
            (Some(Fault::NeverHalts), halt) => *halt = None,
            (Some(Fault::HaltsTooSlowly), Some(halt)) => halt.urgency = Urgency::Soon,
            (Some(Fault::NeverRecycles), _) => config.recycling.after_jobs = None,
            _ => {}
        }
        Self {
            scheduler: Scheduler::new(config),
            fault,
        }
    }

    pub(super) fn handle(
        &mut self,
        event: Event<TestJobs>,
        now: Duration,
        actions: &mut Vec<Action<TestJobs>>,
    ) {
        match self.fault {
            None => self.scheduler.handle(event, now, actions),
            Some(fault) => self.mishandle(fault, event, now, actions),
        }
    }

    fn mishandle(
        &mut self,
        fault: Fault,
        mut event: Event<TestJobs>,
        now: Duration,
        actions: &mut Vec<Action<TestJobs>>,
    ) {
        if self.is_swallowed(fault, &mut event) {
            return;
        }
        self.set_back(fault, &event);
        let subject = match event {
            Event::Overdue { worker, .. }
            | Event::Revoked { worker, .. }
            | Event::MemoryExceeded { worker, .. } => Some(worker),
            _ => None,
        };
        let overlooked = (fault == Fault::ForgetsOrder)
            .then(|| self.scheduler.queue.pop())
            .flatten();
        self.scheduler.handle(event, now, actions);
        if let Some(span) = overlooked {
            self.scheduler.queue.requeue(span);
        }
        match (fault, subject) {
            (Fault::ForgetsEpoch, Some(worker)) => self.scheduler.roster.get_mut(worker).epoch = 0,
            (Fault::TrustsKillPending, Some(worker)) => {
                let slot = self.scheduler.roster.get_mut(worker);
                if slot.state == WorkerState::KillPending {
                    slot.state = WorkerState::Ready;
                }
            }
            (Fault::KillsWithoutRevoking, Some(worker)) => {
                let reason = self.scheduler.roster.get(worker).kill_reason;
                if reason.is_workers_fault() {
                    kill_in_place_of_revoking(actions, reason);
                }
            }
            (Fault::ForgetsRoom, _) => actions.retain(|action| !matches!(action, Action::Room)),
            (Fault::ForgetsEnd, _) => actions.retain(|action| !matches!(action, Action::Ended)),
            (Fault::LosesResult, _) => actions.retain(|action| !matches!(action, Action::Deliver { .. })),
            (Fault::DeliversTwice, _) => repeat_deliveries(actions),
            _ => {}
        }
    }

    /// Changes the event on its way in, or keeps it.
    fn is_swallowed(&mut self, fault: Fault, event: &mut Event<TestJobs>) -> bool {
        let scheduler = &mut self.scheduler;
        match (fault, event) {
            (Fault::SuspectsWholeBatch, Event::Died { claimed, .. }) => *claimed = u64::MAX,
            (Fault::IgnoresCredit, Event::Progress { received, .. }) => *received = u64::MAX,
            (Fault::IgnoresStall, Event::Stalled { .. })
            | (Fault::IgnoresSilence, Event::Silent { .. })
            | (Fault::ForgetsUnresponsive, Event::Unresponsive { .. })
            | (Fault::ForgetsMemory, Event::MemoryExceeded { .. })
            | (Fault::IgnoresBrokenDriver, Event::Broken { .. }) => return true,
            (Fault::LosesResultsOfKilled, Event::Finished { worker, .. }) => {
                return scheduler.roster.get(*worker).state == WorkerState::Killed;
            }
            (Fault::IgnoresLateCancel, Event::Cancel { job }) => {
                return scheduler.queue.front().is_none_or(|span| *job < span.first);
            }
            (
                Fault::KillsLaterIncarnation,
                Event::Unresponsive {
                    worker, incarnation, ..
                }
                | Event::MemoryExceeded {
                    worker, incarnation, ..
                },
            )
            | (
                Fault::IgnoresIncarnation,
                Event::Ready { worker, incarnation }
                | Event::Finished {
                    worker, incarnation, ..
                }
                | Event::Stalled { worker, incarnation }
                | Event::Died {
                    worker, incarnation, ..
                },
            ) => *incarnation = scheduler.roster.get(*worker).incarnation,
            _ => {}
        }
        false
    }

    /// Resets a part before the event.
    fn set_back(&mut self, fault: Fault, event: &Event<TestJobs>) {
        let scheduler = &mut self.scheduler;
        match (fault, event) {
            (
                Fault::ForgetsBatchAtDeath,
                &Event::Died {
                    worker,
                    incarnation,
                    claimed,
                    ..
                },
            ) if scheduler.roster.serving(worker, incarnation).is_some() => {
                scheduler.in_flight.revoke(worker, claimed);
            }
            (Fault::NeverBreaks, _) => scheduler.budget.progressed(),
            (Fault::ForgetsSolitude, _) => {
                if let Some(mut span) = scheduler.queue.pop() {
                    span.alone = false;
                    scheduler.queue.requeue(span);
                }
            }
            _ => {}
        }
    }
}

fn repeat_deliveries(actions: &mut Vec<Action<TestJobs>>) {
    let delivered = actions.iter().find_map(|action| match action {
        Action::Deliver { worker, first, span } => Some((*worker, *first, span.first, span.contents.clone())),
        _ => None,
    });
    if let Some((worker, first, job, contents)) = delivered {
        let span = Span {
            first: job,
            attempts: 0,
            alone: false,
            causes: Vec::new(),
            contents,
        };
        actions.push(Action::Deliver { worker, first, span });
    }
}

/// Replaces each revocation by a kill.
fn kill_in_place_of_revoking(actions: &mut [Action<TestJobs>], reason: KillReason) {
    for action in actions {
        if let Action::Revoke { worker, incarnation } = *action {
            *action = Action::Kill {
                worker,
                incarnation,
                reason,
            };
        }
    }
}
