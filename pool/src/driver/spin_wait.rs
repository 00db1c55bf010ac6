//! Waiting for a lone job's result without sleeping.
//!
//! While there is next to nothing to do, whoever waits for a result looks for it in the workers' rings by himself for a
//! moment: no thread has to be woken, neither the worker's in this process nor his own. He takes the place of the
//! wake-up meanwhile, also while he yields: then it may be the worker that runs, on his CPU. Should he not get it back for
//! long, the watch, which keeps time while anybody attends, sees what he has not ([`super::thread`]).

use std::{sync::Arc, time::Duration};

use protocol::board::{inbox, spin::Spin};
use smallvec::SmallVec;

use super::{
    core::{Actions, Core},
    worker::{Worker, slot::WorkerSlot},
};
use crate::scheduler::Action;

/// How long to look before sleeping. A worker that sleeps takes a good part of this to wake.
const LONGEST_SPIN: Duration = Duration::from_micros(100);

/// With more workers than this, looking at all of them takes too long.
const MOST_WORKERS: usize = 8;

type Workers<'a> = SmallVec<[(&'a WorkerSlot, Arc<Worker>); MOST_WORKERS]>;

/// Taking the place of some workers' wake-ups, until it is dropped.
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

    /// Takes in the results that are there.
    fn poll(&self) {
        for (slot, worker) in &self.workers {
            if worker.board.has_results() {
                self.core.take_results(slot, worker);
            }
        }
    }

    /// Whether one of the workers was sent something and has yet to look for it.
    fn is_any_waking(&self) -> bool {
        let is_waking = |worker: &Worker| worker.has_unfinished_frames() && !inbox::is_open(&worker.board);
        self.workers.iter().any(|(_, worker)| is_waking(worker))
    }

    /// Has the workers wake this process again, and takes in all that they had no need to wake it for.
    pub(super) fn leave(mut self) {
        let workers = self.let_wake();
        for (slot, worker) in &workers {
            if worker.has_news() {
                self.core.take_results(slot, worker);
            }
        }
    }

    fn let_wake(&mut self) -> Workers<'a> {
        let workers = std::mem::take(&mut self.workers);
        workers.iter().for_each(|(_, worker)| worker.board.accept_wake());
        workers
    }
}

impl Drop for Polling<'_> {
    fn drop(&mut self) {
        self.let_wake();
    }
}

impl Core {
    /// Takes the place of the wake-up of sleeping workers to which a lone job is about to be sent: such a worker often runs
    /// on this very CPU, and is done, before the call that sends has returned.
    pub(super) fn poll_sleepers(&self, actions: &Actions) -> Option<Polling<'_>> {
        if actions.is_empty() || !self.is_uncontended() {
            return None;
        }
        let sleeper = |action: &Action<_>| match action {
            Action::Flush { worker, incarnation } => {
                let slot = &self.slots[*worker];
                let worker = slot.worker(*incarnation)?;
                (!inbox::is_open(&worker.board)).then_some((slot, worker))
            }
            _ => None,
        };
        let workers: Workers<'_> = actions.iter().filter_map(sleeper).collect();
        (!workers.is_empty()).then(|| Polling::begin(self, workers))
    }

    /// Looks for results until `is_done`, for a moment at most, if there is little to do.
    pub(crate) fn spin_wait(&self, is_done: impl Fn() -> bool) {
        if !self.is_uncontended() || is_done() {
            return;
        }
        let Some(spin) = Spin::begin(LONGEST_SPIN) else {
            return;
        };
        let workers: Workers<'_> = self.workers().take(MOST_WORKERS + 1).collect();
        if workers.is_empty() || workers.len() > MOST_WORKERS {
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

    /// Attends, and never looks: whoever attends may get no CPU for long, or run a waker that blocks.
    fn poll(core: &Core) -> Polling<'_> {
        Polling::begin(core, core.workers().collect())
    }

    #[test]
    fn the_watch_takes_in_the_results_that_an_absent_attendant_does_not() {
        let mut fake = FakeWorker::new();
        let core = Arc::clone(&fake.core);
        let slot = fake.submit();
        let position = fake.take_job();
        fake.use_up_frame();
        fake.take_in();
        fake.watch_until_asleep();
        let _absent = poll(&core);
        fake.publish(position);
        assert!(!fake.asks_to_wake(), "somebody attends in the wake-up's place");
        assert!(slot.take(Some(Instant::now() + TIMEOUT)).is_some());
    }

    #[test]
    fn the_watch_hears_of_progress_that_an_absent_attendant_does_not() {
        let mut fake = FakeWorker::new();
        let core = Arc::clone(&fake.core);
        let _slot = fake.submit();
        let _runs_on = fake.take_job();
        fake.watch_until_asleep();
        let _absent = poll(&core);
        fake.use_up_frame();
        assert!(!fake.asks_to_wake(), "somebody attends in the wake-up's place");
        wait_until("the news are told", || !fake.worker.has_news());
    }

    #[test]
    fn whoever_leaves_takes_in_what_nobody_was_woken_for() {
        let mut fake = FakeWorker::new();
        let core = Arc::clone(&fake.core);
        let slot = fake.submit();
        // No watch, and nobody else.
        let polling = poll(&core);
        let position = fake.take_job();
        fake.publish(position);
        fake.use_up_frame();
        assert!(!fake.asks_to_wake(), "somebody attends in the wake-up's place");
        polling.leave();
        assert!(slot.try_take().is_some());
        assert!(fake.asks_to_wake(), "nobody attends any more");
    }
}
