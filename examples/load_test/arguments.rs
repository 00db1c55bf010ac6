//! The command line, checked.

use std::{path::PathBuf, time::Duration};

use clap::{CommandFactory, Parser, ValueEnum, error::ErrorKind, value_parser};
use pool::Builder;
use procfs::{Current, Meminfo};

use crate::{job::Load, kind::Kind};

/// The default number of jobs in flight in a closed loop.
const USUAL_IN_FLIGHT: usize = 16 * 1024;

/// How many bytes those may have together.
const USUAL_BYTES_IN_FLIGHT: usize = 64 << 20;

/// The default duration of a run.
const USUAL_DURATION: Duration = Duration::from_secs(5);

/// Measures the pool on this machine
///
/// Jobs arrive in a closed loop (a new one when one has returned: --in-flight) or in an open loop (at a rate, whether or
/// not the pool keeps up: --rate). A latency ends when the caller has the output. In a closed loop it begins when the job
/// is submitted, in an open loop when the job is due, so that a pool that falls behind cannot hide it.
#[derive(Debug, Parser)]
#[command(name = "load_test")]
pub(crate) struct Arguments {
    /// What each job does: eval, eval:EXPRESSION, spin:TIME (of one CPU) or echo:BYTES (sent and returned)
    #[arg(long, default_value = "eval", value_name = "KIND")]
    pub(crate) job: Kind,
    /// Let every Nth job crash its worker
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..))]
    pub(crate) crash_every: Option<u64>,
    /// How jobs are submitted, and in which order their outputs are taken
    #[arg(long, value_enum, default_value_t = Through::Submit)]
    pub(crate) through: Through,
    /// Closed loop: number of jobs in flight; 1 measures lone jobs [default: 16384, of 64 MiB at most]
    #[arg(long, value_name = "JOBS", conflicts_with = "rate", value_parser = positive)]
    pub(crate) in_flight: Option<usize>,
    /// Open loop: number of jobs that arrive per second
    #[arg(long, value_name = "JOBS_PER_SECOND", value_parser = rate)]
    pub(crate) rate: Option<f64>,
    /// Number of jobs to run [default: as many as arrive in the time]
    #[arg(long, value_parser = value_parser!(u64).range(1..))]
    pub(crate) jobs: Option<u64>,
    /// How long jobs arrive, for example 30s [default: 5s, unless --jobs is given]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    duration: Option<Duration>,
    /// Number of worker processes [default: one per CPU that this process may use]
    #[arg(long, value_parser = value_parser!(u16).range(1..=Builder::<Load>::MAX_WORKERS as i64))]
    workers: Option<u16>,
    /// Number of threads in each worker that run jobs
    #[arg(long, default_value_t = 1, value_parser = value_parser!(u16).range(1..=64))]
    pub(crate) threads: u16,
    /// Print a JSON object instead of text
    #[arg(long)]
    pub(crate) json: bool,
    /// Also write an HTML page with plots
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Measure how the pool scales: 1 to 64 workers, busy and idle, and jobs from 1 ms to 2 us
    #[arg(long, conflicts_with_all = ["job", "crash_every", "through", "in_flight", "rate", "jobs", "html", "threads"])]
    pub(crate) sweep: bool,
}

/// How jobs are submitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Through {
    /// One by one with submit; outputs are taken in the order of submission
    Submit,
    /// As an iterator, with map: outputs come in the order of the jobs
    Map,
    /// As an iterator, unordered: outputs come as soon as they are ready
    MapUnordered,
}

impl Arguments {
    /// Parses the command line; an invalid one ends the program with a message.
    pub(crate) fn checked() -> Self {
        let arguments = Self::parse();
        if let Err(message) = arguments.check_memory() {
            Self::command().error(ErrorKind::ValueValidation, message).exit();
        }
        arguments
    }

    /// How many workers.
    pub(crate) fn workers(&self) -> usize {
        self.workers.map_or_else(cpus, usize::from)
    }

    /// How long jobs arrive at most, if there is a limit.
    pub(crate) fn duration(&self) -> Option<Duration> {
        self.duration.or(self.jobs.is_none().then_some(USUAL_DURATION))
    }

    /// How many jobs are under way in a closed loop.
    pub(crate) fn in_flight(&self) -> usize {
        let fitting = USUAL_BYTES_IN_FLIGHT / self.job.bytes().max(1);
        self.in_flight.unwrap_or(fitting.clamp(1, USUAL_IN_FLIGHT))
    }

    /// Each job under way is here as an output at worst, and in a worker as a job.
    fn check_memory(&self) -> Result<(), String> {
        let needed = self
            .job
            .bytes()
            .saturating_mul(self.in_flight())
            .saturating_mul(2) as u64;
        let available = Meminfo::current().ok().and_then(|memory| memory.mem_available);
        match available {
            Some(available) if needed > available => Err(format!(
                "{} jobs of {} bytes under way need {} MiB of memory, and {} MiB are available; \
                 choose fewer with --in-flight",
                self.in_flight(),
                self.job.bytes(),
                needed >> 20,
                available >> 20
            )),
            _ => Ok(()),
        }
    }
}

/// The CPUs that this process may use.
pub(crate) fn cpus() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

fn positive(text: &str) -> Result<usize, String> {
    match text.parse::<usize>() {
        Ok(0) => Err("at least one job must be under way".into()),
        parsed => parsed.map_err(|error| error.to_string()),
    }
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate.is_finite() && (1e-3..=1e9).contains(&rate) => Ok(rate),
        _ => Err("a rate is a number of jobs per second, from 0.001 to 1e9".into()),
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => Err("no job can arrive in no time".into()),
        parsed => parsed.map_err(|error| error.to_string()),
    }
}
