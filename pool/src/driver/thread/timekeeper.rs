//! What is due at which time: late jobs, slow ones, workers that do not react or have grown.
//!
//! Looks at the boards and the clock when the watch lets it, reports what it finds to the core, and says when to look
//! again. It decides nothing about jobs.

use std::{sync::Arc, time::Duration};

use protocol::board;
use rustix::time::ClockId;

use crate::driver::{
    core::Core,
    worker::{Worker, slot::WorkerSlot},
};
use crate::spawn::stuck;

/// A job that has run for this long loses those behind it to other workers.
const STALL: Duration = Duration::from_millis(4);

/// A worker that has taken no job for this long although it was sent some, and runs none, loses them to other workers.
const SILENCE: Duration = Duration::from_millis(50);

/// A worker that has not ended for this long after it was asked to is killed.
const UNRESPONSIVE: Duration = Duration::from_secs(5);

/// A process that takes longer to become its program is looked at.
const LONG_SPAWN: Duration = Duration::from_millis(100);

/// How often the memory of workers is looked at while they have jobs.
const MEMORY_LOOK: Duration = Duration::from_millis(5);

/// How often the clock is looked at, at the least, while a job has a deadline: to notice a suspension.
const PULSE: Duration = Duration::from_millis(100);

/// A look that comes so much later than it was asked for has not been late: the whole program has been suspended.
const SUSPENSION: Duration = Duration::from_millis(250);

/// How many suspensions are remembered.
const KEPT_SUSPENSIONS: usize = 16;

/// Slot, life, and how far its news have been taken in.
type Unseen = (usize, u64, (u64, u64));

/// Sees what is due.
#[derive(Debug, Default)]
pub(super) struct Timekeeper {
    /// The jobs that have been reported as stalled: slot, life, position.
    stalled: Vec<(usize, u64, u64)>,
    /// The lives that have been reported as grown: slot and life.
    grown: Vec<(usize, u64)>,
    /// The lives with news, and how far these had been taken in.
    unseen: Vec<Unseen>,
    clock: Clock,
}

impl Timekeeper {
    /// Reports all that is due; says when to look again.
    pub(super) fn look(&mut self, core: &Core) -> Option<Duration> {
        let begun = cpu_time();
        self.clock.read(board::now());
        let mut look = Look {
            core,
            before: self,
            next: None,
            stalled: Vec::new(),
            grown: Vec::new(),
            unseen: Vec::new(),
        };
        for slot in &core.slots {
            look.check_spawn(slot);
        }
        for (slot, worker) in core.workers() {
            look.check_worker(slot, &worker);
        }
        let Look {
            next,
            stalled,
            grown,
            unseen,
            ..
        } = look;
        (self.stalled, self.grown, self.unseen) = (stalled, grown, unseen);
        // A millisecond is the finest that matters here; the clock's own step is no finer.
        let next = next.map(|next| next.max(Duration::from_millis(1)));
        // From now on: the look itself may have taken long.
        self.clock
            .expect(board::now(), cpu_time().saturating_sub(begun), next);
        next
    }
}

/// The CPU time of this thread so far.
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// One look at everything.
struct Look<'a> {
    core: &'a Core,
    before: &'a Timekeeper,
    next: Option<Duration>,
    stalled: Vec<(usize, u64, u64)>,
    grown: Vec<(usize, u64)>,
    unseen: Vec<Unseen>,
}

