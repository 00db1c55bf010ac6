//! The driver: owns what the scheduler only talks of.
//!
//! It holds the scheduler behind one lock, and the processes, links, threads and clocks. Any thread that has an event
//! (a submitter, a worker's thread, the watch) locks the scheduler for a moment, hands it the event, and performs the
//! actions that come out, so that no hop through a central thread stands in a job's way.
//!
//! # Locks
//! In this order, and never the other way round: a life's harvester, the scheduler, a seat's orders or its life, a
//! life's sender, a life's outbox. Sinks (slots and streams) have locks of their own and call nobody while they hold
//! them; they are filled after the scheduler's lock was let go.

mod harvest;
mod life;
mod process;
mod seat;
mod start;
mod tail;
mod watch;

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak},
    thread::JoinHandle,
    time::{Duration, Instant},
};

pub(crate) use process::Program;
use protocol::board;

use crate::{
    BuildError, JobError, SubmitError,
    failure::Cause,
    load::{Item, Jobs},
    results::Results,
    scheduler::{Action, Config, Event, Failure, Scheduler},
};
use harvest::Harvest;
use life::{Life, Outgoing};
use seat::Seat;
use watch::Watch;

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
}

/// One pool, as its threads share it.
pub(crate) struct Core {
    settings: Settings,
    most_at_once: u32,
    origin: Duration,
    state: Mutex<State>,
    /// The queue has room again, or takes no more.
    room: Condvar,
    /// Something rare has changed: see `Milestones`.
    changed: Condvar,
    seats: Vec<Seat>,
    watch: Watch,
}

struct State {
    scheduler: Scheduler<Jobs>,
    milestones: Milestones,
}

/// What has become true of the pool as a whole.
#[derive(Debug, Default)]
struct Milestones {
    was_ready: bool,
    broken: Option<Cause>,
    ended: bool,
}

type Actions = Vec<Action<Jobs>>;

impl State {
    fn closed_reason(&self) -> Option<SubmitError> {
        let broken = self.milestones.broken.clone();
        (!self.scheduler.is_open()).then(|| broken.map_or(SubmitError::Closed, SubmitError::Broken))
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
        let watch = Watch::new().map_err(|errno| system("make an eventfd")(errno.into()))?;
        let seats = (0..config.workers as u32).map(Seat::new).collect();
        let core = Arc::new(Self {
            settings,
            most_at_once: config.most_at_once(),
            origin: board::now(),
            state: Mutex::new(State {
                scheduler: Scheduler::new(config),
                milestones: Milestones::default(),
            }),
            room: Condvar::new(),
            changed: Condvar::new(),
            seats,
            watch,
        });
        let threads = core.spawn_threads().map_err(system("start a thread"))?;
        let mut actions = Actions::new();
        core.lock().scheduler.start(core.now(), &mut actions);
        core.perform(actions, &mut Harvest::default());
        Ok((core, threads))
    }

