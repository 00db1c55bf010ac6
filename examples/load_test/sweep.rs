//! How the pool scales: with the number of workers, busy and idle, and with the size of the jobs.

use std::{
    error::Error,
    time::{Duration, Instant},
};

use examples::{Spread, median};
use indicatif::{ProgressBar, ProgressStyle};
use pool::Pool;
use serde::Serialize;

use crate::{
    arguments::{Arguments, Through},
    job::Load,
    kind::Kind,
    run::Run,
    text::time,
    usage::{self, Memory, Usage},
};

const WORKERS: [usize; 5] = [1, 2, 4, 16, 64];

/// CPU per job.
const SIZES: [Duration; 4] = [
    Duration::from_millis(1),
    Duration::from_micros(100),
    Duration::from_micros(10),
    Duration::from_micros(2),
];

/// How long workers are left idle, and how long jobs arrive in a measurement of efficiency. Throughput takes half of it.
const TIME: Duration = Duration::from_secs(4);

/// How often each efficiency is measured, in turn with the others.
const ROUNDS: usize = 3;

/// How long idle workers are given to settle before they are watched.
const SETTLING: Duration = Duration::from_millis(500);

/// A number of workers, what they do and what they cost.
#[derive(Debug, Serialize)]
struct Crew {
    workers: usize,
    /// Until the first worker took jobs.
    start_ms: f64,
    /// Expressions through `map`.
    map_jobs_per_s: f64,
    /// Expressions submitted one by one, waiting for nothing.
    submit_jobs_per_s: f64,
    /// A lone job.
    lone_p50_us: f64,
    /// Of all CPU of one core, in the parent and all workers, while nothing is to be done.
    idle_cpu_percent: f64,
    /// Threads woken in a second while nothing is to be done.
    idle_wake_ups_per_s: f64,
    /// Proportional set size of one worker.
    worker_kib: u64,
}

/// How well jobs of a size use the CPUs when they are submitted one by one.
#[derive(Debug, Serialize)]
struct Size {
    cpu_us_per_job: f64,
    /// In each round.
    efficiency: Vec<f64>,
    /// In each round: how much of all CPU went into the jobs.
    share_of_cpu: Vec<f64>,
    jobs_per_frame: f64,
}

#[derive(Debug, Serialize)]
struct Sweep {
    workers: Vec<Crew>,
    sizes_workers: usize,
    sizes: Vec<Size>,
}

/// Measures and prints.
pub(crate) fn sweep(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let bar = ProgressBar::new((WORKERS.len() + ROUNDS * SIZES.len()) as u64);
    bar.set_style(ProgressStyle::with_template("{elapsed:>4} {bar:40} {msg}")?);
    let sweep = Sweep {
        workers: WORKERS
            .iter()
            .map(|workers| {
                bar.set_message(format!("{workers} workers"));
                let measured = measure_workers(*workers);
                bar.inc(1);
                measured
            })
            .collect::<Result<_, _>>()?,
        sizes_workers: arguments.workers(),
        sizes: measure_sizes(arguments.workers(), &bar)?,
    };
    bar.finish_and_clear();
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&sweep)?);
    } else {
        print(&sweep);
    }
    Ok(())
}

/// A run of expressions in a closed loop.
fn run(through: Through, workers: usize, in_flight: usize) -> Run {
    Run {
        kind: Kind::Eval(None),
        crash_every: None,
        through,
        rate: None,
        in_flight,
        jobs: None,
        duration: Some(TIME / 2),
        workers,
        threads: 1,
    }
}

fn measure_workers(workers: usize) -> Result<Crew, Box<dyn Error>> {
    let map = run(Through::Map, workers, 16 * 1024).run()?;
    let submit = run(Through::Submit, workers, 16 * 1024).run()?;
    let lone = run(Through::Submit, workers, 1).run()?;
    let idle = Idle::measure(workers)?;
    Ok(Crew {
        workers,
        start_ms: map.start_ms,
        map_jobs_per_s: map.jobs_per_s,
        submit_jobs_per_s: submit.jobs_per_s,
        lone_p50_us: lone.latency_us.p50,
        idle_cpu_percent: idle.cpu_percent,
        idle_wake_ups_per_s: idle.wake_ups_per_s,
        worker_kib: idle.worker_kib,
    })
}

