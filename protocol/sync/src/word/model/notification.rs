//! The event count: no notification is lost, neither by its ordering nor with a thread that is killed.

use super::*;

struct Shared {
    word: Arc<Cell64>,
    /// State that is apart from the event count.
    state: Arc<Cell64>,
    died: Arc<AtomicBool>,
}

/// The words as one thread sees them.
struct Seen<const FAULT: u8> {
    word: View<FAULT>,
    state: View<FAULT>,
    peers: ModelPeers,
}

const EMPTY: u64 = 0;
const FULL: u64 = 1;
const EMPTIED: u64 = 2;

impl Shared {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            word: Arc::new(Cell64::new()),
            state: Arc::new(Cell64::new()),
            died: Arc::new(AtomicBool::new(false)),
        })
    }

    fn seen<const FAULT: u8>(&self, steps: Option<u32>) -> Seen<FAULT> {
        let kill_plan = KillPlan::new(steps, &self.died);
        let view = |cell: &Arc<Cell64>| View {
            cell: Arc::clone(cell),
            kill_plan: kill_plan.clone(),
        };
        Seen {
            word: view(&self.word),
            state: view(&self.state),
            peers: ModelPeers(Arc::clone(&self.died)),
        }
    }
}

impl<const FAULT: u8> Seen<FAULT> {
    fn wait_until<T>(&self, look: impl FnMut(Key) -> Option<T>) -> T {
        event_count::wait_until(&self.word, WaitMode::Forever, &self.peers, look).unwrap()
    }

    /// Waits for a notification since `start`, as an event or a condition does.
    fn wait_since(&self, start: Key) {
        self.wait_until(|now| (now != start || event_count::own(&self.word) == 1).then_some(()));
    }

    /// Sets the flag and clears it at once, as with an event.
    fn pulse(&self) {
        event_count::notify_all_with(&self.word, 1);
        event_count::set_own(&self.word, 0);
    }

    /// Fills the state. It is ordered by the notification alone.
    fn fill(&self) {
        self.state.store(FULL, Ordering::Relaxed);
    }

    /// Empties the state if it is full.
    fn empty(&self) -> bool {
        self.state.exchange(FULL, EMPTIED, Ordering::Relaxed).is_ok()
    }

    /// Waits until this or another thread has emptied the state.
    fn wait_until_emptied(&self) {
        self.wait_until(|_| (self.empty() || self.state.load(Ordering::Relaxed) == EMPTIED).then_some(()));
    }
}

/// Starts a thread that is killed before its step of this number; it returns whether it was.
fn spawn_mortal(
    shared: &Arc<Shared>,
    steps: u32,
    act: impl FnOnce(&Seen<NO_FAULT>) + 'static,
) -> thread::JoinHandle<bool> {
    let mortal = Arc::clone(shared);
    thread::spawn(move || {
        let cells = [Arc::clone(&mortal.word)];
        // Dropped after the death: what is dropped by a panic must not let loom switch threads.
        let seen = mortal.seen::<NO_FAULT>(Some(steps));
        mortally(&mortal.died, &cells, || (), || act(&seen))
    })
}

/// Some threads wait before another pulses.
fn pulse<const FAULT: u8>(waiters: usize) {
    let shared = Shared::new();
    let start = event_count::prepare(&shared.seen::<FAULT>(None).word);
    let mut threads: Vec<_> = (1..waiters)
        .map(|_| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.seen::<FAULT>(None).wait_since(start))
        })
        .collect();
    let notifier = Arc::clone(&shared);
    threads.push(thread::spawn(move || notifier.seen::<FAULT>(None).pulse()));
    shared.seen::<FAULT>(None).wait_since(start);
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(event_count::own(&shared.seen::<FAULT>(None).word), 0);
}

