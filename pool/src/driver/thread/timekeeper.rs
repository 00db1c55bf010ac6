//! What is due at which time: late and slow jobs, workers that do not react, and workers that use too much memory.
//!
//! The timekeeper looks at the boards and the clock whenever the watch thread calls it, reports what it finds to the
//! scheduler as events, and says when to look again. It only observes: what happens to jobs and workers is the
//! scheduler's decision.

use std::{sync::Arc, time::Duration};

use protocol::board;
use rustix::time::ClockId;

use crate::driver::{
    core::Core,
    worker::{Worker, slot::WorkerSlot},
};
use crate::spawn::stuck;

/// The jobs behind a job that has run for this long go to other workers.
const STALL: Duration = Duration::from_millis(4);

/// The jobs of a worker that has run nothing for this long, although it was sent some, go to other workers.
const SILENCE: Duration = Duration::from_millis(50);

/// A worker that has not ended this long after it was asked to is reported as unresponsive.
const UNRESPONSIVE: Duration = Duration::from_secs(5);

/// A process that takes longer than this to become its program is checked.
const SLOW_SPAWN: Duration = Duration::from_millis(100);

/// How often the memory of workers with jobs is read.
const MEMORY_INTERVAL: Duration = Duration::from_millis(5);

/// The longest time between two looks while a job has a deadline, so that a suspension is noticed.
const LONGEST_WAIT: Duration = Duration::from_millis(100);

/// A look that is this late means that the whole program was suspended.
const SUSPENSION: Duration = Duration::from_millis(250);

/// The number of suspensions that are remembered.
const MAX_SUSPENSIONS: usize = 16;

/// Slot, incarnation, and how far its results and progress were taken.
type Untaken = (usize, u64, (u64, u64));

/// Observes what is due.
#[derive(Debug, Default)]
pub(super) struct Timekeeper {
    /// The jobs that were reported as stalled: slot, incarnation, position.
    stalled: Vec<(usize, u64, u64)>,
    /// The workers that were reported as grown: slot and incarnation.
    grown: Vec<(usize, u64)>,
    /// The workers with results or progress to take, and how far these were taken.
    untaken: Vec<Untaken>,
    clock: Clock,
}

impl Timekeeper {
    /// Reports all that is due, and returns when to look again.
    pub(super) fn look(&mut self, core: &Core) -> Option<Duration> {
        let begun = cpu_time();
        if core.watched.is_suspended() {
            // Woken at the end.
            self.clock.expected = None;
            return None;
        }
        self.clock.read(board::now(), core.watched.take_suspended_time());
        let mut look = Look {
            core,
            before: self,
            next: None,
            stalled: Vec::new(),
            grown: Vec::new(),
            untaken: Vec::new(),
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
            untaken,
            ..
        } = look;
        (self.stalled, self.grown, self.untaken) = (stalled, grown, untaken);
        // Nothing here needs less than a millisecond, nor is the clock finer.
        let next = next.map(|next| next.max(Duration::from_millis(1)));
        // Counted from now, because the look itself may have taken long.
        if !core.watched.is_suspended() {
            self.clock
                .expect(board::now(), cpu_time().saturating_sub(begun), next);
        }
        next
    }
}

/// The CPU time of this thread so far.
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// One look at all slots and workers.
struct Look<'a> {
    core: &'a Core,
    before: &'a Timekeeper,
    next: Option<Duration>,
    stalled: Vec<(usize, u64, u64)>,
    grown: Vec<(usize, u64)>,
    untaken: Vec<Untaken>,
}

