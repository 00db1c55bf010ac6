//! The lock: exclusive, no wake-up is lost, and the next holder learns of a killed one.

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

    /// Locks, adds one to what is inside, and releases; returns how an earlier holder failed.
    fn visit<const FAULT: u8>(&self, owner: u64, steps: Option<u32>) -> Option<PoisonCause> {
        let word = View::<FAULT> {
            cell: Arc::clone(&self.word),
            kill_plan: KillPlan::new(steps, &self.died),
        };
        let peers = ModelPeers(Arc::clone(&self.died));
        let held = lock_word::acquire(&word, owner, WaitMode::Forever, &peers).unwrap();
        self.add_one();
        word.kill_plan.step();
        lock_word::release(&word, &held, None);
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
    let test = "word::model::lock::a_planted_lost_wake_up_is_caught";
    is_caught(test, DEADLOCK, || contention::<HASTY_SLEEP>(2));
}

#[test]
fn a_holder_killed_at_any_step_is_succeeded_and_reported() {
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
            let is_reported = first.or(last) == Some(PoisonCause::Died);
            assert_eq!(
                is_reported, held_it,
                "a death is reported if the lock was held, and only then"
            );
        });
    }
}