/// One thread fills the state, as a barrier or a semaphore does, and others see it.
fn state<const FAULT: u8>(waiters: usize) {
    let shared = Shared::new();
    let wait = |shared: &Shared| {
        let seen = shared.seen::<FAULT>(None);
        seen.wait_until(|_| (seen.state.load(Ordering::Relaxed) == FULL).then_some(()));
    };
    let mut threads: Vec<_> = (1..waiters)
        .map(|_| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || wait(&shared))
        })
        .collect();
    let notifier = Arc::clone(&shared);
    threads.push(thread::spawn(move || {
        let seen = notifier.seen::<FAULT>(None);
        seen.fill();
        event_count::notify_all(&seen.word);
    }));
    wait(&shared);
    for thread in threads {
        thread.join().unwrap();
    }
}

/// Two threads wait for one token each, and another brings two, one notification each.
fn tokens() {
    let shared = Shared::new();
    let take = |shared: &Shared| {
        let seen = shared.seen::<NO_FAULT>(None);
        seen.wait_until(|_| {
            let mut tokens = seen.state.load(Ordering::Relaxed);
            while tokens > 0 {
                match seen.state.exchange(tokens, tokens - 1, Ordering::Relaxed) {
                    Ok(_) => return Some(()),
                    Err(changed) => tokens = changed,
                }
            }
            None
        });
    };
    let takers: Vec<_> = (0..2)
        .map(|_| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || take(&shared))
        })
        .collect();
    let seen = shared.seen::<NO_FAULT>(None);
    for _ in 0..2 {
        let mut tokens = seen.state.load(Ordering::Relaxed);
        while let Err(changed) = seen.state.exchange(tokens, tokens + 1, Ordering::Relaxed) {
            tokens = changed;
        }
        event_count::notify_one(&seen.word);
    }
    for taker in takers {
        taker.join().unwrap();
    }
}

#[test]
fn all_who_wait_see_a_pulse() {
    check(3, || pulse::<NO_FAULT>(1));
    check(2, || pulse::<NO_FAULT>(2));
}

#[test]
fn all_who_wait_see_what_changed_before_a_notification() {
    check(3, || state::<NO_FAULT>(1));
    check(2, || state::<NO_FAULT>(2));
}

#[test]
fn as_many_waiters_go_on_as_are_notified_one_by_one() {
    check(2, tokens);
}

#[test]
fn a_planted_lost_wake_up_is_caught() {
    let test = "word::model::notification::a_planted_lost_wake_up_is_caught";
    is_caught(test, DEADLOCK, || pulse::<HASTY_SLEEP>(1));
}

#[test]
fn a_planted_notification_without_order_is_caught() {
    let test = "word::model::notification::a_planted_notification_without_order_is_caught";
    is_caught(test, DEADLOCK, || state::<UNORDERED_EXCHANGE>(1));
}

#[test]
fn a_notifier_killed_at_any_step_leaves_no_thread_waiting() {
    for steps in 0..8 {
        check(3, move || {
            let shared = Shared::new();
            let thread = spawn_mortal(&shared, steps, |seen| {
                seen.fill();
                event_count::notify_all(&seen.word);
            });
            let seen = shared.seen::<NO_FAULT>(None);
            seen.wait_until(|_| {
                let is_over =
                    seen.state.load(Ordering::Relaxed) == FULL || shared.died.load(Ordering::Acquire);
                is_over.then_some(())
            });
            let was_killed = thread.join().unwrap();
            let is_full = seen.state.load(Ordering::Relaxed) == FULL;
            assert!(is_full || was_killed, "the waiter went on too early");
        });
    }
}

#[test]
fn a_waiter_killed_at_any_step_leaves_its_notification_to_another() {
    for steps in 0..12 {
        check(2, move || {
            let shared = Shared::new();
            let waiter = spawn_mortal(&shared, steps, |seen| {
                seen.wait_until_emptied();
                event_count::notify_all(&seen.word);
            });
            let notifier = Arc::clone(&shared);
            let notifier = thread::spawn(move || {
                let seen = notifier.seen::<NO_FAULT>(None);
                seen.fill();
                event_count::notify_one(&seen.word);
            });
            let seen = shared.seen::<NO_FAULT>(None);
            seen.wait_until_emptied();
            // The other thread may still be asleep.
            event_count::notify_all(&seen.word);
            waiter.join().unwrap();
            notifier.join().unwrap();
            assert_ne!(seen.state.load(Ordering::Relaxed), EMPTY);
        });
    }
}
