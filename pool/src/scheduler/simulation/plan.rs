//! What kind of history a seed makes: the pool's bounds, the jobs, and how much goes wrong.

use std::{num::NonZero, time::Duration};

use crate::scheduler::{Config, Recycling, RestartLimit};

/// Most pools never halt.
const HALTS: [Option<&str>; 9] = [
    None,
    None,
    None,
    None,
    None,
    Some("soon,fail=1"),
    Some("soon,fail=20%"),
    Some("now,fail=5"),
    Some("now,fail=40%"),
];

/// The character of one history. Chances are in thousandths, for each time that something can happen.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) config: Config,
    pub(super) steps: u32,
    pub(super) owners: usize,
    pub(super) largest_burst: u32,
    pub(super) largest_bytes: usize,
    pub(super) longest_job: Duration,
    pub(super) solitary: u32,
    pub(super) poison: u32,
    pub(super) hang: u32,
    pub(super) death: u32,
    /// How often a worker stops taking jobs, and does not end when asked to.
    pub(super) stuck: u32,
    /// How often a worker uses too much memory.
    pub(super) memory: u32,
    pub(super) failed_start: u32,
    pub(super) permanent: u32,
    /// How many results are failures.
    pub(super) failing: u32,
    pub(super) cancel: u32,
    pub(super) leave: u32,
    pub(super) close: u32,
    pub(super) stop: u32,
    pub(super) kill: u32,
    /// After the last step no start succeeds.
    pub(super) is_doomed: bool,
}

impl Plan {
    pub(super) fn random(random: &mut fastrand::Rng) -> Self {
        let is_doomed = random.u32(..20) == 0;
        Self {
            config: config(random, is_doomed),
            steps: random.u32(20..=200),
            owners: random.usize(1..=3),
            largest_burst: pick(random, &[1, 3, 12, 60, 400]),
            largest_bytes: pick(random, &[20, 20, 400, 9_000, 60_000]),
            longest_job: Duration::from_nanos(pick(random, &[300, 20_000, 600_000, 3_000_000, 9_000_000])),
            solitary: pick(random, &[0, 0, 20, 200]),
            poison: pick(random, &[0, 0, 20, 100]),
            hang: pick(random, &[0, 0, 20, 100]),
            death: pick(random, &[0, 20, 100, 400]),
            stuck: pick(random, &[0, 0, 50, 300]),
            memory: pick(random, &[0, 0, 20, 200]),
            failed_start: pick(random, &[0, 0, 100, 600]),
            permanent: pick(random, &[0, 0, 300]),
            failing: pick(random, &[0, 30, 300]),
            cancel: pick(random, &[0, 100, 1_000]),
            leave: pick(random, &[0, 100]),
            close: pick(random, &[0, 0, 50, 300]),
            kill: pick(random, &[0, 0, 0, 100]),
            stop: pick(random, &[0, 0, 50, 300]),
            is_doomed,
        }
    }
}

fn config(random: &mut fastrand::Rng, is_doomed: bool) -> Config {
    // A doomed pool breaks only if its back-off does not outlast the time in which failures count.
    let within = if is_doomed {
        3_600_000
    } else {
        pick(random, &[5, 100, 60_000])
    };
    Config {
        workers: random.usize(1..=5),
        lanes: pick(random, &[1, 1, 2, 3]),
        attempts: pick(random, &[1, 1, 2, 3]),
        queue_jobs: pick(random, &[1, 5, 40, 100_000]),
        queue_bytes: pick(random, &[60, 3_000, 100_000, usize::MAX]),
        restart_limit: RestartLimit {
            failures: random.usize(0..=6),
            within: Duration::from_millis(within),
        },
        halt: pick(random, &HALTS).map(|halt| halt.parse().expect("a halt")),
        recycling: recycling(random, is_doomed),
        seed: random.u64(..),
    }
}

/// A doomed pool should break, which it does not while a successor fails to start.
fn recycling(random: &mut fastrand::Rng, is_doomed: bool) -> Recycling {
    let (jobs, spares) = (pick(random, &[0, 0, 1, 10, 60]), random.usize(0..=2));
    if is_doomed {
        return Recycling::default();
    }
    Recycling {
        after_jobs: NonZero::new(jobs),
        spares,
    }
}

fn pick<T: Copy>(random: &mut fastrand::Rng, choices: &[T]) -> T {
    choices[random.usize(..choices.len())]
}
