//! Spinning for a moment before sleeping.
//!
//! Waking a sleeping process costs tens of microseconds; seeing a change in shared memory costs well under one. So a thread
//! that expects an answer soon looks for it for a while before it sleeps, if there is a CPU to spare. It yields in between,
//! and stops if the CPU then went to another thread, so that on a busy machine it takes nothing from threads that have work.
//!
//! Owns only how long to look. What to look for is the caller's part, and so is to sleep.

use std::{
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

/// The number of looks between two readings of the clock.
const LOOKS: u32 = 16;

/// A yield that takes longer than this has let another thread run.
const OTHERS_RAN: Duration = Duration::from_micros(8);

/// One time of spinning.
#[derive(Debug)]
pub struct Spin {
    end: Instant,
    looks: u32,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Look,
    Yield,
    Sleep,
}

impl Spin {
    /// Prepares to spin for at most `limit`. Returns `None` if there is only one CPU, where nothing could change meanwhile.
    pub fn begin(limit: Duration) -> Option<Self> {
        static IS_ALONE: OnceLock<bool> = OnceLock::new();
        let is_alone =
            *IS_ALONE.get_or_init(|| thread::available_parallelism().is_ok_and(|cpus| cpus.get() < 2));
        let end = Instant::now().checked_add(limit).filter(|_| !is_alone)?;
        Some(Self { end, looks: 0 })
    }

    /// Yields after the first look, if it is likely that the other side waits for this very CPU.
    #[must_use]
    pub fn yielding_first(mut self, is_likely: bool) -> Self {
        if is_likely {
            self.looks = LOOKS - 1;
        }
        self
    }

    /// Spins until `is_there` finds what it looks for. Returns whether it did.
    pub fn run(mut self, mut is_there: impl FnMut() -> bool) -> bool {
        loop {
            if is_there() {
                return true;
            }
            match self.turn() {
                Turn::Look => {}
                Turn::Yield if yield_now() => {}
                Turn::Yield | Turn::Sleep => return is_there(),
            }
        }
    }

    /// Decides what to do after a look that has found nothing.
    fn turn(&mut self) -> Turn {
        self.looks += 1;
        if !self.looks.is_multiple_of(LOOKS) {
            std::hint::spin_loop();
            return Turn::Look;
        }
        if Instant::now() < self.end {
            Turn::Yield
        } else {
            Turn::Sleep
        }
    }
}

/// Lets another thread run that is ready to. Returns whether none was.
fn yield_now() -> bool {
    let before = Instant::now();
    thread::yield_now();
    before.elapsed() < OTHERS_RAN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_is_seen_and_what_does_not_come_ends_the_spin() {
        let mut looks = 0;
        let limit = Duration::from_secs(10);
        // With only one CPU there is no spinning.
        if let Some(spin) = Spin::begin(limit) {
            let seen = spin.run(|| {
                looks += 1;
                looks == 3
            });
            assert_eq!((seen, looks), (true, 3));
        }
        let short = Spin::begin(Duration::from_micros(50));
        assert!(short.is_none_or(|spin| !spin.run(|| false)));
    }

    #[test]
    fn spinning_has_an_end() {
        if let Some(mut spin) = Spin::begin(Duration::ZERO) {
            let turns: Vec<Turn> = (0..LOOKS).map(|_| spin.turn()).collect();
            let (last, others) = turns.split_last().unwrap();
            assert_eq!(*last, Turn::Sleep);
            assert!(others.iter().all(|turn| *turn == Turn::Look));
        }
    }
}
