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
    worker::{Life, harvest::Harvest, slot::Seat, watched::Watched},
};
use crate::{
    SubmitError,
    failure::Cause,
    load::{Item, Jobs},
    scheduler::{Action, Closing, Config, Event, Scheduler},
};

/// One pool, as its threads share it.
pub(crate) struct Core {
    pub(super) settings: Settings,
    most_at_once: u32,
    /// Whether a worker had nothing to do when the scheduler was last left: a hint.
    is_hungry: AtomicBool,
    /// Whether there were no more jobs than workers: a hint too.
    is_light: AtomicBool,
    origin: Duration,
    state: Mutex<State>,
    /// The queue has room again, or takes no more.
    pub(super) room: Signal,
    /// Something rare has changed: see `Milestones`.
    pub(super) changed: Signal,
    pub(super) seats: Vec<Seat>,
    pub(super) watched: Watched,
}

/// What the pool's lock guards.
pub(super) struct State {
    pub(super) scheduler: Scheduler<Jobs>,
    pub(super) milestones: Milestones,
}

pub(super) type Actions = Vec<Action<Jobs>>;

/// What has become true of the pool as a whole.
#[derive(Debug, Default)]
pub(super) struct Milestones {
    pub(super) was_ready: bool,
    pub(super) broken: Option<Cause>,
    pub(super) ended: bool,
}

impl State {
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
        let seats = (0..config.workers + config.recycling.spares)
            .map(Seat::new)
            .collect();
        Ok(Self {
            settings,
            most_at_once: config.most_at_once(),
            is_hungry: AtomicBool::new(false),
            is_light: AtomicBool::new(true),
            origin: board::now(),
            state: Mutex::new(State {
                scheduler: Scheduler::new(config),
                milestones: Milestones::default(),
            }),
            room: Signal::default(),
            changed: Signal::default(),
            seats,
            watched,
        })
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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
    pub(crate) fn is_hungry(&self) -> bool {
        self.is_hungry.load(Ordering::Relaxed)
    }

    /// Whether there are no more jobs than workers: a hint.
    pub(super) fn is_light(&self) -> bool {
        self.is_light.load(Ordering::Relaxed)
    }

    // ---- events ----

    /// Hands the scheduler one event and performs what comes out.
    pub(super) fn handle(&self, event: Event<Jobs>) {
        let mut actions = Actions::new();
        let mut state = self.lock();
        state.scheduler.handle(event, self.now(), &mut actions);
        self.unlock_and_perform(state, actions, &mut Harvest::default());
    }

    /// Shows what others ask for every job. To be called whenever the scheduler has been told something.
    pub(super) fn give_hints(&self, state: &State) {
        hint(&self.is_hungry, state.scheduler.is_hungry());
        hint(&self.is_light, state.scheduler.is_light());
    }

    pub(super) fn unlock_and_perform(
        &self,
        state: MutexGuard<'_, State>,
        mut actions: Actions,
        harvest: &mut Harvest,
    ) {
        self.give_hints(&state);
        if actions.is_empty() {
            return;
        }
        self.put_in_line(&mut actions);
        drop(state);
        self.perform(actions, harvest);
    }

    /// Accepts a job, waiting for room until `deadline` (`None`: for ever); gives its number, or the job back.
    pub(crate) fn submit(&self, item: Item, deadline: Option<Instant>) -> Result<u64, (Item, SubmitError)> {
        let mut state = self.lock();
        loop {
            if let Some(reason) = state.closed_reason() {
                return Err((item, reason));
            }
            if state
                .scheduler
                .has_room(item.encoded.jobs(), item.encoded.bytes())
            {
                break;
            }
            state = match self.room.wait(state, deadline) {
                Some(state) => state,
                None => return Err((item, SubmitError::Full)),
            };
        }
        let id = state.scheduler.next_job();
        let mut actions = Actions::new();
        state
            .scheduler
            .handle(Event::Submit(item), self.now(), &mut actions);
        let attendance = self.attend_sleepers(&actions);
        self.unlock_and_perform(state, actions, &mut Harvest::default());
        if let Some(attendance) = attendance {
            attendance.leave();
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
        self.seats[worker].current().map(|life| life.process.pid())
    }

    /// The workers that take jobs now, with their places.
    pub(super) fn lives(&self) -> impl Iterator<Item = (&Seat, Arc<Life>)> {
        self.seats.iter().filter_map(|seat| Some((seat, seat.current()?)))
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
