//! Every count, and which of them are broken promises.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use pool::stats::Stats;
use serde::Serialize;

use super::{
    Plan,
    account::Account,
    storm::Storm,
    system::{self, Holdings},
};

/// How long processes, descriptors and threads may take to disappear.
const LAST_WAIT: Duration = Duration::from_secs(5);

/// What was counted. Counts are of jobs unless they say otherwise.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// How many were to be run.
    pub jobs: u64,
    /// How many ends there were.
    pub ended: u64,
    /// Those that gave the right value.
    pub values: u64,
    /// Those that panicked, as they were to.
    pub panicked: u64,
    /// Those that ended with their worker's death.
    pub worker_died: u64,
    /// Those that ran past the deadline.
    pub deadline: u64,
    /// Idempotent ones that ended three workers.
    pub quarantined: u64,
    /// Those that were cancelled.
    pub cancelled: u64,
    /// All starts that the jobs counted themselves.
    pub starts: u64,
    /// A broken promise: no end.
    pub lost: u64,
    /// A broken promise: two ends.
    pub delivered_twice: u64,
    /// A broken promise: an end that cannot be right.
    pub wrong: u64,
    /// A broken promise: started twice, or an idempotent one four times.
    pub started_too_often: u64,
    /// A broken promise: nothing went on any more.
    pub hangs: u64,
    /// A broken promise: processes left behind.
    pub orphans: u64,
    /// A broken promise: descriptors left behind.
    pub descriptors_left: isize,
    /// A broken promise: threads left behind.
    pub threads_left: isize,
    /// Signals sent.
    pub kills: u64,
    /// Signals sent.
    pub stops: u64,
    /// Signals sent.
    pub aborts: u64,
    /// Signals that met a worker that was starting.
    pub met_starting: u64,
    /// Signals that met an idle worker.
    pub met_idle: u64,
    /// Signals that met a busy worker.
    pub met_busy: u64,
    /// Signals that met a worker that was dying.
    pub met_dying: u64,
    /// How often descriptors were short for a while.
    pub shortages: u64,
    /// Deaths of workers that had been ready, according to the pools.
    pub deaths: u64,
    /// Workers that failed to start, according to the pools.
    pub start_failures: u64,
    /// Jobs revoked before they started, according to the pools.
    pub requeued: u64,
    /// How long it took.
    pub seconds: f64,
}

fn of(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

impl Report {
    pub(crate) fn new(plan: &Plan, account: &Account, storm: &Storm) -> Self {
        let [kills, stops, aborts] = storm.sent;
        let [met_starting, met_idle, met_busy, met_dying] = storm.met;
        Self {
            seed: plan.seed,
            lost: account.lost(),
            started_too_often: account.started_too_often(),
            kills,
            stops,
            aborts,
            met_starting,
            met_idle,
            met_busy,
            met_dying,
            shortages: storm.shortages,
            ..Self::of_counts(account)
        }
    }

    /// The report of a run that hangs.
    pub(crate) fn of_hang(account: &Account) -> Self {
        Self {
            hangs: 1,
            ..Self::of_counts(account)
        }
    }

    fn of_counts(account: &Account) -> Self {
        let counts = &account.counts;
        Self {
            jobs: account.jobs(),
            ended: of(&counts.ended),
            values: of(&counts.values),
            panicked: of(&counts.panicked),
            worker_died: of(&counts.worker_died),
            deadline: of(&counts.deadline),
            quarantined: of(&counts.quarantined),
            cancelled: of(&counts.cancelled),
            wrong: of(&counts.wrong),
            delivered_twice: of(&counts.delivered_twice),
            starts: account.starts(),
            ..Self::default()
        }
    }

    pub(crate) fn add_stats(&mut self, stats: &Stats) {
        self.deaths += stats.deaths;
        self.start_failures += stats.start_failures;
        self.requeued += stats.requeued;
    }

    /// Counts what is left behind after it has had time to disappear.
    pub(crate) fn leftovers(&mut self, before: &Holdings, tags: &[String]) {
        let begun = Instant::now();
        loop {
            let now = Holdings::now();
            let left = |now: usize, before: usize| now.cast_signed() - before.cast_signed();
            self.descriptors_left = left(now.descriptors, before.descriptors);
            self.threads_left = left(now.threads, before.threads);
            self.orphans = (system::children().len() + system::tagged(tags)) as u64;
            let is_clean = self.descriptors_left == 0 && self.threads_left == 0 && self.orphans == 0;
            if is_clean || begun.elapsed() >= LAST_WAIT {
                return;
            }
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }

    /// How many promises were broken.
    pub fn broken_promises(&self) -> u64 {
        let counts = [
            self.lost,
            self.delivered_twice,
            self.wrong,
            self.started_too_often,
            self.hangs,
            self.orphans,
        ];
        let left = self.descriptors_left.unsigned_abs() + self.threads_left.unsigned_abs();
        counts.iter().sum::<u64>() + left as u64
    }

    /// The report as one line.
    ///
    /// # Panics
    /// Never: it contains only numbers.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("plain numbers")
    }
}
