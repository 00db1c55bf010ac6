//! What was measured, in units: the object that `--json` prints.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::{
    run::Measured,
    usage::{Memory, Used},
};

/// What was run, and on what.
#[derive(Debug, Serialize)]
pub(crate) struct Conditions {
    /// The kind of job, as on the command line.
    pub(crate) job: String,
    /// Every which job crashed.
    pub(crate) crash_every: Option<u64>,
    /// `submit`, `map` or `map_unordered`.
    pub(crate) through: &'static str,
    /// In a closed loop: how many jobs were under way at most.
    pub(crate) in_flight: Option<usize>,
    /// In an open loop: how many jobs were due in a second.
    pub(crate) rate_per_s: Option<f64>,
    /// Worker processes.
    pub(crate) workers: usize,
    /// Threads in each that ran jobs.
    pub(crate) threads: usize,
    /// CPUs that the program could use.
    pub(crate) cpus: usize,
}

/// All figures of a run.
#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    #[serde(flatten)]
    pub(crate) conditions: Conditions,
    /// From the call of `build` until the first worker took jobs.
    pub(crate) start_ms: f64,
    /// From the first job's arrival to the last output.
    pub(crate) seconds: f64,
    /// Jobs that ended.
    pub(crate) jobs: u64,
    /// Those of them that ended with an error: the job crashed, or the pool ended.
    pub(crate) lost: u64,
    /// Jobs that ended in a second.
    pub(crate) jobs_per_s: f64,
    /// Of the jobs that came back.
    pub(crate) latency_us: Latency,
    /// Against one thread of this process with the same jobs; `null` when running a job is no work.
    pub(crate) one_thread: Option<OneThread>,
    /// CPU for each job.
    pub(crate) cpu_us_per_job: Sides<Cpu>,
    /// How often a thread was woken from sleep, for each job.
    pub(crate) wake_ups_per_job: Sides<f64>,
    /// Proportional set size: each process's own share of what it maps.
    pub(crate) memory_kib: Sizes,
    /// Jobs that travelled together, on average.
    pub(crate) jobs_per_frame: f64,
    /// Workers that died.
    pub(crate) deaths: u64,
    /// Workers started in the place of others.
    pub(crate) restarts: u64,
    /// Jobs taken back from a worker before they started there.
    pub(crate) requeued: u64,
    /// The distribution of latencies: microseconds up to which, and how many jobs took so long and longer than the
    /// entry before.
    pub(crate) distribution: Vec<(f64, u64)>,
    /// Throughput over time: seconds since the beginning, and jobs in a second around then.
    pub(crate) throughput: Vec<(f64, f64)>,
}

/// Microseconds within which so many of a hundred jobs came back.
#[derive(Debug, Serialize)]
pub(crate) struct Latency {
    pub(crate) min: f64,
    pub(crate) mean: f64,
    pub(crate) p50: f64,
    pub(crate) p90: f64,
    pub(crate) p99: f64,
    pub(crate) p99_9: f64,
    pub(crate) max: f64,
}

/// The pool against one thread.
#[derive(Debug, Serialize)]
pub(crate) struct OneThread {
    /// What a job takes there.
    pub(crate) us_per_job: f64,
    /// How many times as many jobs the pool ended in the same time.
    pub(crate) speed_up: f64,
    /// That, for each CPU that the workers could use at once; `null` in an open loop, or with fewer jobs under way.
    pub(crate) efficiency: Option<f64>,
    /// How much of all CPU that parent and workers used the jobs themselves would have used in one thread. Unlike the
    /// efficiency it hardly depends on what else the machine does.
    pub(crate) share_of_cpu: f64,
}

/// A figure of the parent, and of all its workers together.
#[derive(Debug, Serialize)]
pub(crate) struct Sides<T> {
    pub(crate) parent: T,
    pub(crate) workers: T,
}

/// Microseconds of CPU.
#[derive(Debug, Serialize)]
pub(crate) struct Cpu {
    /// In the program.
    pub(crate) user: f64,
    /// In the kernel.
    pub(crate) system: f64,
}

/// Memory in KiB.
#[derive(Debug, Serialize)]
pub(crate) struct Sizes {
    /// The parent at the end.
    pub(crate) parent: u64,
    /// The parent at most.
    pub(crate) parent_peak: u64,
    /// Each worker at the end.
    pub(crate) workers: Vec<u64>,
    /// The largest worker at most.
    pub(crate) worker_peak: u64,
}

