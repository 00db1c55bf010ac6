//! Waiting for a lone job's result without sleeping.
//!
//! While there is next to nothing to do, whoever waits for a result looks for it in the workers' rings by himself for a
//! moment: no thread has to be woken, neither the worker's in this process nor his own. He takes the place of the
//! wake-up meanwhile, also while he yields: then it may be the worker that runs, on his CPU. Should he not get it back for
//! long, the watch, which keeps time while anybody attends, sees what he has not ([`super::timekeeper`]).

use std::{sync::Arc, time::Duration};

use protocol::board::{inbox, spin::Spin};
use smallvec::SmallVec;

use super::{Actions, Core, life::Life, seat::Seat};
use crate::scheduler::Action;

/// How long to look before sleeping. A worker that sleeps takes a good part of this to wake.
const PATIENCE: Duration = Duration::from_micros(100);

/// With more workers than this, looking at all of them takes too long.
const MOST_WORKERS: usize = 8;

type Lives<'a> = SmallVec<[(&'a Seat, Arc<Life>); MOST_WORKERS]>;

/// Taking the place of some workers' wake-ups, until it is dropped.
pub(super) struct Attendance<'a> {
    core: &'a Core,
    lives: Lives<'a>,
}

impl<'a> Attendance<'a> {
    fn begin(core: &'a Core, lives: Lives<'a>) -> Self {
        lives.iter().for_each(|(_, life)| life.board.start_polling());
        core.watch.keep_time();
        Self { core, lives }
    }

    /// Takes in the results that are there.
    fn look(&self) {
        for (seat, life) in &self.lives {
            if life.board.has_results() {
                self.core.take_results(seat, life);
            }
        }
    }

    /// Whether one of the workers was sent something and has yet to look for it.
    fn is_any_waking(&self) -> bool {
        let is_waking = |life: &Life| life.owes() && !inbox::is_open(&life.board);
        self.lives.iter().any(|(_, life)| is_waking(life))
    }

    /// Has the workers wake this process again, and takes in all that they had no need to wake it for.
    pub(super) fn leave(mut self) {
        let lives = self.let_wake();
        for (seat, life) in &lives {
            if life.has_news() {
                self.core.take_results(seat, life);
            }
        }
    }

    fn let_wake(&mut self) -> Lives<'a> {
        let lives = std::mem::take(&mut self.lives);
        lives.iter().for_each(|(_, life)| life.board.accept_wake());
        lives
    }
}

impl Drop for Attendance<'_> {
    fn drop(&mut self) {
        self.let_wake();
    }
}

impl Core {
    /// Takes the place of the wake-up of sleeping workers to which a lone job is about to be sent: such a worker often runs
    /// on this very CPU, and is done, before the call that sends has returned.
    pub(super) fn attend_sleepers(&self, actions: &Actions) -> Option<Attendance<'_>> {
        if actions.is_empty() || !self.is_light() {
            return None;
        }
        let sleeper = |action: &Action<_>| match action {
            Action::Send { worker, life, .. } => {
                let seat = &self.seats[*worker];
                let life = seat.life(*life)?;
                (!inbox::is_open(&life.board)).then_some((seat, life))
            }
            _ => None,
        };
        let lives: Lives<'_> = actions.iter().filter_map(sleeper).collect();
        (!lives.is_empty()).then(|| Attendance::begin(self, lives))
    }

    /// Looks for results until `is_done`, for a moment at most, if there is little to do.
    pub(crate) fn linger(&self, is_done: impl Fn() -> bool) {
        if !self.is_light() || is_done() {
            return;
        }
        let Some(spin) = Spin::begin(PATIENCE) else {
            return;
        };
        let lives: Lives<'_> = self.lives().take(MOST_WORKERS + 1).collect();
        if lives.is_empty() || lives.len() > MOST_WORKERS {
            return;
        }
        let attendance = Attendance::begin(self, lives);
        spin.yielding_first(attendance.is_any_waking()).run(|| {
            attendance.look();
            is_done()
        });
        attendance.leave();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::{
        super::stand_in::{PATIENCE, Stage, wait_until},
        *,
    };

    /// Attends, and never looks: whoever attends may get no CPU for long, or run a waker that blocks.
    fn attend(core: &Core) -> Attendance<'_> {
        Attendance::begin(core, core.lives().collect())
    }

    #[test]
    fn the_watch_takes_in_the_results_that_an_absent_attendant_does_not() {
        let mut stage = Stage::new();
        let core = Arc::clone(&stage.core);
        let slot = stage.submit();
        let position = stage.take_job();
        stage.use_up_frame();
        stage.take_in();
        stage.watch_until_asleep();
        let _absent = attend(&core);
        stage.publish(position);
        assert!(!stage.asks_to_wake(), "somebody attends in the wake-up's place");
        assert!(slot.take(Some(Instant::now() + PATIENCE)).is_some());
    }

    #[test]
    fn the_watch_hears_of_progress_that_an_absent_attendant_does_not() {
        let mut stage = Stage::new();
        let core = Arc::clone(&stage.core);
        let _slot = stage.submit();
        let _runs_on = stage.take_job();
        stage.watch_until_asleep();
        let _absent = attend(&core);
        stage.use_up_frame();
        assert!(!stage.asks_to_wake(), "somebody attends in the wake-up's place");
        wait_until("the news are told", || !stage.life.has_news());
    }

    #[test]
    fn whoever_leaves_takes_in_what_nobody_was_woken_for() {
        let mut stage = Stage::new();
        let core = Arc::clone(&stage.core);
        let slot = stage.submit();
        // No watch, and nobody else.
        let attendance = attend(&core);
        let position = stage.take_job();
        stage.publish(position);
        stage.use_up_frame();
        assert!(!stage.asks_to_wake(), "somebody attends in the wake-up's place");
        attendance.leave();
        assert!(slot.try_take().is_some());
        assert!(stage.asks_to_wake(), "nobody attends any more");
    }
}
