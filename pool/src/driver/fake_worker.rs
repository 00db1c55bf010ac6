//! A fake worker for tests. It takes jobs and publishes results only when a test says so.
//!
//! It is the other end of a real board and a real link, in the test's own thread. Its process is an unrelated one
//! that exits at once. The only thread of the pool is the watch thread, and only after the test starts it.

use std::{
    cell::Cell,
    sync::Arc,
    thread::JoinHandle,
    time::{Duration, Instant},
};

use protocol::{
    Status,
    board::{Board, Progress, ring::RingWriter},
    message::{
        control,
        link::{Listener, WorkerLink, connect},
    },
    payload::area::PayloadArea,
};
use smallvec::SmallVec;

use super::{
    MemoryLimits, Settings,
    core::{Actions, Core},
    worker::{Worker, process::WorkerProcess},
};
use crate::{
    hooks::Hooks,
    job::jobs::{Encoded, Item, Sink},
    outcome::slot::OutcomeSlot,
    scheduler::{Action, Config, Event, Recycling, RestartLimit},
    spawn::program::Program,
};

/// Longer than anything in these tests takes, and short enough that a hang fails soon.
pub(super) const TIMEOUT: Duration = Duration::from_secs(20);

const TOKEN: [u8; 16] = [3; 16];

/// A pool with one worker, which the test plays.
pub(super) struct FakeWorker {
    pub(super) core: Arc<Core>,
    pub(super) worker: Arc<Worker>,
    ring: RingWriter,
    received: u64,
    /// The worker's ends of the link. They are unused and only kept open.
    _link: WorkerLink,
    watch: Option<JoinHandle<()>>,
}

impl FakeWorker {
    pub(super) fn new() -> Self {
        Self::with(|_| ())
    }

    /// Makes a pool with changed settings.
    pub(super) fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = settings();
        change(&mut settings);
        let core = Arc::new(Core::new(config(), settings).unwrap());
        let mut actions = Actions::new();
        core.lock().scheduler.start(core.now(), &mut actions);
        let Some(Action::Start {
            worker: index,
            incarnation,
            ..
        }) = actions.pop()
        else {
            panic!("a worker is to be started")
        };
        let (worker, link) = join(&core.settings, incarnation);
        core.slots[index].set_worker(Some(Arc::clone(&worker)));
        core.watched.add(Arc::clone(&worker.process));
        core.handle(Event::Ready {
            worker: index,
            incarnation,
        });
        Self {
            core,
            worker,
            ring: RingWriter::new(),
            received: 0,
            _link: link,
            watch: None,
        }
    }

    /// Submits a job and returns the slot for its outcome.
    pub(super) fn submit(&self) -> Arc<OutcomeSlot> {
        let slot = Arc::<OutcomeSlot>::default();
        let item = Item {
            sink: Sink::Slot(Arc::clone(&slot)),
            ..Self::item()
        };
        self.core.submit(item, None).expect("there is room");
        slot
    }

    /// A job whose outcome is not wanted.
    pub(super) fn item() -> Item {
        Item {
            encoded: Encoded::One(SmallVec::from_slice(b"job")),
            sink: Sink::Slot(Arc::default()),
        }
    }

    /// Claims and starts the next job, and returns its position. The watch thread must not be running: it takes jobs
    /// back from a worker that is slow to claim them, and a test may be slow.
    pub(super) fn take_job(&self) -> u64 {
        assert!(self.watch.is_none(), "the watch has begun");
        let position = self.worker.board.claim(0, u64::MAX).expect("a job is there");
        self.worker.board.show_start(0, position);
        position
    }

    /// Shows that the worker has finished one more frame.
    pub(super) fn use_up_frame(&mut self) {
        self.received += 1;
        self.worker.board.show_progress(Progress {
            received: self.received,
            ..Progress::default()
        });
    }

    /// Publishes the result of the job that runs.
    pub(super) fn publish(&mut self, position: u64) {
        let board = &self.worker.board;
        let mut wait = || panic!("there is room for it");
        self.ring
            .publish(board, position, Status::Output, b"output", &mut wait);
        board.show_idle(0);
    }

    /// Whether the worker would send its parent a wake-up now.
    pub(super) fn asks_to_wake(&self) -> bool {
        self.worker.board.request_wake()
    }

    /// Takes the worker's results and progress.
    pub(super) fn take_results(&self) {
        self.core.take_results(&self.core.slots[0], &self.worker);
    }

    /// Starts the watch thread.
    pub(super) fn watch(&mut self) {
        self.watch = Some(std::thread::spawn(self.core.watching()));
    }

    /// Starts the watch thread and waits until it has seen everything and sleeps without a timeout.
    pub(super) fn watch_until_asleep(&mut self) {
        // It seems to sleep for an instant before each look at the clock.
        const STEADILY: Duration = Duration::from_millis(20);
        self.watch();
        let awake_at = Cell::new(Instant::now());
        wait_until("the watch sleeps", || {
            if !self.core.watched.sleeps() {
                awake_at.set(Instant::now());
            }
            awake_at.get().elapsed() > STEADILY
        });
    }
}

impl Drop for FakeWorker {
    fn drop(&mut self) {
        self.core.retire();
        if let Some(watch) = self.watch.take() {
            // If the test has already failed, its own message says more.
            let ended = watch.join();
            assert!(ended.is_ok() || std::thread::panicking(), "the watch panicked");
        }
    }
}

/// Waits for something that no event announces.
pub(super) fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + TIMEOUT;
    while !is_so() {
        assert!(Instant::now() < deadline, "waited too long until {what}");
        std::thread::yield_now();
    }
}

/// A worker after its handshake.
fn join(settings: &Settings, incarnation: u64) -> (Arc<Worker>, WorkerLink) {
    let controls = control::pair().unwrap();
    let process = WorkerProcess::spawn(&settings.program, settings.job, 0, controls, None).unwrap();
    let listener = Listener::new().unwrap();
    let theirs = connect(listener.socket(), TOKEN).unwrap();
    let worker = Worker::new(
        incarnation,
        Arc::new(process),
        Board::create().unwrap(),
        (
            PayloadArea::create("inbound").unwrap(),
            PayloadArea::create("outbound").unwrap(),
        ),
        listener.accept(TOKEN).unwrap(),
        (settings.lanes.into(), settings.message_limit),
        None,
    );
    (Arc::new(worker), theirs)
}

fn config() -> Config {
    Config {
        workers: 1,
        lanes: 1,
        attempts: 1,
        queue_jobs: 100,
        queue_bytes: 1 << 20,
        restart_limit: RestartLimit {
            failures: 8,
            within: Duration::from_mins(1),
        },
        halt: None,
        recycling: Recycling::default(),
        seed: 7,
    }
}

fn settings() -> Settings {
    Settings {
        program: Program {
            path: Some("true".into()),
            ..Program::default()
        },
        job: "job",
        lanes: 1,
        argument: Vec::new(),
        start_deadline: Duration::from_mins(10),
        job_deadline: None,
        message_limit: 1 << 20,
        memory: MemoryLimits::default(),
        capture: None,
        hooks: Hooks::default(),
        is_failure: None,
    }
}