impl Figures {
    pub(crate) fn new(conditions: Conditions, measured: &Measured) -> Self {
        let recorder = &measured.recorder;
        let jobs = recorder.jobs();
        let parent = measured.after.parent - measured.before.parent;
        let workers = measured.after.of_workers_since(&measured.before);
        let seconds = measured.elapsed.as_secs_f64();
        let sides = |figure: &dyn Fn(&Used) -> f64| Sides {
            parent: figure(&parent) / jobs.max(1) as f64,
            workers: figure(&workers) / jobs.max(1) as f64,
        };
        let stats = &measured.stats;
        Self {
            start_ms: measured.start.as_secs_f64() * 1e3,
            seconds,
            jobs,
            lost: recorder.lost,
            jobs_per_s: jobs as f64 / seconds,
            latency_us: Latency::of(&recorder.latency),
            one_thread: measured.baseline.nanos_per_job().map(|nanos| {
                let work = Duration::from_secs_f64(nanos * recorder.latency.len() as f64 / 1e9);
                OneThread::new(&conditions, nanos, work, seconds, parent.cpu() + workers.cpu())
            }),
            cpu_us_per_job: Sides {
                parent: Cpu::of(&parent, jobs),
                workers: Cpu::of(&workers, jobs),
            },
            wake_ups_per_job: sides(&|used| used.wake_ups as f64),
            memory_kib: Sizes::new(&measured.memory, &measured.samples.memory),
            jobs_per_frame: stats.submitted as f64 / stats.frames.max(1) as f64,
            deaths: stats.deaths,
            restarts: stats.restarts,
            requeued: stats.requeued,
            distribution: distribution(&recorder.latency),
            throughput: throughput(&measured.samples.ended),
            conditions,
        }
    }
}

impl Latency {
    fn of(nanos: &Histogram<u64>) -> Self {
        let at = |share| micros(nanos.value_at_quantile(share));
        Self {
            min: micros(nanos.min()),
            mean: nanos.mean() / 1e3,
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p99_9: at(0.999),
            max: micros(nanos.max()),
        }
    }
}

impl OneThread {
    fn new(conditions: &Conditions, nanos: f64, work: Duration, seconds: f64, cpu: Duration) -> Self {
        let lanes = conditions.cpus.min(conditions.workers * conditions.threads);
        let is_full = conditions.in_flight.is_some_and(|jobs| jobs >= lanes);
        let speed_up = work.as_secs_f64() / seconds;
        Self {
            us_per_job: nanos / 1e3,
            speed_up,
            efficiency: is_full.then(|| speed_up / lanes as f64),
            share_of_cpu: work.as_secs_f64() / cpu.as_secs_f64().max(f64::MIN_POSITIVE),
        }
    }
}

impl Cpu {
    fn of(used: &Used, jobs: u64) -> Self {
        let each = |time: Duration| time.as_secs_f64() * 1e6 / jobs.max(1) as f64;
        Self {
            user: each(used.user),
            system: each(used.system),
        }
    }
}

impl Sizes {
    fn new(end: &Memory, peak: &Memory) -> Self {
        let most = |kib: &[u64]| kib.iter().copied().max().unwrap_or(0);
        Self {
            parent: end.parent_kib,
            parent_peak: peak.parent_kib.max(end.parent_kib),
            workers: end.workers_kib.clone(),
            worker_peak: most(&peak.workers_kib).max(most(&end.workers_kib)),
        }
    }
}

fn micros(nanos: u64) -> f64 {
    nanos as f64 / 1e3
}

/// Latencies in steps of a tenth of their decade or so, as a logarithmic axis shows them.
fn distribution(nanos: &Histogram<u64>) -> Vec<(f64, u64)> {
    let steps = nanos.iter_log(100, 1.122);
    let counted = steps.map(|step| {
        (
            micros(step.value_iterated_to()),
            step.count_since_last_iteration(),
        )
    });
    counted.skip_while(|(_, jobs)| *jobs == 0).collect()
}

/// Differences of samples, those without an end left out.
fn throughput(ended: &[(f64, u64)]) -> Vec<(f64, f64)> {
    let differences = ended.windows(2).map(|pair| {
        let ((from, before), (to, after)) = (pair[0], pair[1]);
        let jobs = after.saturating_sub(before) as f64;
        (f64::midpoint(from, to), jobs / (to - from))
    });
    differences.collect()
}
