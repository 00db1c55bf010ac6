//! The parent's own work for a job, without processes: a step of the scheduler, and the reorder window.
//!
//! `cargo bench -p pool --bench inside`. Times are for one job.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use pool::bench::{Reordering, Scheduling};

/// From the submission of a job to its delivery, through the whole state machine.
fn scheduler(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("scheduler, submit to deliver");
    for jobs in [1, 64, 1024, 16 * 1024] {
        group.throughput(Throughput::Elements(jobs.into()));
        group.bench_function(BenchmarkId::from_parameter(jobs), |bencher| {
            let mut scheduling = Scheduling::new(2);
            bencher.iter(|| scheduling.run(jobs));
        });
    }
    group.finish();
}

/// Blocks of results that come in the wrong order and leave in the right one.
fn window(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("reorder window, insert to leave");
    for at_once in [1, 64, 1024] {
        group.throughput(Throughput::Elements(8 * u64::from(at_once)));
        group.bench_function(BenchmarkId::from_parameter(at_once), |bencher| {
            let mut reordering = Reordering::new(at_once);
            bencher.iter(|| reordering.run(8));
        });
    }
    group.finish();
}

criterion_group!(benches, scheduler, window);
criterion_main!(benches);