    fn spawn_threads(self: &Arc<Self>) -> std::io::Result<Vec<JoinHandle<()>>> {
        let mut threads = Vec::new();
        let mut spawn = |name: String, body: Box<dyn FnOnce() + Send>| -> std::io::Result<()> {
            threads.push(std::thread::Builder::new().name(name).spawn(body)?);
            Ok(())
        };
        let all = (|| {
            let watching = Arc::clone(self);
            spawn(
                "pool-watch".into(),
                Box::new(move || watching.watch.run(&Arc::downgrade(&watching))),
            )?;
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

    // ---- events ----

    /// Hands the scheduler one event and performs what comes out.
    fn handle(&self, event: Event<Jobs>) {
        let mut actions = Actions::new();
        let mut state = self.lock();
        state.scheduler.handle(event, self.now(), &mut actions);
        self.unlock_and_perform(state, actions, &mut Harvest::default());
    }

    fn unlock_and_perform(&self, state: MutexGuard<'_, State>, mut actions: Actions, harvest: &mut Harvest) {
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
            state = match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
                Some(Duration::ZERO) => return Err((item, SubmitError::Full)),
                Some(left) => {
                    self.room
                        .wait_timeout(state, left)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                }
                None => self.room.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
        let id = state.scheduler.next_job();
        let mut actions = Actions::new();
        state
            .scheduler
            .handle(Event::Submit(item), self.now(), &mut actions);
        self.unlock_and_perform(state, actions, &mut Harvest::default());
        Ok(id)
    }

    pub(crate) fn cancel(&self, job: u64) {
        self.handle(Event::Cancel { job });
    }

    /// Drops queued jobs that nobody waits for.
    pub(crate) fn purge(&self) {
        self.handle(Event::PurgeAbandoned);
    }

    /// Takes in all results that a worker has published, and how far it is.
    fn take_results(&self, seat: &Seat, life: &Life) {
        let worker = seat.worker as usize;
        let mut harvester = life.harvester();
        let (mut harvest, outcome) = harvester.harvest(&life.board);
        if let Err(error) = outcome {
            life.process.kill(Some(error.to_string()));
        }
        let progress = life.board.progress();
        let mut actions = Actions::new();
        let mut state = self.lock();
        let now = self.now();
        for (first, count) in harvest.runs() {
            let event = Event::Finished {
                worker,
                life: life.number,
                first,
                count,
            };
            state.scheduler.handle(event, now, &mut actions);
        }
        let event = Event::Progress {
            worker,
            life: life.number,
            received: progress.received,
            done: progress.done,
            busy: progress.busy,
        };
        state.scheduler.handle(event, now, &mut actions);
        // Delivering may run a waker, which is the caller's code and may come back here: it must find nothing locked.
        drop(harvester);
        self.unlock_and_perform(state, actions, &mut harvest);
        life.harvester().reuse(harvest);
    }

    /// Serves one worker until its process has ended and its last results are in.
    fn receive_until_death(&self, seat: &Seat, life: &Life) {
        let wakes = life.wakes.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let wake = wakes.receive(None);
            life.board.accept_wake();
            self.take_results(seat, life);
            match wake {
                Ok(Some(protocol::link::Wake::Ended)) => return,
                Ok(_) => {}
                Err(error) => {
                    life.process.kill(Some(format!("its link broke: {error}")));
                    if life.process.wait_ended(Duration::from_millis(100)).is_some() {
                        return;
                    }
                }
            }
        }
    }

    /// A job has run past its deadline.
    fn overdue(&self, seat: &Seat, life: &Life, position: u64) {
        let claimed = life.revoke();
        self.take_results(seat, life);
        let worker = seat.worker as usize;
        self.handle(Event::Overdue {
            worker,
            life: life.number,
            position,
            claimed,
        });
    }

    /// A job has run for so long that those behind it should go elsewhere, and results before it should not wait.
    fn stalled(&self, seat: &Seat, life: &Life) {
        self.take_results(seat, life);
        self.handle(Event::Stalled {
            worker: seat.worker as usize,
            life: life.number,
        });
    }

    fn revoke(&self, seat: &Seat, life: &Life) {
        let claimed = life.revoke();
        self.take_results(seat, life);
        self.handle(Event::Revoked {
            worker: seat.worker as usize,
            life: life.number,
            claimed,
        });
    }

    // ---- actions ----

    /// Puts the frames among the actions in line at their workers, under the scheduler's lock; what is left of each
    /// action is to send the line.
    fn put_in_line(&self, actions: &mut Actions) {
        for action in actions {
            if let Action::Send {
                worker,
                life,
                epoch,
                first,
                count,
                frame,
            } = action
                && let Some(life) = self.seats[*worker].life(*life)
            {
                let cargo = std::mem::take(frame);
                life.put_in_line(Outgoing {
                    epoch: *epoch,
                    first: *first,
                    count: *count,
                    cargo,
                });
            }
        }
    }

    /// Performs actions in their order. What they deliver is in the harvest.
    fn perform(&self, actions: Actions, harvest: &mut Harvest) {
        for action in actions {
            match action {
                Action::Send { worker, life, .. } => self.send(worker, life),
                Action::Deliver { first, span, .. } => {
                    let results = harvest.take(first, span.len());
                    span.load.resolve(results);
                }
                Action::Fail { span, reason } => {
                    let results = Results::failed(self.error_of(reason), span.len());
                    span.load.resolve(std::iter::once(results));
                }
                Action::Start { worker, life, after } => {
                    self.seats[worker].start_at(life, Instant::now() + after);
                }
                Action::Revoke { worker, life } => {
                    if let Some(life) = self.seats[worker].life(life) {
                        self.revoke(&self.seats[worker], &life);
                    }
                }
                Action::Kill { worker, life } => {
                    self.seats[worker].end_life(life, |life| life.process.kill(None));
                }
                Action::Close { worker, life } => self.seats[worker].end_life(life, Life::close),
                Action::Room => self.room.notify_all(),
                Action::Drained => self.changed.notify_all(),
                Action::FirstReady => self.reach(|milestones| milestones.was_ready = true),
                Action::Broken(cause) => {
                    tracing::warn!("the pool is broken: {cause}");
                    self.reach(|milestones| milestones.broken = Some(cause));
                    self.room.notify_all();
                }
                Action::Ended => {
                    self.reach(|milestones| milestones.ended = true);
                    self.room.notify_all();
                    self.retire();
                }
            }
        }
    }

    fn send(&self, worker: usize, life: u64) {
        if let Some(life) = self.seats[worker].life(life) {
            life.send_line();
            if self.settings.job_deadline.is_some() || life.has_followers() {
                self.watch.keep_time();
            }
        }
    }

    fn reach(&self, set: impl FnOnce(&mut Milestones)) {
        set(&mut self.lock().milestones);
        self.changed.notify_all();
    }

    fn error_of(&self, reason: Failure<Cause>) -> JobError {
        match reason {
            Failure::WorkerDied(Cause::Died(death)) => JobError::WorkerDied(death),
            Failure::WorkerDied(cause) | Failure::Broken(cause) => JobError::Broken(cause),
            Failure::Deadline => JobError::DeadlineExceeded(self.settings.job_deadline.unwrap_or_default()),
            Failure::Cancelled => JobError::Cancelled,
            Failure::Quarantined(causes) => JobError::Quarantined(causes),
            Failure::Closed => JobError::Closed,
        }
    }

    fn retire(&self) {
        self.seats.iter().for_each(Seat::retire);
        self.watch.stop();
    }

    // ---- the pool as a whole ----

    /// Waits until the first worker is ready.
    pub(crate) fn wait_ready(&self) -> Result<(), BuildError> {
        let mut state = self.lock();
        loop {
            if state.milestones.was_ready {
                return Ok(());
            }
            match state.milestones.broken.clone() {
                Some(Cause::NotStarted(failure)) => return Err(BuildError::NoWorker(failure)),
                Some(cause) => return Err(BuildError::Broken(cause)),
                None => {}
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits until no job is queued or running; says whether that came before `deadline`.
    pub(crate) fn wait_idle(&self, deadline: Option<Instant>) -> bool {
        self.wait_until(deadline, |state| state.scheduler.is_idle())
    }

    /// Waits until no worker is left; says whether that came before `deadline`.
    pub(crate) fn wait_ended(&self, deadline: Option<Instant>) -> bool {
        self.wait_until(deadline, |state| state.milestones.ended)
    }

    fn wait_until(&self, deadline: Option<Instant>, is_true: impl Fn(&State) -> bool) -> bool {
        let mut state = self.lock();
        while !is_true(&state) {
            state = match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
                Some(Duration::ZERO) => return false,
                Some(left) => {
                    self.changed
                        .wait_timeout(state, left)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                }
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
        true
    }

    /// Why no more jobs are accepted, if none are.
    pub(crate) fn closed_reason(&self) -> Option<SubmitError> {
        self.lock().closed_reason()
    }

    pub(crate) fn close(&self) {
        self.handle(Event::Close);
        self.room.notify_all();
    }

    pub(crate) fn kill(&self) {
        self.handle(Event::Kill);
        self.room.notify_all();
    }

    /// Looks at the scheduler, for statistics.
    pub(crate) fn inspect<T>(&self, look: impl FnOnce(&Scheduler<Jobs>) -> T) -> T {
        look(&self.lock().scheduler)
    }

    /// The process of a worker that takes jobs now.
    pub(crate) fn pid(&self, worker: usize) -> Option<u32> {
        self.seats[worker].current().map(|life| life.process.pid())
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
