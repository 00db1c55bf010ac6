//! The job of the nemesis, and the worker that runs it.
//!
//! A job is derived from the seed and its number alone, so the right answer can be derived again.

use std::time::{Duration, Instant};

use pool::Job;
use serde::{Deserialize, Serialize};
use worker::{Context, Service, Setup};

use super::journal::Journal;

/// One job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Trial {
    pub(crate) number: u64,
    pub(crate) deed: Deed,
    payload: Vec<u8>,
}

/// What a job does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Deed {
    /// It answers with this many bytes.
    Answers(usize),
    /// It computes for this many microseconds and answers.
    Spins(u64),
    /// It panics.
    Panics,
    /// It writes to address 0.
    Crashes,
    /// It never ends.
    Hangs,
}

/// What a job returns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Answer {
    pub(crate) number: u64,
    sum: u64,
    bytes: Vec<u8>,
}

impl Job for Trial {
    type Output = Answer;
    const NAME: &'static str = "nemesis";
}

impl Trial {
    /// The job of this number.
    pub(crate) fn of(seed: u64, number: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let deed = match random.u32(..1000) {
            0..3 => Deed::Crashes,
            3..5 => Deed::Hangs,
            5..10 => Deed::Panics,
            10..200 => Deed::Spins(random.u64(..3000)),
            200..210 => Deed::Spins(random.u64(..20_000)),
            _ => Deed::Answers(size(&mut random)),
        };
        let payload = vec![number as u8; size(&mut random)];
        Self {
            number,
            deed,
            payload,
        }
    }

    /// What it answers, if it does.
    pub(crate) fn answer(&self) -> Answer {
        let length = match self.deed {
            Deed::Answers(length) => length,
            _ => 0,
        };
        Answer {
            number: self.number,
            sum: self.payload.iter().map(|byte| u64::from(*byte) + 1).sum(),
            bytes: vec![!self.number as u8; length],
        }
    }
}

/// Mostly little, sometimes more than a frame takes, seldom much.
fn size(random: &mut fastrand::Rng) -> usize {
    match random.u32(..1000) {
        0..900 => random.usize(..200),
        900..980 => random.usize(..20_000),
        980..998 => random.usize(..200_000),
        _ => random.usize(..3_000_000),
    }
}

/// The worker.
pub(crate) fn service() -> Service<'static> {
    Service::with_state(open_journal, |trial: Trial, context| run(&trial, context))
}

fn open_journal(setup: &Setup) -> Result<Journal, String> {
    let place = setup
        .argument::<(String, u64)>()
        .map_err(|error| error.to_string())?;
    Journal::open(&place)
}

fn run(trial: &Trial, context: &mut Context<'_, Journal>) -> Answer {
    // Before anything else, so that every job that has an effect is counted.
    context.state().count_start(trial.number);
    match trial.deed {
        Deed::Answers(_) => {}
        Deed::Spins(micros) => {
            let end = Instant::now() + Duration::from_micros(micros);
            while Instant::now() < end {
                std::hint::spin_loop();
            }
        }
        Deed::Panics => panic!("job {} panics, on purpose", trial.number),
        Deed::Crashes => crate::crash(),
        Deed::Hangs => loop {
            std::thread::park();
        },
    }
    trial.answer()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_the_same_each_time_and_all_deeds_occur() {
        let jobs: Vec<Trial> = (0..5000).map(|number| Trial::of(7, number)).collect();
        assert!(jobs.iter().all(|job| *job == Trial::of(7, job.number)));
        for deed in [Deed::Panics, Deed::Crashes, Deed::Hangs] {
            assert!(jobs.iter().any(|job| job.deed == deed), "{deed:?}");
        }
        assert_ne!(Trial::of(7, 1), Trial::of(8, 1));
    }
}
