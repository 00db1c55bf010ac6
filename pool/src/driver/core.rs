//! One pool, as its threads share it: the scheduler behind its lock, the worker slots, and the events of callers.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use protocol::{board, memory::Origin};

use super::{
    planted::{Place, Planted},
    settings::Settings,
    signal::Signal,
    worker::{Worker, harvest::Harvest, slot::WorkerSlot, watched::Watched},
};
use crate::{
    SubmitError,
    failure::Cause,
    job::jobs::{Item, Jobs},
    scheduler::{Action, Closing, Config, Event, Scheduler},
};

/// One pool, shared by its threads.
pub(crate) struct Core {
    /// The process that the pool belongs to.
    process: Origin,
    pub(super) settings: Settings,
    most_at_once: u32,
    /// Hint: whether a worker was idle when the scheduler's lock was last released.
    has_idle_worker: AtomicBool,
    /// Hint: whether there were at most as many jobs as workers then.
    is_uncontended: AtomicBool,
    origin: Duration,
    locked: Mutex<Locked>,
    /// The queue has room again, or the pool accepts no more jobs.
    pub(super) room: Signal,
    /// The `PoolState` has changed, or the pool has become idle.
    pub(super) changed: Signal,
    pub(super) slots: Vec<WorkerSlot>,
    pub(crate) watched: Watched,
    pub(super) planted: Planted,
}

/// What the pool's lock protects.
pub(super) struct Locked {
    pub(super) scheduler: Scheduler<Jobs>,
    pub(super) pool_state: PoolState,
}

pub(super) type Actions = Vec<Action<Jobs>>;

/// What has happened to the pool as a whole.
#[derive(Debug, Default)]
pub(super) struct PoolState {
    pub(super) was_ready: bool,
    pub(super) broken: Option<Cause>,
    pub(super) ended: bool,
}

impl Locked {
    pub(super) fn closed_reason(&self) -> Option<SubmitError> {
        self.scheduler.closing().map(|closing| match closing {
            Closing::Ordered => SubmitError::Closed,
            Closing::Broken(cause) => SubmitError::Broken(cause.clone()),
            Closing::Halted(by) => SubmitError::Halted(by.into()),
        })
    }
}

impl Core {
    /// Makes a pool without threads, in which nothing has started.
    pub(super) fn new(config: Config, settings: Settings) -> std::io::Result<Self> {
        let watched = Watched::new()?;
        let slots = (0..config.workers + config.recycling.spares)
            .map(WorkerSlot::new)
            .collect();
        Ok(Self {
            process: Origin::here(),
            settings,
            most_at_once: config.most_at_once(),
            has_idle_worker: AtomicBool::new(false),
            is_uncontended: AtomicBool::new(true),
            origin: board::now(),
            locked: Mutex::new(Locked {
                scheduler: Scheduler::new(config),
                pool_state: PoolState::default(),
            }),
            room: Signal::default(),
            changed: Signal::default(),
            slots,
            watched,
            planted: Planted::default(),
        })
    }

