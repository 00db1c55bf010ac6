//! The lock word and the channel under a model checker.
//!
//! loom runs the very functions of [`super::ownership`] and [`super::channel`] in every interleaving of their threads,
//! with every value that the memory model lets a load return. A sleep here ends by a wake-up alone, never by its slice, so
//! that a wake-up lost by the living is a deadlock, which loom reports. A thread can be killed before any of its steps:
//! its later steps do not happen, and who sleeps finds it dead.
//!
//! Each promise has a planted fault beside it, made by a [`Fault`] of the words and not by other code, that the model is
//! shown to catch.

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
    ownership::{self, Patience, Peers, PoisonCause},
    word::Word,
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

    fn tend(&self) {}
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

mod lock {
    use super::*;

    struct Shared {
        word: Arc<Cell64>,
        died: Arc<AtomicBool>,
        /// What the lock protects: loom reports two that are in here at once.
        inside: UnsafeCell<u32>,
    }

    impl Shared {
        fn new() -> Arc<Self> {
            Arc::new(Self {
                word: Arc::new(Cell64::new()),
                died: Arc::new(AtomicBool::new(false)),
                inside: UnsafeCell::new(0),
            })
        }

        /// Locks, adds one to what is inside, and releases; says how an earlier holder failed.
        fn visit<const FAULT: u8>(&self, owner: u64, steps: Option<u32>) -> Option<PoisonCause> {
            let word = View::<FAULT> {
                cell: Arc::clone(&self.word),
                life: Life::new(steps, &self.died),
            };
            let peers = ModelPeers(Arc::clone(&self.died));
            let held = ownership::acquire(&word, owner, Patience::Endless, &peers).unwrap();
            self.add_one();
            word.life.step();
            ownership::release(&word, &held, None);
            held.poison()
        }

        #[expect(unsafe_code, reason = "a checked cell is loom's way to see two in one place")]
        fn add_one(&self) {
            // SAFETY: only the holder of the lock is here, which is what loom checks.
            self.inside.with_mut(|inside| unsafe { *inside += 1 });
        }
    }

    fn contention<const FAULT: u8>(threads: u64) {
        let shared = Shared::new();
        let others: Vec<_> = (2..=threads)
            .map(|owner| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || shared.visit::<FAULT>(owner, None))
            })
            .collect();
        shared.visit::<FAULT>(1, None);
        for other in others {
            assert_eq!(other.join().unwrap(), None);
        }
    }

    #[test]
    fn it_is_exclusive_and_no_wake_up_is_lost() {
        check(3, || contention::<NO_FAULT>(2));
        check(2, || contention::<NO_FAULT>(3));
    }

    #[test]
    fn a_planted_lost_wake_up_is_caught() {
        let test = "sync::model::lock::a_planted_lost_wake_up_is_caught";
        is_caught(test, DEADLOCK, || contention::<HASTY_SLEEP>(2));
    }

    #[test]
    fn a_holder_killed_at_any_step_is_succeeded_and_told() {
        for steps in 0..8 {
            check(3, move || {
                let shared = Shared::new();
                let mortal = Arc::clone(&shared);
                let thread = thread::spawn(move || {
                    let cells = [Arc::clone(&mortal.word)];
                    let mut held_it = false;
                    let owner = || mortal.word.value.load(Ordering::Acquire) & 0xff;
                    mortally(
                        &mortal.died,
                        &cells,
                        || held_it = owner() == MORTAL,
                        || {
                            mortal.visit::<NO_FAULT>(MORTAL, Some(steps));
                        },
                    );
                    held_it
                });
                let first = shared.visit::<NO_FAULT>(2, None);
                let held_it = thread.join().unwrap();
                let last = shared.visit::<NO_FAULT>(3, None);
                let is_told = first.or(last) == Some(PoisonCause::Died);
                assert_eq!(
                    is_told, held_it,
                    "a death is told if the lock was held, and only then"
                );
            });
        }
    }
}

mod queue {
    use super::*;

    const ITEMS: u64 = 1;
    const SLOTS: u64 = 2;
    const BYTES: u64 = 4;

    struct Memory {
        words: [Arc<Cell64>; 9],
        slots: [(Arc<Cell64>, Arc<Cell64>); SLOTS as usize],
        /// loom reports bytes that are read while they may still be written.
        bytes: [UnsafeCell<u8>; BYTES as usize],
        died: Arc<AtomicBool>,
    }

