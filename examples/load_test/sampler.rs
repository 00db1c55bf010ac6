//! Watches a run: shows progress, and samples throughput over time and peak memory.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use indicatif::{ProgressBar, ProgressStyle};
use pool::Pool;

use crate::{job::Load, usage::Memory};

/// How often the jobs that have ended are counted.
const INTERVAL: Duration = Duration::from_millis(50);

/// How often memory is measured, in intervals: that makes the kernel walk through page tables.
const INTERVALS_PER_MEMORY: u32 = 10;

/// What was seen.
#[derive(Debug, Default)]
pub(crate) struct Samples {
    /// Seconds since the beginning, and the jobs that had ended by then.
    pub(crate) ended: Vec<(f64, u64)>,
    /// The most memory of each process at any time.
    pub(crate) memory: Memory,
}

/// The goal that the progress bar shows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Goal {
    pub(crate) jobs: Option<u64>,
    pub(crate) duration: Option<Duration>,
}

/// Runs `work` and watches it.
pub(crate) fn watch<T>(
    pool: &Pool<Load>,
    goal: Goal,
    ended: &Arc<AtomicU64>,
    work: impl FnOnce() -> T,
) -> (T, Samples) {
    thread::scope(|scope| {
        let (done, is_done) = bounded::<()>(0);
        let watching = scope.spawn(move || sample(pool, goal, ended, &is_done));
        let result = work();
        drop(done);
        (
            result,
            watching.join().expect("the watching thread does not panic"),
        )
    })
}

fn sample(pool: &Pool<Load>, goal: Goal, ended: &AtomicU64, is_done: &Receiver<()>) -> Samples {
    let begun = Instant::now();
    let bar = goal.bar();
    let mut samples = Samples::default();
    for turn in 0_u32.. {
        let (jobs, elapsed) = (ended.load(Ordering::Relaxed), begun.elapsed());
        samples.ended.push((elapsed.as_secs_f64(), jobs));
        goal.show(&bar, jobs, elapsed);
        if turn.is_multiple_of(INTERVALS_PER_MEMORY) {
            samples.memory = samples.memory.at_most(Memory::now(pool));
        }
        if let Err(RecvTimeoutError::Disconnected) = is_done.recv_timeout(INTERVAL) {
            break;
        }
    }
    bar.finish_and_clear();
    samples
}

impl Goal {
    /// A bar on standard error if it is a terminal. It shows time, or jobs if there is no time limit.
    fn bar(self) -> ProgressBar {
        let length = self
            .duration
            .map(|duration| duration.as_millis() as u64)
            .or(self.jobs);
        let bar = ProgressBar::new(length.unwrap_or(0));
        let style = "{elapsed:>4} {bar:40} {msg}";
        bar.with_style(ProgressStyle::with_template(style).expect("the template is right"))
    }

    fn show(self, bar: &ProgressBar, jobs: u64, elapsed: Duration) {
        let position = if self.duration.is_some() {
            elapsed.as_millis() as u64
        } else {
            jobs
        };
        bar.set_position(position);
        let per_second = jobs as f64 / elapsed.as_secs_f64().max(1e-3);
        bar.set_message(format!("{jobs} jobs, {per_second:.0} jobs/s"));
    }
}
