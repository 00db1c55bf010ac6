//! Waiting for a lone job's result without sleeping.
//!
//! While there is next to nothing to do, whoever waits for a result looks for it in the workers' rings by himself for a
//! moment: no thread has to be woken, neither the worker's in this process nor his own. He takes the place of the
//! wake-up meanwhile, also while he yields: then it may be the worker that runs, on his CPU. Should he not get it back for
//! long, the watch finds what was published for others ([`super::timekeeper`]).

use std::{sync::Arc, time::Duration};

use protocol::{inbox, spin::Spin};
use smallvec::SmallVec;

use super::{Actions, Core, life::Life, seat::Seat};
use crate::scheduler::Action;

/// How long to look before sleeping. A worker that sleeps takes a good part of this to wake.
const PATIENCE: Duration = Duration::from_micros(100);

/// With more workers than this, looking at all of them takes too long.
const MOST_WORKERS: usize = 8;

pub(super) type Lives<'a> = SmallVec<[(&'a Seat, Arc<Life>); MOST_WORKERS]>;

impl Core {
    /// Takes the place of the wake-up of sleeping workers to which a lone job is about to be sent, until [`Core::leave`]:
    /// such a worker often runs on this very CPU, and is done, before the call that sends has returned.
    pub(super) fn attend_sleepers(&self, actions: &Actions) -> Lives<'_> {
        if !self.is_light() {
            return Lives::new();
        }
        let lives = actions.iter().filter_map(|action| match action {
            Action::Send { worker, life, .. } => {
                let seat = &self.seats[*worker];
                Some((seat, seat.life(*life)?))
            }
            _ => None,
        });
        lives
            .filter(|(_, life)| !inbox::is_open(&life.board))
            .inspect(|(_, life)| life.board.attend())
            .collect()
    }

    /// Looks for results until `is_done`, for a moment at most, if there is little to do.
    pub(crate) fn linger(&self, is_done: impl Fn() -> bool) {
        if !self.is_light() || self.seats.len() > MOST_WORKERS || is_done() {
            return;
        }
        let Some(spin) = Spin::begin(PATIENCE) else {
            return;
        };
        let lives: Lives<'_> = self
            .seats
            .iter()
            .filter_map(|seat| Some((seat, seat.current()?)))
            .collect();
        lives.iter().for_each(|(_, life)| life.board.attend());
        let is_waking = |life: &Life| life.owes() && !inbox::is_open(&life.board);
        let is_any_waking = lives.iter().any(|(_, life)| is_waking(life));
        spin.yielding_first(is_any_waking).run(|| {
            self.look(&lives);
            is_done()
        });
        self.leave(&lives);
    }

    /// Has the workers wake this process again, and takes in what they had no need to wake it for.
    pub(super) fn leave(&self, lives: &Lives<'_>) {
        lives.iter().for_each(|(_, life)| life.board.accept_wake());
        self.look(lives);
    }

    fn look(&self, lives: &Lives<'_>) {
        for (seat, life) in lives {
            if life.board.has_results() {
                self.take_results(seat, life);
            }
        }
    }
}