impl Look<'_> {
    /// Asks for another look after this time at the latest.
    fn again_in(&mut self, wait: Duration) {
        self.next = self.next.into_iter().chain([wait]).min();
    }

    fn check_worker(&mut self, slot: &WorkerSlot, worker: &Arc<Worker>) {
        let mut runs = false;
        for running in worker.running() {
            runs = true;
            self.check_job(slot, worker, running);
        }
        let has_unclaimed_jobs = worker.has_unclaimed_jobs();
        if !runs {
            self.check_silence(slot, worker, has_unclaimed_jobs);
        }
        if has_unclaimed_jobs && let Some(deadline) = self.core.settings.job_deadline {
            self.again_in(deadline.min(PULSE));
        }
        self.check_memory(slot, worker, runs || has_unclaimed_jobs);
        self.check_end(slot, worker);
        self.check_news(slot, worker);
    }

    /// What a worker has published while somebody attended in the place of its wake-up. When nothing of it is taken in from
    /// one look to the next, whoever attends has no CPU, and the watch does it for him.
    fn check_news(&mut self, slot: &WorkerSlot, worker: &Arc<Worker>) {
        let has_news = worker.has_news();
        if has_news {
            let mark = (slot.index, worker.incarnation, worker.taken_in());
            if self.before.unseen.contains(&mark) {
                self.core.take_results(slot, worker);
            } else {
                self.unseen.push(mark);
            }
        }
        if has_news || worker.board.parent_will_look() {
            self.again_in(STALL);
        }
    }

    /// A start of a process that takes long: the process may have been stopped.
    fn check_spawn(&mut self, slot: &WorkerSlot) {
        let Some(since) = slot.spawning_since() else {
            return;
        };
        if self.before.clock.since(since) >= LONG_SPAWN {
            stuck::free_stuck();
        }
        self.again_in(LONG_SPAWN);
    }

    fn check_job(&mut self, slot: &WorkerSlot, worker: &Worker, running: board::Running) {
        // The board's clock may show a start up to one step too early.
        let ran = self
            .before
            .clock
            .since(running.since)
            .saturating_sub(board::clock_resolution());
        if let Some(deadline) = self.core.settings.job_deadline {
            if ran >= deadline {
                return self.core.overdue(slot, worker, running.position);
            }
            self.again_in(deadline.saturating_sub(ran).min(PULSE));
        }
        let mark = (slot.index, worker.incarnation, running.position);
        if self.before.stalled.contains(&mark) {
            self.stalled.push(mark);
        } else if ran >= STALL {
            self.core.stalled(slot, worker);
            self.stalled.push(mark);
        } else {
            self.again_in(STALL.saturating_sub(ran));
        }
    }

    /// A worker that runs nothing: it may be about to, or it does not react.
    fn check_silence(&mut self, slot: &WorkerSlot, worker: &Worker, has_unclaimed_jobs: bool) {
        if !has_unclaimed_jobs && !worker.has_unfinished_frames() {
            return;
        }
        let silent = self.before.clock.since(worker.sent_at());
        // It may be making the state of a lane anew, after a panic, which may take as long as at its start.
        let timeout = self.core.settings.start_deadline;
        if silent >= timeout {
            self.again_in(SILENCE);
            return self.core.unresponsive(slot, worker, timeout);
        }
        if has_unclaimed_jobs && silent >= SILENCE {
            // Told at each look while it lasts: what was sent meanwhile is to be taken back too.
            self.core.silent(slot, worker);
        }
        let rest = SILENCE.saturating_sub(silent);
        self.again_in(if rest.is_zero() { SILENCE } else { rest });
    }

    fn check_memory(&mut self, slot: &WorkerSlot, worker: &Worker, may_have_jobs: bool) {
        let limits = self.core.settings.memory;
        let Some(used) = worker.memory_used(may_have_jobs) else {
            return;
        };
        if may_have_jobs {
            self.again_in(MEMORY_LOOK);
        }
        if let Some(limit) = limits.max.filter(|limit| used > *limit) {
            self.core.memory_exceeded(slot, worker, used, limit);
        } else if limits.recycle.is_some_and(|limit| used > limit) {
            let mark = (slot.index, worker.incarnation);
            if !self.before.grown.contains(&mark) {
                self.core.grown(slot, worker);
            }
            self.grown.push(mark);
        }
    }

    /// A worker that was asked to end.
    fn check_end(&mut self, slot: &WorkerSlot, worker: &Worker) {
        let Some(closed_at) = worker.closed_at() else {
            return;
        };
        let waited = self.before.clock.since(closed_at);
        if waited >= UNRESPONSIVE {
            self.core.unresponsive(slot, worker, UNRESPONSIVE);
            self.again_in(SILENCE);
        } else {
            // Often, because whoever sends meanwhile does not wake a watch that keeps time already.
            self.again_in(UNRESPONSIVE.saturating_sub(waited).min(MEMORY_LOOK));
        }
    }
}

