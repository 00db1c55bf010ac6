//! One pool, as its threads share it: the scheduler behind its lock, the worker slots, and what others ask of them.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use protocol::board;

use super::{
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

/// One pool, as its threads share it.
pub(crate) struct Core {
    pub(super) settings: Settings,
    most_at_once: u32,
    /// Whether a worker had nothing to do when the scheduler was last left: a hint.
    has_idle_worker: AtomicBool,
    /// Whether there were no more jobs than workers: a hint too.
    is_uncontended: AtomicBool,
    origin: Duration,
    locked: Mutex<Locked>,
    /// The queue has room again, or takes no more.
    pub(super) room: Signal,
    /// Something rare has changed: see `PoolState`.
    pub(super) changed: Signal,
    pub(super) slots: Vec<WorkerSlot>,
    pub(super) watched: Watched,
}

/// What the pool's lock guards.
pub(super) struct Locked {
    pub(super) scheduler: Scheduler<Jobs>,
    pub(super) pool_state: PoolState,
}

pub(super) type Actions = Vec<Action<Jobs>>;

/// What has become true of the pool as a whole.
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
    /// A pool without threads, in which nothing has begun.
    pub(super) fn new(config: Config, settings: Settings) -> std::io::Result<Self> {
        let watched = Watched::new()?;
        let slots = (0..config.workers + config.recycling.spares)
            .map(WorkerSlot::new)
            .collect();
        Ok(Self {
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
        })
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Locked> {
        self.locked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time since the pool was made, on the coarse clock: delays of milliseconds need no finer one, and it is read
    /// for every job.
    pub(super) fn now(&self) -> Duration {
        board::now().saturating_sub(self.origin)
    }

    pub(crate) fn message_limit(&self) -> u64 {
        self.settings.message_limit
    }

    /// How many jobs may be submitted together.
    pub(crate) fn most_at_once(&self) -> u32 {
        self.most_at_once
    }

    /// Whether a worker waits for jobs, so that those which are at hand should be submitted now: a hint.
    pub(crate) fn has_idle_worker(&self) -> bool {
        self.has_idle_worker.load(Ordering::Relaxed)
    }

    /// Whether there are no more jobs than workers: a hint.
    pub(super) fn is_uncontended(&self) -> bool {
        self.is_uncontended.load(Ordering::Relaxed)
    }

    // ---- events ----

    /// Hands the scheduler one event and performs what comes out.
    pub(super) fn handle(&self, event: Event<Jobs>) {
        let mut actions = Actions::new();
        let mut locked = self.lock();
        locked.scheduler.handle(event, self.now(), &mut actions);
        self.unlock_and_perform(locked, actions, &mut Harvest::default());
    }

    /// Shows what others ask for every job. To be called whenever the scheduler has been told something.
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

    /// Accepts a job, waiting for room until `deadline` (`None`: for ever); gives its number, or the job back.
    pub(crate) fn submit(&self, item: Item, deadline: Option<Instant>) -> Result<u64, (Item, SubmitError)> {
        let mut locked = self.lock();
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
        let polling = self.poll_sleepers(&actions);
        self.unlock_and_perform(locked, actions, &mut Harvest::default());
        if let Some(polling) = polling {
            polling.leave();
        }
        Ok(id)
    }

    pub(crate) fn cancel(&self, job: u64) {
        self.handle(Event::Cancel { job });
    }

    /// Drops queued jobs that nobody waits for.
    pub(crate) fn purge(&self) {
        self.handle(Event::PurgeAbandoned);
    }

    /// Looks at the scheduler, for statistics.
    pub(crate) fn inspect<T>(&self, look: impl FnOnce(&Scheduler<Jobs>) -> T) -> T {
        look(&self.lock().scheduler)
    }

    /// The process of a worker that takes jobs now.
    pub(crate) fn pid(&self, worker: usize) -> Option<u32> {
        self.slots[worker].current().map(|worker| worker.process.pid())
    }

    /// The workers that take jobs now, with their places.
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

/// Sets a hint. Others read it for each job, so that it is written only when it changes.
fn hint(hint: &AtomicBool, is_true: bool) {
    if hint.load(Ordering::Relaxed) != is_true {
        hint.store(is_true, Ordering::Relaxed);
    }
}
