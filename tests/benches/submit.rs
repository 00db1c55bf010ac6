//! The time from submitting a job to its output, with real workers.
//!
//! `cargo bench -p tests --bench submit`. Times are for one job.

use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group};
use pool::{Job, Pool};
use serde::{Deserialize, Serialize};

/// Jobs submitted before the first output is waited for.
const JOBS: u64 = 10_000;

/// A job that costs nothing.
#[derive(Debug, Serialize, Deserialize)]
struct Echo(u64);

impl Job for Echo {
    type Output = u64;
    const NAME: &'static str = "echo";
}

fn pool() -> Pool<Echo> {
    Pool::builder().workers(2).build().expect("a pool")
}

fn lone(criterion: &mut Criterion) {
    let pool = pool();
    criterion.bench_function("submit and wait", |bencher| {
        bencher.iter(|| {
            pool.submit(Echo(7))
                .expect("an open pool")
                .wait()
                .expect("an output")
        });
    });
}

fn many(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("10000 jobs");
    group
        .measurement_time(Duration::from_secs(10))
        .throughput(Throughput::Elements(JOBS));
    let pool = pool();
    group.bench_function("submit each, then wait for each", |bencher| {
        bencher.iter(|| {
            let handles = (0..JOBS).map(|number| pool.submit(Echo(number)).expect("an open pool"));
            let handles: Vec<_> = handles.collect();
            handles
                .into_iter()
                .map(|handle| handle.wait().expect("an output"))
                .sum::<u64>()
        });
    });
    group.bench_function("map", |bencher| {
        bencher.iter(|| {
            let outputs = pool.map((0..JOBS).map(Echo));
            outputs.map(|output| output.expect("an output")).sum::<u64>()
        });
    });
    group.bench_function("map_unordered", |bencher| {
        bencher.iter(|| {
            let outputs = pool.map_unordered((0..JOBS).map(Echo));
            outputs.map(|(_, output)| output.expect("an output")).sum::<u64>()
        });
    });
    group.finish();
}

criterion_group!(benches, lone, many);

fn main() {
    // The benchmark is its own worker.
    worker::run_if_worker(|job: Echo, _context| job.0);
    benches();
    Criterion::default().configure_from_args().final_summary();
}
