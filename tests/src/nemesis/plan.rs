//! The plan of the nemesis: its command line.

use clap::Parser;

/// Runs jobs in two pools while it kills, stops and aborts their workers at random; the last line has every count as
/// JSON, and the exit code is 1 if a promise was broken.
#[derive(Debug, Clone, Parser)]
#[command(name = "nemesis", max_term_width = 100)]
pub struct Plan {
    /// Seed of all random choices
    #[arg(long, default_value_t = fastrand::u64(..))]
    pub seed: u64,

    /// How many jobs to run
    #[arg(long, default_value_t = 10_000)]
    pub jobs: u64,

    /// How many SIGKILL to send
    #[arg(long, default_value_t = 500)]
    pub kills: u32,

    /// How many SIGSTOP to send
    #[arg(long, default_value_t = 50)]
    pub stops: u32,

    /// How many SIGABRT to send
    #[arg(long, default_value_t = 50)]
    pub aborts: u32,

    /// How many worker processes each of the two pools has
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub workers: u32,
}

impl Plan {
    /// The signals to be sent.
    pub(crate) fn signals(&self) -> u64 {
        u64::from(self.kills) + u64::from(self.stops) + u64::from(self.aborts)
    }

    /// An argument that identifies the workers of each team among all processes.
    pub(crate) fn tags(&self) -> [String; 2] {
        [0, 1].map(|team| format!("--nemesis={}.{}.{team}", std::process::id(), self.seed))
    }
}
