//! The driver: owns what the scheduler only talks of.
//!
//! It holds the scheduler behind one lock, and the processes, links, threads and clocks. Any thread that has an event
//! (a submitter, a worker's thread, the watch) locks the scheduler for a moment, hands it the event, and performs the
//! actions that come out, so that no hop through a central thread stands in a job's way.
//!
//! # Locks
//! In this order, and never the other way round: a life's harvester, the scheduler, a seat's orders or its life, a
//! life's sender, a life's outbox or inbound area. Sinks (slots and streams) have locks of their own and call nobody
//! while they hold them; they are filled after the scheduler's lock was let go.

#[cfg(test)]
mod fake_worker;
mod intake;
mod log;
mod perform;
mod progress;
mod signal;
mod spin_wait;
mod thread;
mod worker;

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use protocol::board;
pub(crate) use worker::memory::MemoryLimits;

use crate::{
    BuildError, SubmitError,
    hooks::Hooks,
    load::{Item, Jobs},
    program::Program,
    scheduler::{Action, Closing, Config, Event, Scheduler},
};
use progress::Milestones;
use signal::Signal;
use thread::watch::Watch;
use worker::{Life, harvest::Harvest, slot::Seat};

/// What a pool's workers are started and judged by.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) program: Program,
    pub(crate) job: &'static str,
    pub(crate) lanes: u16,
    pub(crate) argument: Vec<u8>,
    pub(crate) start_deadline: Duration,
    pub(crate) job_deadline: Option<Duration>,
    pub(crate) message_limit: u64,
    pub(crate) memory: MemoryLimits,
    /// How many bytes are kept of what a job writes to each stream, when that is captured.
    pub(crate) capture: Option<usize>,
    pub(crate) hooks: Hooks,
    /// What calls an encoded output a failure, when failures matter.
    pub(crate) is_failure: Option<fn(&[u8]) -> bool>,
}

impl Settings {
    /// Whether the clock has to be looked at while jobs run.
    fn keeps_time(&self) -> bool {
        self.job_deadline.is_some() || self.memory.any()
    }
}

/// One pool, as its threads share it.
pub(crate) struct Core {
    settings: Settings,
    most_at_once: u32,
    /// Whether a worker had nothing to do when the scheduler was last left: a hint.
    is_hungry: AtomicBool,
    /// Whether there were no more jobs than workers: a hint too.
    is_light: AtomicBool,
    origin: Duration,
    state: Mutex<State>,
    /// The queue has room again, or takes no more.
    room: Signal,
    /// Something rare has changed: see `Milestones`.
    changed: Signal,
    seats: Vec<Seat>,
    watch: Watch,
}

struct State {
    scheduler: Scheduler<Jobs>,
    milestones: Milestones,
}

type Actions = Vec<Action<Jobs>>;

impl State {
    fn closed_reason(&self) -> Option<SubmitError> {
        self.scheduler.closing().map(|closing| match closing {
            Closing::Ordered => SubmitError::Closed,
            Closing::Broken(cause) => SubmitError::Broken(cause.clone()),
            Closing::Halted(by) => SubmitError::Halted(by.into()),
        })
    }
}

impl Core {
    /// Makes a pool and starts its workers; gives the threads to join in the end.
    pub(crate) fn start(
        config: Config,
        settings: Settings,
    ) -> Result<(Arc<Self>, Vec<JoinHandle<()>>), BuildError> {
        let system = |step| {
            move |error| BuildError::System {
                step,
                source: Arc::new(error),
            }
        };
        let core = Self::new(config, settings).map_err(system("make an eventfd"))?;
        let core = Arc::new(core);
        let threads = core.spawn_threads().map_err(system("start a thread"))?;
        let mut actions = Actions::new();
        core.lock().scheduler.start(core.now(), &mut actions);
        core.perform(actions, &mut Harvest::default());
        Ok((core, threads))
    }

    /// A pool without threads, in which nothing has begun.
    fn new(config: Config, settings: Settings) -> std::io::Result<Self> {
        let watch = Watch::new()?;
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
            watch,
        })
    }

    fn spawn_threads(self: &Arc<Self>) -> std::io::Result<Vec<JoinHandle<()>>> {
        let mut threads = Vec::new();
        let mut spawn = |name: String, body: Box<dyn FnOnce() + Send>| -> std::io::Result<()> {
            threads.push(std::thread::Builder::new().name(name).spawn(body)?);
            Ok(())
        };
        let all = (|| {
            spawn("pool-watch".into(), Box::new(self.watching()))?;
            for index in 0..self.seats.len() {
                let core = Arc::clone(self);
                spawn(
                    format!("pool-worker-{index}"),
                    Box::new(move || core.seats[index].run(&core)),
                )?;
            }
            Ok(())
        })();
        if let Err(error) = all {
            self.retire();
            for thread in threads {
                drop(thread.join());
            }
            return Err(error);
        }
        Ok(threads)
    }

    /// What the watch's thread does.
    fn watching(self: &Arc<Self>) -> impl FnOnce() + Send + use<> {
        let core = Arc::clone(self);
        move || core.watch.run(&Arc::downgrade(&core))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time since the pool was made, on the coarse clock: delays of milliseconds need no finer one, and it is read
    /// for every job.
    fn now(&self) -> Duration {
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
    fn is_light(&self) -> bool {
        self.is_light.load(Ordering::Relaxed)
    }

    // ---- events ----

    /// Hands the scheduler one event and performs what comes out.
    fn handle(&self, event: Event<Jobs>) {
        let mut actions = Actions::new();
        let mut state = self.lock();
        state.scheduler.handle(event, self.now(), &mut actions);
        self.unlock_and_perform(state, actions, &mut Harvest::default());
    }

    /// Shows what others ask for every job. To be called whenever the scheduler has been told something.
    fn give_hints(&self, state: &State) {
        hint(&self.is_hungry, state.scheduler.is_hungry());
        hint(&self.is_light, state.scheduler.is_light());
    }

    fn unlock_and_perform(&self, state: MutexGuard<'_, State>, mut actions: Actions, harvest: &mut Harvest) {
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
    fn lives(&self) -> impl Iterator<Item = (&Seat, Arc<Life>)> {
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