/// What workers cost that have nothing to do.
struct Idle {
    cpu_percent: f64,
    wake_ups_per_s: f64,
    worker_kib: u64,
}

impl Idle {
    fn measure(workers: usize) -> Result<Self, Box<dyn Error>> {
        let pool = Pool::<Load>::builder().workers(workers).build()?;
        // Every worker has had work before it is idle.
        for handle in (0..64 * workers)
            .map(|_| pool.submit(Load::Spin(100_000)))
            .collect::<Vec<_>>()
        {
            handle?.wait()?;
        }
        std::thread::sleep(SETTLING);
        let (before, cpu_before) = (Usage::now(&pool)?, usage::exact_cpu(&pool)?);
        let begun = Instant::now();
        std::thread::sleep(TIME);
        let seconds = begun.elapsed().as_secs_f64();
        let (after, cpu_after) = (Usage::now(&pool)?, usage::exact_cpu(&pool)?);
        let wake_ups = (after.parent - before.parent).wake_ups + after.of_workers_since(&before).wake_ups;
        let memory = Memory::now(&pool);
        Ok(Self {
            cpu_percent: cpu_after.saturating_sub(cpu_before).as_secs_f64() / seconds * 100.0,
            wake_ups_per_s: wake_ups as f64 / seconds,
            worker_kib: memory.workers_kib.iter().max().copied().unwrap_or(0),
        })
    }
}

/// Measures the sizes alternately, several times, so that other load on the machine affects all of them.
fn measure_sizes(workers: usize, bar: &ProgressBar) -> Result<Vec<Size>, Box<dyn Error>> {
    let mut sizes: Vec<Size> = SIZES.map(Size::new).into();
    for _ in 0..ROUNDS {
        for (size, cpu) in sizes.iter_mut().zip(SIZES) {
            bar.set_message(format!("jobs of {} us", cpu.as_micros()));
            let mut run = run(Through::Submit, workers, 16 * 1024);
            (run.kind, run.duration) = (Kind::Spin(cpu), Some(TIME));
            let figures = run.run()?;
            bar.inc(1);
            size.jobs_per_frame = figures.jobs_per_frame;
            if let Some(one) = figures.one_thread {
                size.efficiency.extend(one.efficiency);
                size.share_of_cpu.push(one.share_of_cpu);
            }
        }
    }
    Ok(sizes)
}

impl Size {
    fn new(cpu: Duration) -> Self {
        Self {
            cpu_us_per_job: cpu.as_secs_f64() * 1e6,
            efficiency: Vec::new(),
            share_of_cpu: Vec::new(),
            jobs_per_frame: 0.0,
        }
    }
}

fn print(sweep: &Sweep) {
    println!(
        "workers  first ready   map jobs/s  submit jobs/s  lone p50   idle CPU  idle wake-ups  worker memory"
    );
    for row in &sweep.workers {
        println!(
            "{:>7}  {:>8.2} ms  {:>11.0}  {:>13.0}  {:>8}  {:>7.3} %  {:>11.1}/s  {:>9} KiB",
            row.workers,
            row.start_ms,
            row.map_jobs_per_s,
            row.submit_jobs_per_s,
            time(row.lone_p50_us),
            row.idle_cpu_percent,
            row.idle_wake_ups_per_s,
            row.worker_kib
        );
    }
    println!(
        "\nsubmitted one by one, {} workers, against one thread:",
        sweep.sizes_workers
    );
    println!("CPU a job   efficiency (least to most)   share of CPU in jobs   jobs a frame");
    for size in &sweep.sizes {
        let efficiency = Spread::of(size.efficiency.iter().copied());
        println!(
            "{:>9}   {:>10.3} ({:.3} to {:.3})   {:>20.3}   {:>12.1}",
            time(size.cpu_us_per_job),
            efficiency.median,
            efficiency.least,
            efficiency.most,
            median(size.share_of_cpu.iter().copied()),
            size.jobs_per_frame
        );
    }
}
