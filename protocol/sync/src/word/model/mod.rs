//! The lock word and the channel under a model checker.
//!
//! loom runs the very functions of [`super::lock_word`] and [`super::channel`] in every interleaving of their threads,
//! with every value that the memory model lets a load return. A sleep here ends by a wake-up alone, never by its slice, so
//! that a wake-up lost by the living is a deadlock, which loom reports. A thread can be killed before any of its steps:
//! its later steps do not happen, and who sleeps finds it dead.
//!
//! Each promise has a planted fault beside it, made by a [`Fault`] of the words and not by other code, that the model is
//! shown to catch.

mod lock;
mod queue;

use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    rc::Rc,
    sync::atomic::Ordering,
    time::Duration,
};

use loom::{
    cell::UnsafeCell,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, AtomicU64, fence},
    },
    thread,
};

use super::{
    channel::{self, Caller, Channel, Name, NotTaken},
    futex::Word,
    lock_word::{self, PoisonCause},
    wait::{Peers, WaitMode},
};

/// What is wrong with the words of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// No fence keeps a store before a load: a sleeper and a waker can miss each other.
    NoFence,
    /// Nothing is published by a store: what was written before it may be seen after it.
    EarlyPublication,
    /// A sleeper does not look again before it sleeps.
    HastySleep,
}

const NO_FAULT: u8 = 0;
const NO_FENCE: u8 = 1;
const EARLY_PUBLICATION: u8 = 2;
const HASTY_SLEEP: u8 = 3;

const fn fault(number: u8) -> Fault {
    match number {
        NO_FENCE => Fault::NoFence,
        EARLY_PUBLICATION => Fault::EarlyPublication,
        HASTY_SLEEP => Fault::HastySleep,
        _ => Fault::None,
    }
}

/// A word of memory with its futex.
struct Cell64 {
    value: AtomicU64,
    /// The kernel's lock around looking and falling asleep.
    bed: Mutex<()>,
    wake: Condvar,
}

impl Cell64 {
    fn new() -> Self {
        Self {
            value: AtomicU64::new(0),
            bed: Mutex::new(()),
            wake: Condvar::new(),
        }
    }

    fn wake_all(&self) {
        let _bed = self.bed.lock().unwrap();
        self.wake.notify_all();
    }
}

/// How many steps a thread has left, and whether any thread has died.
#[derive(Clone)]
struct Life {
    steps_left: Rc<Cell<Option<u32>>>,
    somebody_died: Arc<AtomicBool>,
}

struct Killed;

impl Life {
    fn new(steps: Option<u32>, somebody_died: &Arc<AtomicBool>) -> Self {
        Self {
            steps_left: Rc::new(Cell::new(steps)),
            somebody_died: Arc::clone(somebody_died),
        }
    }

    /// Called before each step: the thread dies here when its time has come.
    fn step(&self) {
        match self.steps_left.get() {
            Some(0) => resume_unwind(Box::new(Killed)),
            left => self.steps_left.set(left.map(|left| left - 1)),
        }
    }
}

/// A word as one thread sees it.
struct View<const FAULT: u8> {
    cell: Arc<Cell64>,
    life: Life,
}

impl<const FAULT: u8> Word for View<FAULT> {
    const SPINS: u32 = 0;

    fn load(&self, order: Ordering) -> u64 {
        self.life.step();
        self.cell.value.load(order)
    }

    fn store(&self, value: u64, order: Ordering) {
        self.life.step();
        let order = match fault(FAULT) {
            Fault::EarlyPublication => Ordering::Relaxed,
            _ => order,
        };
        self.cell.value.store(value, order);
    }

    fn swap(&self, value: u64, order: Ordering) -> u64 {
        self.life.step();
        self.cell.value.swap(value, order)
    }

    fn exchange(&self, seen: u64, new: u64, success: Ordering) -> Result<u64, u64> {
        self.life.step();
        self.cell
            .value
            .compare_exchange(seen, new, success, Ordering::Relaxed)
    }

    fn full_fence() {
        if fault(FAULT) != Fault::NoFence {
            fence(Ordering::SeqCst);
        }
    }

    fn sleep(&self, expected: u32, _slice: Duration) {
        self.life.step();
        let bed = self.cell.bed.lock().unwrap();
        // Where somebody has died, the slice's end is near.
        if self.life.somebody_died.load(Ordering::Acquire) {
            drop(bed);
            thread::yield_now();
            return;
        }
        if fault(FAULT) != Fault::HastySleep && self.cell.value.load(Ordering::Relaxed) as u32 != expected {
            return;
        }
        drop(self.cell.wake.wait(bed).unwrap());
    }

    fn wake(&self, count: u32) {
        self.life.step();
        let _bed = self.cell.bed.lock().unwrap();
        if count == 1 {
            self.cell.wake.notify_one();
        } else {
            self.cell.wake.notify_all();
        }
    }
}

/// The owner that can die in these models.
const MORTAL: u64 = 1;

struct ModelPeers(Arc<AtomicBool>);

impl Peers for ModelPeers {
    fn is_dead(&self, owner: u64) -> bool {
        owner == MORTAL && self.0.load(Ordering::Acquire)
    }

    fn reclaim(&self) {}
}

/// Runs a thread that may be killed before one of its steps, and lets the others know; says whether it was. `at_death`
/// is called while nobody knows yet.
fn mortally(
    died: &Arc<AtomicBool>,
    cells: &[Arc<Cell64>],
    at_death: impl FnOnce(),
    act: impl FnOnce(),
) -> bool {
    match catch_unwind(AssertUnwindSafe(act)) {
        Ok(()) => false,
        Err(payload) if payload.is::<Killed>() => {
            at_death();
            died.store(true, Ordering::Release);
            for cell in cells {
                cell.wake_all();
            }
            true
        }
        Err(payload) => resume_unwind(payload),
    }
}

/// Checks a model with so many preemptions of running threads at most; more can be had from `LOOM_MAX_PREEMPTIONS`.
fn check(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.max(Some(preemptions));
    builder.check(model);
}

/// What is said when loom finds a deadlock, and when an item is not whole.
const DEADLOCK: &str = "deadlock";
const TORN: &str = "torn";

/// In the environment of a process that is to run into a planted fault.
const PLANTED: &str = "PROTOCOL_MODEL_PLANTED";

/// Checks that the model of this name, a test, finds what is planted in it. A find ends the process, so it runs in one of
/// its own.
fn is_caught(test: &str, finding: &str, model: impl Fn() + Sync + Send + 'static) {
    if std::env::var_os(PLANTED).is_some() {
        return check(3, model);
    }
    let run = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(PLANTED, "1")
        .env("RUST_BACKTRACE", "0")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(!run.status.success(), "the planted fault was not found");
    assert!(
        said.contains(finding),
        "{finding} was to be found, and not {said}"
    );
}
