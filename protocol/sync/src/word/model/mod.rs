//! The lock word, the channel and the event count under a model checker.
//!
//! loom runs the very functions of [`super::lock_word`], [`super::channel`] and [`super::event_count`] in every
//! interleaving of their threads, with every value that the memory model lets a load return. A sleep ends only by a
//! wake-up here, never by its slice, so that a wake-up that no death has lost is a deadlock, which loom reports. A
//! thread can be killed before any of its steps: its later steps do not happen, and sleeping threads find it dead.
//!
//! Beside each promise there is a planted fault, made by a [`Fault`] of the words and not by other code, which the
//! model must find.

mod lock;
mod notification;
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
    event_count::{self, Key},
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
    /// A sleeper does not compare the word again before it sleeps.
    HastySleep,
    /// An exchange orders nothing: what was written before it may be seen after it.
    UnorderedExchange,
}

const NO_FAULT: u8 = 0;
const NO_FENCE: u8 = 1;
const EARLY_PUBLICATION: u8 = 2;
const HASTY_SLEEP: u8 = 3;
const UNORDERED_EXCHANGE: u8 = 4;

const fn fault(number: u8) -> Fault {
    match number {
        NO_FENCE => Fault::NoFence,
        EARLY_PUBLICATION => Fault::EarlyPublication,
        HASTY_SLEEP => Fault::HastySleep,
        UNORDERED_EXCHANGE => Fault::UnorderedExchange,
        _ => Fault::None,
    }
}

/// A word of memory with its futex.
struct Cell64 {
    value: AtomicU64,
    /// The kernel's lock around comparing the word and falling asleep.
    futex_lock: Mutex<()>,
    wake: Condvar,
}

impl Cell64 {
    fn new() -> Self {
        Self {
            value: AtomicU64::new(0),
            futex_lock: Mutex::new(()),
            wake: Condvar::new(),
        }
    }

    fn wake_all(&self) {
        let _guard = self.futex_lock.lock().unwrap();
        self.wake.notify_all();
    }
}

/// How many steps a thread has left, and whether any thread has died.
#[derive(Clone)]
struct KillPlan {
    steps_left: Rc<Cell<Option<u32>>>,
    any_died: Arc<AtomicBool>,
}

struct Killed;

impl KillPlan {
    fn new(steps: Option<u32>, any_died: &Arc<AtomicBool>) -> Self {
        Self {
            steps_left: Rc::new(Cell::new(steps)),
            any_died: Arc::clone(any_died),
        }
    }

    /// Called before each step: the thread dies here if it has no steps left.
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
    kill_plan: KillPlan,
}

impl<const FAULT: u8> Word for View<FAULT> {
    const SPINS: u32 = 0;

    fn load(&self, order: Ordering) -> u64 {
        self.kill_plan.step();
        self.cell.value.load(order)
    }

    fn store(&self, value: u64, order: Ordering) {
        self.kill_plan.step();
        let order = match fault(FAULT) {
            Fault::EarlyPublication => Ordering::Relaxed,
            _ => order,
        };
        self.cell.value.store(value, order);
    }

    fn swap(&self, value: u64, order: Ordering) -> u64 {
        self.kill_plan.step();
        self.cell.value.swap(value, order)
    }

    fn exchange(&self, seen: u64, new: u64, success: Ordering) -> Result<u64, u64> {
        self.kill_plan.step();
        let success = match fault(FAULT) {
            Fault::UnorderedExchange => Ordering::Relaxed,
            _ => success,
        };
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
        self.kill_plan.step();
        let guard = self.cell.futex_lock.lock().unwrap();
        // If a thread has died, the slice ends soon.
        if self.kill_plan.any_died.load(Ordering::Acquire) {
            drop(guard);
            thread::yield_now();
            return;
        }
        if fault(FAULT) != Fault::HastySleep && self.cell.value.load(Ordering::Relaxed) as u32 != expected {
            return;
        }
        drop(self.cell.wake.wait(guard).unwrap());
    }

    fn wake(&self, count: u32) {
        self.kill_plan.step();
        let _guard = self.cell.futex_lock.lock().unwrap();
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

/// Runs a thread that may be killed before one of its steps, and shows the others if it was; returns whether it was.
/// `at_death` is called before the others can see it.
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

/// Checks a model with at most this many preemptions of running threads, or `LOOM_MAX_PREEMPTIONS` if that is more.
fn check(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.max(Some(preemptions));
    builder.check(model);
}

/// What is printed if loom finds a deadlock, and if an item is not whole.
const DEADLOCK: &str = "deadlock";
const TORN: &str = "torn";

/// In the environment of a process that is to find a planted fault.
const PLANTED: &str = "SYNC_MODEL_PLANTED";

/// Checks that the model, in the test of this name, finds the fault that is planted in it. Finding one ends the
/// process, so the test runs again in a process of its own.
#[expect(clippy::disallowed_methods, reason = "a planted fault ends its process")]
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
    let printed = String::from_utf8_lossy(&run.stderr);
    assert!(!run.status.success(), "the planted fault was not found");
    assert!(
        printed.contains(finding),
        "{finding} was to be found, and not {printed}"
    );
}
