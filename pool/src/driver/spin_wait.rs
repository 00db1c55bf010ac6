//! Spin waits: waiting for a lone job's result without sleeping.
//!
//! While the pool is uncontended, a thread that waits for a result polls the workers' rings for a moment itself. No
//! other thread has to be woken, neither the worker slot's thread nor the waiting one. Polling replaces the workers'
//! wake-ups, also while the polling thread yields its CPU, perhaps to the worker. If the polling thread does not get
//! its CPU back for long, the watch thread, which keeps time while a worker is polled, takes the results instead
//! ([`super::thread`]).

use std::{sync::Arc, time::Duration};

use protocol::board::{inbox, spin::Spin};
use smallvec::SmallVec;

use super::{
    core::{Actions, Core},
    worker::{Worker, slot::WorkerSlot},
};
use crate::scheduler::Action;

/// How long to spin before sleeping. A sleeping worker needs a large part of this time to wake up.
const LONGEST_SPIN: Duration = Duration::from_micros(100);

/// With more workers than this, polling all of them takes too long.
const MAX_WORKERS: usize = 8;

type Workers<'a> = SmallVec<[(&'a WorkerSlot, Arc<Worker>); MAX_WORKERS]>;

/// Polls some workers in place of their wake-ups, until it is dropped.
pub(super) struct Polling<'a> {
    core: &'a Core,
    workers: Workers<'a>,
}

impl<'a> Polling<'a> {
    fn begin(core: &'a Core, workers: Workers<'a>) -> Self {
        workers
            .iter()
            .for_each(|(_, worker)| worker.board.start_polling());
        core.watched.keep_time();
        Self { core, workers }
    }

    /// Takes the results that are published.
    fn poll(&self) {
        for (slot, worker) in &self.workers {
            if worker.board.has_results() {
                self.core.take_results(slot, worker);
            }
        }
    }

    /// Whether one of the workers was sent something and is not yet awake to look for it.
    fn is_any_waking(&self) -> bool {
        let is_waking = |worker: &Worker| worker.has_unfinished_frames() && !inbox::is_open(&worker.board);
        self.workers.iter().any(|(_, worker)| is_waking(worker))
    }

    /// Turns the workers' wake-ups on again, and takes everything that they sent no wake-up for.
    pub(super) fn leave(mut self) {
        let workers = self.allow_wake_ups();
        for (slot, worker) in &workers {
            if worker.has_news() {
                self.core.take_results(slot, worker);
            }
        }
    }

    fn allow_wake_ups(&mut self) -> Workers<'a> {
        let workers = std::mem::take(&mut self.workers);
        workers.iter().for_each(|(_, worker)| worker.board.accept_wake());
        workers
    }
}

impl Drop for Polling<'_> {
    fn drop(&mut self) {
        self.allow_wake_ups();
    }
}

impl Core {
    /// Polls sleeping workers to which a lone job is about to be sent. Such a worker often runs on this very CPU and
    /// has finished before the call that sends has returned.
    pub(super) fn poll_sleeping(&self, actions: &Actions) -> Option<Polling<'_>> {
        if actions.is_empty() || !self.is_uncontended() {
            return None;
        }
        let sleeping = |action: &Action<_>| match action {
            Action::Flush { worker, incarnation } => {
                let slot = &self.slots[*worker];
                let worker = slot.worker(*incarnation)?;
                (!inbox::is_open(&worker.board)).then_some((slot, worker))
            }
            _ => None,
        };
        let workers: Workers<'_> = actions.iter().filter_map(sleeping).collect();
        (!workers.is_empty()).then(|| Polling::begin(self, workers))
    }

    /// Polls all workers until `is_done`, for a moment at most, if the pool is uncontended.
    pub(crate) fn spin_wait(&self, is_done: impl Fn() -> bool) {
        if !self.is_uncontended() || self.is_copy() || is_done() {
            return;
        }
        let Some(spin) = Spin::begin(LONGEST_SPIN) else {
            return;
        };
        let workers: Workers<'_> = self.workers().take(MAX_WORKERS + 1).collect();
        if workers.is_empty() || workers.len() > MAX_WORKERS {
            return;
        }
        let polling = Polling::begin(self, workers);
        spin.yielding_first(polling.is_any_waking()).run(|| {
            polling.poll();
            is_done()
        });
        polling.leave();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::{
        super::fake_worker::{FakeWorker, TIMEOUT, wait_until},
        *,
    };

    /// Polls without ever looking, as a thread does that gets no CPU for long or runs a waker that blocks.
    fn poll(core: &Core) -> Polling<'_> {
        Polling::begin(core, core.workers().collect())
    }

    #[test]
    fn the_watch_thread_takes_results_that_a_stalled_poller_does_not() {
        let mut fake = FakeWorker::new();
        let core = Arc::clone(&fake.core);
        let slot = fake.submit();
        let position = fake.take_job();
        fake.use_up_frame();
        fake.take_results();
        fake.watch_until_asleep();
        let _stalled = poll(&core);
        fake.publish(position);
        assert!(!fake.asks_to_wake(), "polling replaces the wake-up");
        assert!(slot.take(Some(Instant::now() + TIMEOUT)).is_some());
    }

    #[test]
    fn the_watch_thread_takes_progress_that_a_stalled_poller_does_not() {
        let mut fake = FakeWorker::new();
        let core = Arc::clone(&fake.core);
        let _slot = fake.submit();
        let _runs_on = fake.take_job();
        fake.watch_until_asleep();
        let _stalled = poll(&core);
        fake.use_up_frame();
        assert!(!fake.asks_to_wake(), "polling replaces the wake-up");
        wait_until("the progress is taken", || !fake.worker.has_news());
    }

    #[test]
    fn the_end_of_polling_takes_what_no_wake_up_was_sent_for() {
        let mut fake = FakeWorker::new();
        let core = Arc::clone(&fake.core);
        let slot = fake.submit();
        // There is neither a watch thread nor another thread that takes results.
        let polling = poll(&core);
        let position = fake.take_job();
        fake.publish(position);
        fake.use_up_frame();
        assert!(!fake.asks_to_wake(), "polling replaces the wake-up");
        polling.leave();
        assert!(slot.try_take().is_some());
        assert!(fake.asks_to_wake(), "polling has ended");
    }
}