impl Look<'_> {
    /// Asks for the next look after this time at the latest.
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
            self.again_in(deadline.min(LONGEST_WAIT));
        }
        self.check_memory(slot, worker, runs || has_unclaimed_jobs);
        self.check_end(slot, worker);
        self.check_news(slot, worker);
    }

    /// Checks what a worker has published while a thread polls it in place of its wake-ups. If nothing of it is taken
    /// from one look to the next, the polling thread has no CPU, and the watch thread takes it instead.
    fn check_news(&mut self, slot: &WorkerSlot, worker: &Arc<Worker>) {
        // Asked for first: if no thread polls, what was published before the last one stopped is visible now.
        let will_look = worker.board.parent_will_look();
        let has_news = worker.has_news();
        if has_news {
            let mark = (slot.index, worker.incarnation, worker.taken());
            if self.before.untaken.contains(&mark) {
                self.core.take_results(slot, worker);
            } else {
                self.untaken.push(mark);
            }
        }
        if has_news || will_look {
            self.again_in(STALL);
        }
    }

    /// Checks a process whose start takes long: it may have been stopped.
    fn check_spawn(&mut self, slot: &WorkerSlot) {
        let Some(since) = slot.spawning_since() else {
            return;
        };
        if self.before.clock.since(since) >= SLOW_SPAWN {
            stuck::free_stuck();
        }
        self.again_in(SLOW_SPAWN);
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
            self.again_in(deadline.saturating_sub(ran).min(LONGEST_WAIT));
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

    /// Checks a worker that runs nothing: it may be about to, or it may not react.
    fn check_silence(&mut self, slot: &WorkerSlot, worker: &Worker, has_unclaimed_jobs: bool) {
        if !has_unclaimed_jobs && !worker.has_unfinished_frames() {
            return;
        }
        let silent = self.before.clock.since(worker.sent_at());
        // The worker may be making the state of a lane again after a panic, which can take as long as a start.
        let timeout = self.core.settings.start_deadline;
        if silent >= timeout {
            self.again_in(SILENCE);
            return self.core.unresponsive(slot, worker, timeout);
        }
        if has_unclaimed_jobs && silent >= SILENCE {
            // Reported at each look while it lasts, so that jobs sent in the meantime are taken back too.
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
            self.again_in(MEMORY_INTERVAL);
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

    /// Checks a worker that was asked to end.
    fn check_end(&mut self, slot: &WorkerSlot, worker: &Worker) {
        let Some(closed_at) = worker.closed_at() else {
            return;
        };
        let waited = self.before.clock.since(closed_at);
        if waited >= UNRESPONSIVE {
            self.core.unresponsive(slot, worker, UNRESPONSIVE);
            self.again_in(SILENCE);
        } else {
            // Soon, because a thread that sends does not wake a watch thread that already keeps time.
            self.again_in(UNRESPONSIVE.saturating_sub(waited).min(MEMORY_INTERVAL));
        }
    }
}

/// The time without the times during which the whole program was suspended.
///
/// While a program is stopped, or frozen with its container, time passes in which no process can work. That shows as
/// a look that comes much later than planned, or that takes much longer than its CPU time. The time of a suspension
/// does not count for anything that began before its end.
#[derive(Debug, Default)]
struct Clock {
    now: Duration,
    /// When the next look is planned.
    expected: Option<Duration>,
    /// The end and the length of each suspension.
    suspensions: Vec<(Duration, Duration)>,
}

impl Clock {
    /// Reads the time. The workers were suspended for some time since the last look; if the whole program was, too, the
    /// look comes late by the same time, which counts once.
    fn read(&mut self, now: Duration, suspended: Duration) {
        let late = self
            .expected
            .take()
            .map_or(Duration::ZERO, |expected| now.saturating_sub(expected));
        self.forgive(now, late, suspended);
        self.now = now;
    }

    /// Notes the end of a look, for which this thread has used this CPU time. The next look is planned after `wait`
    /// at the latest.
    fn expect(&mut self, now: Duration, worked: Duration, wait: Option<Duration>) {
        let late = now.saturating_sub(self.now).saturating_sub(worked);
        self.forgive(now, late, Duration::ZERO);
        self.expected = wait.map(|wait| now + wait);
    }

    /// Notes that of the time until now this thread was late by some time, which means a suspension if it is long, and
    /// that the workers were suspended for some time.
    fn forgive(&mut self, now: Duration, late: Duration, suspended: Duration) {
        let lost = if late < SUSPENSION {
            suspended
        } else {
            late.max(suspended)
        };
        if lost.is_zero() {
            return;
        }
        if self.suspensions.len() == MAX_SUSPENSIONS {
            self.suspensions.remove(0);
        }
        self.suspensions.push((now, lost));
    }

    /// The time since then, without suspensions.
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
    use crate::{
        driver::fake_worker::{FakeWorker, wait_until},
        scheduler::{WorkerSnapshot, WorkerState},
    };

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_look_that_comes_in_time_leaves_the_time_as_it_is() {
        let mut clock = Clock::default();
        for now in (0..1000).step_by(100) {
            clock.read(ms(now), ms(0));
            clock.expect(ms(now), ms(0), Some(ms(100)));
        }
        assert_eq!(clock.since(ms(50)), ms(850));
    }

    #[test]
    fn a_suspension_is_forgiven_to_what_had_begun_before() {
        let mut clock = Clock::default();
        clock.read(ms(1000), ms(0));
        clock.expect(ms(1000), ms(0), Some(ms(100)));
        clock.read(ms(6100), ms(0));
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
        clock.read(ms(6150), ms(0));
        assert_eq!(clock.since(ms(6100)), ms(50));
    }

    #[test]
    fn a_suspension_of_the_workers_is_forgiven_once() {
        for planned in [None, Some(ms(100))] {
            let mut clock = Clock::default();
            clock.read(ms(1000), ms(0));
            clock.expect(ms(1000), ms(0), planned);
            clock.read(ms(6100), ms(5000));
            assert_eq!(clock.since(ms(900)), ms(200), "{planned:?}");
        }
    }

    #[test]
    fn sleeping_without_a_time_is_no_suspension() {
        let mut clock = Clock::default();
        clock.read(ms(1000), ms(0));
        clock.expect(ms(1000), ms(0), None);
        clock.read(ms(9000), ms(0));
        assert_eq!(clock.since(ms(1000)), ms(8000));
    }

    #[test]
    fn a_suspension_in_the_middle_of_a_look_is_forgiven_and_a_long_look_is_not() {
        let mut clock = Clock::default();
        clock.read(ms(1000), ms(0));
        clock.expect(ms(6000), ms(1), Some(ms(100)));
        clock.read(ms(6100), ms(0));
        assert_eq!(clock.since(ms(900)), ms(201), "100 before, 1 of work, 100 after");
        clock.expect(ms(7100), ms(990), Some(ms(100)));
        clock.read(ms(7200), ms(0));
        assert_eq!(clock.since(ms(6100)), ms(1100));
    }

    #[test]
    fn a_worker_that_takes_no_job_in_time_is_reported_and_the_scheduler_kills_it() {
        let mut fake = FakeWorker::with(|settings| settings.start_deadline = ms(100));
        let _waits = fake.submit();
        fake.watch();
        wait_until("the worker is killed", || {
            let is_killed = |snapshot: WorkerSnapshot| snapshot.state == WorkerState::Killed;
            fake.core.inspect(|scheduler| scheduler.workers().any(is_killed))
        });
    }
}