    /// Whether this process is a copy of the pool's by a bare fork. In a copy the pool's threads do not exist, and its
    /// locks may stay locked, so nothing of the pool may be touched.
    #[inline]
    pub(crate) fn is_copy(&self) -> bool {
        !self.process.is_here()
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Locked> {
        self.locked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time since the pool was made, on the coarse clock: every job reads it, and no delay here is shorter than a
    /// few milliseconds.
    pub(super) fn now(&self) -> Duration {
        board::now().saturating_sub(self.origin)
    }

    pub(crate) fn message_limit(&self) -> u64 {
        self.settings.message_limit
    }

    /// The most jobs that can be submitted together.
    pub(crate) fn most_at_once(&self) -> u32 {
        self.most_at_once
    }

    /// Whether a worker is idle, so that the available jobs should be submitted now. This is a hint.
    pub(crate) fn has_idle_worker(&self) -> bool {
        self.has_idle_worker.load(Ordering::Relaxed)
    }

    /// Whether there are at most as many jobs as workers. This is a hint.
    pub(super) fn is_uncontended(&self) -> bool {
        self.is_uncontended.load(Ordering::Relaxed)
    }

    // ---- events ----

    /// Passes one event to the scheduler and performs the resulting actions.
    pub(super) fn handle(&self, event: Event<Jobs>) {
        if self.is_copy() {
            return;
        }
        let _guard = self.break_on_panic();
        let mut actions = Actions::new();
        let mut locked = self.lock();
        locked.scheduler.handle(event, self.now(), &mut actions);
        self.unlock_and_perform(locked, actions, &mut Harvest::default());
    }

    /// Breaks the pool because its own code has panicked, so that no caller waits for what will not happen.
    pub(super) fn break_down(&self, message: &str) {
        tracing::error!("the pool itself panicked: {message}");
        let cause = Cause::Panicked(message.into());
        let break_down = || self.handle(Event::Broken { cause });
        if catch_unwind(AssertUnwindSafe(break_down)).is_err() {
            tracing::error!("and its jobs cannot be accounted for");
        }
    }

    /// Breaks the pool if this thread panics before the guard is dropped. To be made before anything is locked.
    pub(super) fn break_on_panic(&self) -> BreakOnPanic<'_> {
        BreakOnPanic {
            core: self,
            was_panicking: std::thread::panicking(),
        }
    }

    /// Updates the hints. Call this after each change of the scheduler, before its lock is released.
    pub(super) fn update_hints(&self, locked: &Locked) {
        hint(&self.has_idle_worker, locked.scheduler.has_idle_worker());
        hint(&self.is_uncontended, locked.scheduler.is_uncontended());
    }

    pub(super) fn unlock_and_perform(
        &self,
        locked: MutexGuard<'_, Locked>,
        mut actions: Actions,
        harvest: &mut Harvest,
    ) {
        self.update_hints(&locked);
        if actions.is_empty() {
            return;
        }
        self.enqueue(&mut actions);
        drop(locked);
        self.perform(actions, harvest);
    }

    /// Submits jobs, waiting for room until `deadline` (without limit if `None`). Returns the number of the first, or
    /// the jobs if they were refused.
    pub(crate) fn submit(&self, item: Item, deadline: Option<Instant>) -> Result<u64, (Item, SubmitError)> {
        if self.is_copy() {
            return Err((item, SubmitError::Forked));
        }
        let _guard = self.break_on_panic();
        let mut locked = self.lock();
        self.planted.trip(Place::Submit);
        loop {
            if let Some(reason) = locked.closed_reason() {
                return Err((item, reason));
            }
            if locked
                .scheduler
                .has_room(item.encoded.jobs(), item.encoded.bytes())
            {
                break;
            }
            locked = match self.room.wait(locked, deadline) {
                Some(locked) => locked,
                None => return Err((item, SubmitError::Full)),
            };
        }
        let id = locked.scheduler.next_job();
        let mut actions = Actions::new();
        locked
            .scheduler
            .handle(Event::Submit(item), self.now(), &mut actions);
        let polling = self.poll_sleeping(&actions);
        self.unlock_and_perform(locked, actions, &mut Harvest::default());
        if let Some(polling) = polling {
            polling.leave();
        }
        Ok(id)
    }

    pub(crate) fn cancel(&self, job: u64) {
        self.handle(Event::Cancel { job });
    }

    /// Drops queued jobs whose callers no longer wait.
    pub(crate) fn purge(&self) {
        self.handle(Event::PurgeAbandoned);
    }

    /// Reads the scheduler, for statistics.
    pub(crate) fn inspect<T>(&self, look: impl FnOnce(&Scheduler<Jobs>) -> T) -> T {
        look(&self.lock().scheduler)
    }

    /// The process id of a slot's current worker.
    pub(crate) fn pid(&self, worker: usize) -> Option<u32> {
        self.slots[worker].current().map(|worker| worker.process.pid())
    }

    /// The current workers, with their slots.
    pub(super) fn workers(&self) -> impl Iterator<Item = (&WorkerSlot, Arc<Worker>)> {
        self.slots.iter().filter_map(|slot| Some((slot, slot.current()?)))
    }

    pub(crate) fn downgrade(self: &Arc<Self>) -> Weak<Self> {
        Arc::downgrade(self)
    }
}

impl std::fmt::Debug for Core {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Core")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// Breaks the pool if its thread panics.
pub(super) struct BreakOnPanic<'a> {
    core: &'a Core,
    was_panicking: bool,
}

impl Drop for BreakOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() && !self.was_panicking {
            self.core.break_down("in a thread that used it");
        }
    }
}

/// Sets a hint. Every job reads it, so it is written only if it changes.
fn hint(hint: &AtomicBool, is_true: bool) {
    if hint.load(Ordering::Relaxed) != is_true {
        hint.store(is_true, Ordering::Relaxed);
    }
}