/// The time, less the times in which the whole program was suspended.
///
/// A program that is stopped and continued, or frozen with its container, finds that time has passed in which nobody
/// could work. It shows in a look that comes much later than it was asked for, or that has taken much longer than it has
/// worked. Whatever began before has that time forgiven.
#[derive(Debug, Default)]
struct Clock {
    now: Duration,
    /// When the next look was to be.
    expected: Option<Duration>,
    /// When each suspension was over, and how long it was.
    suspensions: Vec<(Duration, Duration)>,
}

impl Clock {
    fn read(&mut self, now: Duration) {
        let late = self
            .expected
            .take()
            .map_or(Duration::ZERO, |expected| now.saturating_sub(expected));
        self.forgive(now, late);
        self.now = now;
    }

    /// The look is over, for which this thread has worked so long, and the next one is to be after this time, if nothing
    /// happens before.
    fn expect(&mut self, now: Duration, worked: Duration, wait: Option<Duration>) {
        self.forgive(now, now.saturating_sub(self.now).saturating_sub(worked));
        self.expected = wait.map(|wait| now + wait);
    }

    /// So much of the time until now was lost; it was a suspension if it is long.
    fn forgive(&mut self, now: Duration, lost: Duration) {
        if lost < SUSPENSION {
            return;
        }
        if self.suspensions.len() == KEPT_SUSPENSIONS {
            self.suspensions.remove(0);
        }
        self.suspensions.push((now, lost));
    }

    /// How long ago something was, suspensions left out.
    fn since(&self, then: Duration) -> Duration {
        let after = self.suspensions.iter().filter(|(end, _)| *end > then);
        let suspended: Duration = after
            .map(|(end, length)| (*length).min(end.saturating_sub(then)))
            .sum();
        self.now.saturating_sub(then).saturating_sub(suspended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_look_that_comes_in_time_leaves_the_time_as_it_is() {
        let mut clock = Clock::default();
        for now in (0..1000).step_by(100) {
            clock.read(ms(now));
            clock.expect(ms(now), ms(0), Some(ms(100)));
        }
        assert_eq!(clock.since(ms(50)), ms(850));
    }

    #[test]
    fn a_suspension_is_forgiven_to_what_had_begun_before() {
        let mut clock = Clock::default();
        clock.read(ms(1000));
        clock.expect(ms(1000), ms(0), Some(ms(100)));
        clock.read(ms(6100));
        assert_eq!(
            clock.since(ms(900)),
            ms(200),
            "100 before and 100 in which it was not late"
        );
        assert_eq!(
            clock.since(ms(5000)),
            ms(0),
            "it seems to have begun in the suspension"
        );
        clock.expect(ms(6100), ms(0), Some(ms(50)));
        clock.read(ms(6150));
        assert_eq!(clock.since(ms(6100)), ms(50));
    }

    #[test]
    fn sleeping_without_a_time_is_no_suspension() {
        let mut clock = Clock::default();
        clock.read(ms(1000));
        clock.expect(ms(1000), ms(0), None);
        clock.read(ms(9000));
        assert_eq!(clock.since(ms(1000)), ms(8000));
    }

    #[test]
    fn a_suspension_in_the_middle_of_a_look_is_forgiven_and_a_long_look_is_not() {
        let mut clock = Clock::default();
        clock.read(ms(1000));
        clock.expect(ms(6000), ms(1), Some(ms(100)));
        clock.read(ms(6100));
        assert_eq!(clock.since(ms(900)), ms(201), "100 before, 1 of work, 100 after");
        clock.expect(ms(7100), ms(990), Some(ms(100)));
        clock.read(ms(7200));
        assert_eq!(clock.since(ms(6100)), ms(1100));
    }
}