    /// The channel as one thread sees it.
    struct Seen<const FAULT: u8> {
        memory: Arc<Memory>,
        words: [View<FAULT>; 9],
        slots: [(View<FAULT>, View<FAULT>); SLOTS as usize],
        life: Life,
    }

    impl Memory {
        fn new() -> Arc<Self> {
            let cell = || Arc::new(Cell64::new());
            Arc::new(Self {
                words: std::array::from_fn(|_| cell()),
                slots: std::array::from_fn(|_| (cell(), cell())),
                bytes: std::array::from_fn(|_| UnsafeCell::new(0)),
                died: Arc::new(AtomicBool::new(false)),
            })
        }

        fn seen<const FAULT: u8>(this: &Arc<Self>, steps: Option<u32>) -> Seen<FAULT> {
            let life = Life::new(steps, &this.died);
            let view = |cell: &Arc<Cell64>| View {
                cell: Arc::clone(cell),
                life: life.clone(),
            };
            Seen {
                words: std::array::from_fn(|index| view(&this.words[index])),
                slots: std::array::from_fn(|index| {
                    let (start, length) = &this.slots[index];
                    (view(start), view(length))
                }),
                memory: Arc::clone(this),
                life,
            }
        }
    }

    impl<const FAULT: u8> Channel for Seen<FAULT> {
        type Word = View<FAULT>;

        fn word(&self, name: Name) -> &View<FAULT> {
            &self.words[name as usize]
        }

        fn slot(&self, index: u64) -> (&View<FAULT>, &View<FAULT>) {
            let (start, length) = &self.slots[(index % SLOTS) as usize];
            (start, length)
        }

        fn item_limit(&self) -> u64 {
            ITEMS
        }

        fn byte_limit(&self) -> u64 {
            BYTES
        }

        #[expect(unsafe_code, reason = "checked cells are loom's way to see a race")]
        fn write(&self, position: u64, bytes: &[u8]) {
            for (byte, at) in bytes.iter().zip(position..) {
                self.life.step();
                // SAFETY: nobody reads them before they are published, which is what loom checks.
                self.memory.bytes[(at % BYTES) as usize].with_mut(|cell| unsafe { *cell = *byte });
            }
        }

        #[expect(unsafe_code, reason = "as in `write`")]
        fn read(&self, position: u64, length: usize, buffer: &mut Vec<u8>) {
            for at in position..position + length as u64 {
                // SAFETY: as in `write`.
                buffer.push(self.memory.bytes[(at % BYTES) as usize].with(|cell| unsafe { *cell }));
            }
        }
    }

    fn put<const FAULT: u8>(channel: &Seen<FAULT>, me: u64, item: u8) {
        let peers = ModelPeers(Arc::clone(&channel.memory.died));
        let caller = Caller {
            me,
            patience: Patience::Endless,
            peers: &peers,
        };
        channel::put(channel, &caller, 0, &[], &[item, item]).unwrap();
    }

    /// Takes an item, which must be whole.
    fn take<const FAULT: u8>(channel: &Seen<FAULT>, me: u64, patience: Patience) -> Result<u8, NotTaken> {
        let peers = ModelPeers(Arc::clone(&channel.memory.died));
        let caller = Caller {
            me,
            patience,
            peers: &peers,
        };
        let mut item = Vec::new();
        channel::take(channel, &caller, &mut item, |_, _| ())?;
        assert!(
            item.len() == 2 && item[0] == item[1] && item[0] != 0,
            "torn: {item:?}"
        );
        Ok(item[0])
    }

    /// One puts two items where there is room for one, another takes them.
    fn one_to_one<const FAULT: u8>() {
        let memory = Memory::new();
        let producer = Arc::clone(&memory);
        let thread = thread::spawn(move || {
            let channel = Memory::seen::<FAULT>(&producer, None);
            put(&channel, 2, 1);
            put(&channel, 2, 2);
        });
        let channel = Memory::seen::<FAULT>(&memory, None);
        assert_eq!(take(&channel, 3, Patience::Endless), Ok(1));
        assert_eq!(take(&channel, 3, Patience::Endless), Ok(2));
        thread.join().unwrap();
    }

