//! What is due at which time: late jobs, slow ones, workers that do not react or have grown.
//!
//! Looks at the boards and the clock when the watch lets it, reports what it finds to the core, and says when to look
//! again. It decides nothing about jobs.

use std::{sync::Arc, time::Duration};

use protocol::board;
use rustix::time::ClockId;

use super::{Core, life::Life, seat::Seat};
use crate::{failure::EndReason, spawning};

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
        for seat in &core.seats {
            look.at_spawn(seat);
        }
        for (seat, life) in core.lives() {
            look.at(seat, &life);
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

    fn at(&mut self, seat: &Seat, life: &Arc<Life>) {
        let mut runs = false;
        for running in life.running() {
            runs = true;
            self.at_job(seat, life, running);
        }
        let has_followers = life.has_followers();
        if !runs {
            self.at_silence(seat, life, has_followers);
        }
        if has_followers && let Some(deadline) = self.core.settings.job_deadline {
            self.again_in(deadline.min(PULSE));
        }
        self.at_memory(seat, life, runs || has_followers);
        self.at_end(life);
        self.at_news(seat, life);
    }

    /// What a worker has published while somebody attended in the place of its wake-up. When nothing of it is taken in from
    /// one look to the next, whoever attends has no CPU, and the watch does it for him.
    fn at_news(&mut self, seat: &Seat, life: &Arc<Life>) {
        let has_news = life.has_news();
        if has_news {
            let mark = (seat.slot, life.number, life.taken_in());
            if self.before.unseen.contains(&mark) {
                self.core.take_results(seat, life);
            } else {
                self.unseen.push(mark);
            }
        }
        if has_news || life.board.parent_will_look() {
            self.again_in(STALL);
        }
    }

    /// A start of a process that takes long: the process may have been stopped.
    fn at_spawn(&mut self, seat: &Seat) {
        let Some(since) = seat.spawning_since() else {
            return;
        };
        if self.before.clock.since(since) >= LONG_SPAWN {
            spawning::free_stuck();
        }
        self.again_in(LONG_SPAWN);
    }

    fn at_job(&mut self, seat: &Seat, life: &Life, running: board::Running) {
        // The board's clock may show a start up to one step too early.
        let ran = self
            .before
            .clock
            .since(running.since)
            .saturating_sub(board::clock_resolution());
        if let Some(deadline) = self.core.settings.job_deadline {
            if ran >= deadline {
                return self.core.overdue(seat, life, running.position);
            }
            self.again_in(deadline.saturating_sub(ran).min(PULSE));
        }
        let mark = (seat.slot, life.number, running.position);
        if self.before.stalled.contains(&mark) {
            self.stalled.push(mark);
        } else if ran >= STALL {
            self.core.stalled(seat, life);
            self.stalled.push(mark);
        } else {
            self.again_in(STALL.saturating_sub(ran));
        }
    }

    /// A worker that runs nothing: it may be about to, or it does not react.
    fn at_silence(&mut self, seat: &Seat, life: &Life, has_followers: bool) {
        if !has_followers && !life.owes() {
            return;
        }
        let silent = self.before.clock.since(life.sent_at());
        // It may be making the state of a lane anew, after a panic, which may take as long as at its start.
        let patience = self.core.settings.start_deadline;
        if silent >= patience {
            return life.process.kill(EndReason::Unresponsive(patience));
        }
        if has_followers && silent >= SILENCE {
            // Told at each look while it lasts: what was sent meanwhile is to be taken back too.
            self.core.silent(seat, life);
        }
        let rest = SILENCE.saturating_sub(silent);
        self.again_in(if rest.is_zero() { SILENCE } else { rest });
    }

    fn at_memory(&mut self, seat: &Seat, life: &Life, may_have_jobs: bool) {
        let limits = self.core.settings.memory;
        let Some(used) = life.memory_used(may_have_jobs) else {
            return;
        };
        if may_have_jobs {
            self.again_in(MEMORY_LOOK);
        }
        if let Some(limit) = limits.max.filter(|limit| used > *limit) {
            // What has not been started is taken away first, so that no neighbour starts only to die.
            life.revoke();
            life.process.kill(EndReason::Memory { used, limit });
        } else if limits.recycle.is_some_and(|limit| used > limit) {
            let mark = (seat.slot, life.number);
            if !self.before.grown.contains(&mark) {
                self.core.grown(seat, life);
            }
            self.grown.push(mark);
        }
    }

    /// A worker that was asked to end.
    fn at_end(&mut self, life: &Life) {
        let Some(closed_at) = life.closed_at() else { return };
        let waited = self.before.clock.since(closed_at);
        if waited >= UNRESPONSIVE {
            life.process.kill(EndReason::Unresponsive(UNRESPONSIVE));
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
