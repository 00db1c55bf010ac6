//! Waiting for a lone job's result without sleeping.
//!
//! While there is next to nothing to do, whoever waits for a result looks for it in the workers' rings by himself for a
//! moment: no thread has to be woken, neither the worker's in this process nor his own. He takes the place of the
//! wake-up meanwhile, except when he yields, so that nothing published is ever left unseen for longer.

use std::{sync::Arc, time::Duration};

use protocol::spin::{Spin, Turn};
use smallvec::SmallVec;

use super::{Core, life::Life, seat::Seat};

/// How long to look before sleeping. A worker that sleeps takes a good part of this to wake.
const PATIENCE: Duration = Duration::from_micros(100);

/// With more workers than this, looking at all of them takes too long.
const MOST_WORKERS: usize = 8;

type Lives<'a> = SmallVec<[(&'a Seat, Arc<Life>); MOST_WORKERS]>;

impl Core {
    /// Looks for results until `is_done`, for a moment at most, if there is little to do.
    pub(crate) fn linger(&self, is_done: impl Fn() -> bool) {
        if !self.is_light() || self.seats.len() > MOST_WORKERS || is_done() {
            return;
        }
        let Some(mut spin) = Spin::begin(PATIENCE) else {
            return;
        };
        let lives: Lives<'_> = self
            .seats
            .iter()
            .filter_map(|seat| Some((seat, seat.current()?)))
            .collect();
        loop {
            lives.iter().for_each(|(_, life)| life.board.attend());
            let turn = loop {
                self.look(&lives);
                if is_done() {
                    break Turn::Sleep;
                }
                match spin.turn() {
                    Turn::Look => {}
                    turn => break turn,
                }
            };
            self.leave(&lives);
            if turn == Turn::Sleep || is_done() || !spin.yield_now() {
                return;
            }
        }
    }

    /// Has the workers wake this process again, and takes in what they had no need to wake it for.
    fn leave(&self, lives: &Lives<'_>) {
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
