//! The same work without a pool: one thread of this process.
//!
//! It is timed by the CPU that the thread uses. On an idle machine that is the elapsed time; on a busy one the work of
//! other programs does not count.

use std::time::Duration;

use examples::median;
use rustix::time::{ClockId, clock_gettime};

use crate::{job::JobRunner, recipe::Recipe};

/// How long each of the trials takes at least.
const TRIAL: Duration = Duration::from_millis(40);

/// How many trials are made each time.
const TRIALS: usize = 5;

/// Times of one job in one thread, from trials before and after what they are compared to.
#[derive(Debug, Default)]
pub(crate) struct Baseline {
    nanos_per_job: Vec<f64>,
}

impl Baseline {
    /// Makes some trials, unless the jobs do nothing that could be compared.
    pub(crate) fn measure(&mut self, recipe: &Recipe) {
        if recipe.is_work() {
            let mut runner = JobRunner::new();
            let trials = (0..TRIALS).map(|_| trial(recipe, &mut runner));
            self.nanos_per_job.extend(trials);
        }
    }

    /// The median, in nanoseconds.
    pub(crate) fn nanos_per_job(&self) -> Option<f64> {
        let all = self.nanos_per_job.iter().copied();
        (!self.nanos_per_job.is_empty()).then(|| median(all))
    }
}

fn trial(recipe: &Recipe, runner: &mut JobRunner) -> f64 {
    let begun = cpu();
    for jobs in 1.. {
        std::hint::black_box(runner.run(recipe.harmless_job(jobs)));
        // The clock is not read after each job: reading it may take longer than the job.
        if jobs.is_multiple_of(32) || jobs < 32 {
            let elapsed = cpu().saturating_sub(begun);
            if elapsed >= TRIAL {
                return elapsed.as_nanos() as f64 / jobs as f64;
            }
        }
    }
    unreachable!("the numbers do not end before the trial does")
}

/// The CPU that this thread has used.
fn cpu() -> Duration {
    let used = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(used).expect("the CPU that was used is not negative")
}
