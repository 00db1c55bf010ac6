//! The figures as text for a terminal.

use std::fmt::Write;

use crate::figures::{Conditions, Figures};

/// The figures, a line for each group.
pub(crate) fn text(figures: &Figures) -> String {
    let mut text = String::new();
    for (name, value) in rows(figures) {
        // Writing to a text cannot fail.
        let _ = writeln!(text, "{name:<14}{value}");
    }
    text
}

/// The figures by name, for whatever shows them.
pub(crate) fn rows(figures: &Figures) -> Vec<(&'static str, String)> {
    let latency = &figures.latency_us;
    let (cpu, wakes) = (&figures.cpu_us_per_job, &figures.wake_ups_per_job);
    let memory = &figures.memory_kib;
    let mut rows = vec![
        ("run", run(&figures.conditions)),
        (
            "throughput",
            format!(
                "{:.0} jobs/s ({} jobs in {:.3} s)",
                figures.jobs_per_s, figures.jobs, figures.seconds
            ),
        ),
        (
            "latency",
            format!(
                "p50 {}, p90 {}, p99 {}, p99.9 {}, max {}",
                time(latency.p50),
                time(latency.p90),
                time(latency.p99),
                time(latency.p99_9),
                time(latency.max)
            ),
        ),
    ];
    if let Some(one) = &figures.one_thread {
        let efficiency = one
            .efficiency
            .map(|efficiency| format!(", efficiency {efficiency:.3}"));
        rows.push((
            "one thread",
            format!(
                "{} a job; the pool {:.2} x as fast{}; {:.0} % of all CPU went into the jobs",
                time(one.us_per_job),
                one.speed_up,
                efficiency.unwrap_or_default(),
                one.share_of_cpu * 100.0
            ),
        ));
    }
    rows.extend([
        (
            "CPU a job",
            format!(
                "parent {} user + {} system, workers {} user + {} system",
                time(cpu.parent.user),
                time(cpu.parent.system),
                time(cpu.workers.user),
                time(cpu.workers.system)
            ),
        ),
        (
            "batches",
            format!(
                "{:.1} jobs a frame; wake-ups a job: parent {:.4}, workers {:.4}",
                figures.jobs_per_frame, wakes.parent, wakes.workers
            ),
        ),
        (
            "memory",
            format!(
                "parent {} KiB (most {}), largest worker {} KiB (most {}), proportional set size",
                memory.parent,
                memory.parent_peak,
                memory.workers.iter().max().unwrap_or(&0),
                memory.worker_peak
            ),
        ),
        (
            "start",
            format!("{:.2} ms until the first worker took jobs", figures.start_ms),
        ),
        (
            "faults",
            format!(
                "{} jobs lost, {} workers died, {} restarts, {} jobs sent again",
                figures.lost, figures.deaths, figures.restarts, figures.requeued
            ),
        ),
    ]);
    rows.extend(missed_rate(figures).map(|missed| ("note", missed)));
    rows
}

fn run(conditions: &Conditions) -> String {
    let arrival = match (conditions.rate_per_s, conditions.in_flight) {
        (Some(rate), _) => format!("{rate} jobs due a second"),
        (None, jobs) => format!("{} under way", jobs.unwrap_or(0)),
    };
    let crash = conditions
        .crash_every
        .map(|every| format!(", every {every}th crashes"));
    format!(
        "{}{}, through {}, {arrival}; workers {}, threads in each {}, CPUs {}",
        conditions.job,
        crash.unwrap_or_default(),
        conditions.through,
        conditions.workers,
        conditions.threads,
        conditions.cpus
    )
}

/// A warning if an open loop did not keep its rate.
fn missed_rate(figures: &Figures) -> Option<String> {
    let rate = figures.conditions.rate_per_s?;
    let is_missed = figures.jobs_per_s < rate * 0.95;
    is_missed.then(|| {
        format!(
            "the rate was not kept: {:.0} of {rate} jobs/s; latencies include the growing queue",
            figures.jobs_per_s
        )
    })
}

/// A time in the unit that suits it, with three digits.
pub(crate) fn time(micros: f64) -> String {
    let (value, unit) = match micros {
        ..1.0 => (micros * 1e3, "ns"),
        1.0..1e3 => (micros, "µs"),
        1e3..1e6 => (micros / 1e3, "ms"),
        _ => (micros / 1e6, "s"),
    };
    let digits = match value {
        ..10.0 => 2,
        10.0..100.0 => 1,
        _ => 0,
    };
    format!("{value:.digits$} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits_and_a_unit() {
        let shown = [0.0, 0.25, 1.0, 12.34, 999.0, 1500.0, 2e6].map(time);
        assert_eq!(
            shown,
            [
                "0.00 ns", "250 ns", "1.00 µs", "12.3 µs", "999 µs", "1.50 ms", "2.00 s"
            ]
        );
    }
}