    /// One puts two items, two take one each.
    fn one_to_two() {
        let memory = Memory::new();
        let consumers: Vec<_> = (3..5)
            .map(|me| {
                let memory = Arc::clone(&memory);
                thread::spawn(move || take(&Memory::seen::<NO_FAULT>(&memory, None), me, Patience::Endless))
            })
            .collect();
        let channel = Memory::seen::<NO_FAULT>(&memory, None);
        put(&channel, 2, 1);
        put(&channel, 2, 2);
        let mut taken: Vec<u8> = consumers
            .into_iter()
            .map(|thread| thread.join().unwrap().unwrap())
            .collect();
        taken.sort_unstable();
        assert_eq!(taken, [1, 2]);
    }

    /// Two put one item each, one takes both.
    fn two_to_one() {
        let memory = Memory::new();
        let producers: Vec<_> = (2..4)
            .map(|me| {
                let memory = Arc::clone(&memory);
                thread::spawn(move || put(&Memory::seen::<NO_FAULT>(&memory, None), me, me as u8))
            })
            .collect();
        let channel = Memory::seen::<NO_FAULT>(&memory, None);
        let mut taken = [(); 2].map(|()| take(&channel, 4, Patience::Endless).unwrap());
        taken.sort_unstable();
        assert_eq!(taken, [2, 3]);
        for thread in producers {
            thread.join().unwrap();
        }
    }

    #[test]
    fn items_arrive_whole_in_order_once_and_no_wake_up_is_lost() {
        check(4, one_to_one::<NO_FAULT>);
        check(1, one_to_two);
        check(1, two_to_one);
    }

    #[test]
    fn a_planted_lost_wake_up_is_caught() {
        let test = "sync::model::queue::a_planted_lost_wake_up_is_caught";
        is_caught(test, DEADLOCK, one_to_one::<NO_FENCE>);
    }

    #[test]
    fn a_planted_publication_out_of_order_is_caught() {
        let test = "sync::model::queue::a_planted_publication_out_of_order_is_caught";
        is_caught(test, TORN, one_to_one::<EARLY_PUBLICATION>);
    }

    #[test]
    fn a_producer_killed_at_any_step_leaves_the_queue_whole() {
        for steps in 0..16 {
            check(2, move || {
                let memory = Memory::new();
                let mortal = Arc::clone(&memory);
                let thread = thread::spawn(move || {
                    mortally(
                        &mortal.died,
                        &mortal.words,
                        || (),
                        || {
                            put(&Memory::seen::<NO_FAULT>(&mortal, Some(steps)), MORTAL, 1);
                        },
                    )
                });
                let channel = Memory::seen::<NO_FAULT>(&memory, None);
                let early = take(&channel, 2, Patience::None).ok();
                thread.join().unwrap();
                let late = take(&channel, 2, Patience::None).ok();
                assert!(early.is_none() || late.is_none(), "delivered twice");
                put(&channel, 2, 7);
                assert_eq!(take(&channel, 2, Patience::None), Ok(7));
            });
        }
    }

    #[test]
    fn a_consumer_killed_at_any_step_leaves_the_queue_whole() {
        for steps in 0..14 {
            check(2, move || {
                let memory = Memory::new();
                let channel = Memory::seen::<NO_FAULT>(&memory, None);
                put(&channel, 2, 1);
                let mortal = Arc::clone(&memory);
                let thread = thread::spawn(move || {
                    mortally(
                        &mortal.died,
                        &mortal.words,
                        || (),
                        || {
                            // It may find nothing, when the other was faster.
                            let _taken_or_not = take(
                                &Memory::seen::<NO_FAULT>(&mortal, Some(steps)),
                                MORTAL,
                                Patience::None,
                            );
                        },
                    )
                });
                // There is room for one: this waits for the first to be taken, by the mortal one or after its death.
                let taken = take(&channel, 2, Patience::None).ok();
                let was_killed = thread.join().unwrap();
                assert!(taken != Some(2));
                let _left_or_not = take(&channel, 2, Patience::None);
                put(&channel, 2, 2);
                assert_eq!(take(&channel, 2, Patience::None), Ok(2), "killed: {was_killed}");
            });
        }
    }
}
