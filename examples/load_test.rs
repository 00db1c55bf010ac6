//! How fast is the pool on this machine? Throughput, latency, memory and restarts, for jobs of a given size.
//!
//! `cargo run --release -p examples --example load_test -- --help`

#![expect(clippy::print_stdout, reason = "a program that shows something")]
#![expect(
    clippy::cast_precision_loss,
    reason = "figures for people have three digits, not sixteen"
)]

use std::{
    error::Error,
    time::{Duration, Instant},
};

use clap::Parser;
use hdrhistogram::Histogram;
use pool::{Job, JobHandle, Pool};
use serde::{Deserialize, Serialize};

/// Measures the pool with jobs that keep a CPU busy for a given time.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many jobs to run
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    jobs: u64,
    /// How many worker processes [default: the CPUs that this process may use]
    #[arg(long)]
    workers: Option<usize>,
    /// How long each job keeps a CPU busy, in nanoseconds
    #[arg(long, default_value_t = 0, value_name = "NANOSECONDS")]
    work: u64,
    /// How many bytes each job carries there, and back
    #[arg(long, default_value_t = 0, value_name = "BYTES")]
    payload: usize,
    /// Wait for each job before the next is submitted: the latency of a lone job
    #[arg(long)]
    one_by_one: bool,
    /// Let every Nth job kill its worker
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    crash_every: Option<u64>,
}

/// A job that takes a given time and carries a given weight.
#[derive(Debug, Serialize, Deserialize)]
struct Load {
    work: u64,
    crash: bool,
    payload: Payload,
}

/// Bytes, encoded in one piece.
#[derive(Debug)]
struct Payload(Vec<u8>);

impl Job for Load {
    type Output = Payload;
    const NAME: &'static str = "load";
}

impl Serialize for Payload {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Payload;
            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("bytes")
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Payload, E> {
                Ok(Payload(bytes.to_vec()))
            }
        }
        deserializer.deserialize_bytes(Visitor)
    }
}

fn run(job: Load) -> Payload {
    if job.crash {
        std::process::abort();
    }
    if job.work > 0 {
        let end = Instant::now() + Duration::from_nanos(job.work);
        while Instant::now() < end {
            std::hint::spin_loop();
        }
    }
    job.payload
}

/// Longer latencies are counted as this one: an hour.
const LONGEST_NANOS: u64 = 3_600_000_000_000;

/// What was measured of the jobs.
struct Figures {
    latency: Histogram<u64>,
    lost: u64,
}

impl Figures {
    fn new() -> Self {
        let latency = Histogram::new_with_bounds(1, LONGEST_NANOS, 3).expect("these bounds are allowed");
        Self { latency, lost: 0 }
    }

    fn take(&mut self, submitted: Instant, came_back: bool) {
        if came_back {
            self.latency
                .saturating_record(submitted.elapsed().as_nanos() as u64);
        } else {
            self.lost += 1;
        }
    }
}

type Submitted = (Instant, JobHandle<Load>);

impl Arguments {
    fn job(&self, number: u64) -> Load {
        let crash = self.crash_every.is_some_and(|every| number % every == every - 1);
        Load {
            work: self.work,
            crash,
            payload: Payload(vec![7; self.payload]),
        }
    }

    /// Submits each job when the one before has come back.
    fn one_by_one(&self, pool: &Pool<Load>) -> Result<Figures, Box<dyn Error>> {
        let mut figures = Figures::new();
        for number in 0..self.jobs {
            let submitted = Instant::now();
            figures.take(submitted, pool.submit(self.job(number))?.wait().is_ok());
        }
        Ok(figures)
    }

    /// Submits all jobs one after the other without waiting, while another thread takes the outputs.
    fn all_at_once(&self, pool: &Pool<Load>) -> Result<Figures, Box<dyn Error>> {
        let (sender, receiver) = crossbeam_channel::bounded::<Vec<Submitted>>(256);
        std::thread::scope(|scope| {
            let taking = scope.spawn(move || {
                let mut figures = Figures::new();
                for (submitted, handle) in receiver.iter().flatten() {
                    figures.take(submitted, handle.wait().is_ok());
                }
                figures
            });
            // Handles change threads by the hundred, so that this costs the jobs little.
            let mut batch = Vec::with_capacity(256);
            for number in 0..self.jobs {
                batch.push((Instant::now(), pool.submit(self.job(number))?));
                if batch.len() == 256 || number + 1 == self.jobs {
                    sender.send(std::mem::replace(&mut batch, Vec::with_capacity(256)))?;
                }
            }
            drop(sender);
            Ok(taking.join().expect("the taking thread does not panic"))
        })
    }
}

/// The memory of a process in KiB: its own share of what it maps.
fn memory_kib(process: &str) -> u64 {
    let rollup = std::fs::read_to_string(format!("/proc/{process}/smaps_rollup")).unwrap_or_default();
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}

fn main() -> Result<(), Box<dyn Error>> {
    worker::run_if_worker(|job: Load, _context| run(job));
    let arguments = Arguments::parse();

    let mut builder = Pool::<Load>::builder();
    if let Some(workers) = arguments.workers {
        builder = builder.workers(workers);
    }
    let built = Instant::now();
    let pool = builder.build()?;
    let build_time = built.elapsed();

    let begun = Instant::now();
    let figures = if arguments.one_by_one {
        arguments.one_by_one(&pool)
    } else {
        arguments.all_at_once(&pool)
    }?;
    let seconds = begun.elapsed().as_secs_f64();

    let stats = pool.stats();
    let workers: Vec<u64> = stats
        .workers
        .iter()
        .filter_map(|worker| worker.pid)
        .map(|pid| memory_kib(&pid.to_string()))
        .collect();
    let micros = |nanos: u64| nanos as f64 / 1000.0;
    let quantile = |share| micros(figures.latency.value_at_quantile(share));
    println!(
        "workers       {} (first one ready after {:.1} ms)",
        stats.workers.len(),
        build_time.as_secs_f64() * 1e3
    );
    println!(
        "jobs          {} in {seconds:.3} s, {:.0} jobs/s",
        arguments.jobs,
        arguments.jobs as f64 / seconds
    );
    println!(
        "lost          {} (crashed on purpose or with a worker)",
        figures.lost
    );
    println!(
        "jobs a frame  {:.1}",
        stats.submitted as f64 / stats.frames.max(1) as f64
    );
    println!(
        "latency       p50 {:.1} µs, p90 {:.1} µs, p99 {:.1} µs, max {:.1} µs",
        quantile(0.5),
        quantile(0.9),
        quantile(0.99),
        micros(figures.latency.max())
    );
    println!(
        "memory        parent {} KiB, workers {workers:?} KiB (proportional set size)",
        memory_kib("self")
    );
    println!("restarts      {}", stats.restarts);
    Ok(())
}
