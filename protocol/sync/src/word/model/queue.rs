//! The channel: items arrive whole, in order and once, and a killed thread leaves it whole.

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
    kill_plan: KillPlan,
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
        let kill_plan = KillPlan::new(steps, &this.died);
        let view = |cell: &Arc<Cell64>| View {
            cell: Arc::clone(cell),
            kill_plan: kill_plan.clone(),
        };
        Seen {
            words: std::array::from_fn(|index| view(&this.words[index])),
            slots: std::array::from_fn(|index| {
                let (start, length) = &this.slots[index];
                (view(start), view(length))
            }),
            memory: Arc::clone(this),
            kill_plan,
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
            self.kill_plan.step();
            // SAFETY: they are not read before they are published, which is what loom checks.
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
        mode: WaitMode::Forever,
        peers: &peers,
    };
    channel::put(channel, &caller, 0, &[], &[item, item]).unwrap();
}

/// Takes an item, which must be whole.
fn take<const FAULT: u8>(channel: &Seen<FAULT>, me: u64, mode: WaitMode) -> Result<u8, NotTaken> {
    let peers = ModelPeers(Arc::clone(&channel.memory.died));
    let caller = Caller {
        me,
        mode,
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
    assert_eq!(take(&channel, 3, WaitMode::Forever), Ok(1));
    assert_eq!(take(&channel, 3, WaitMode::Forever), Ok(2));
    thread.join().unwrap();
}

/// One puts two items, two take one each.
fn one_to_two() {
    let memory = Memory::new();
    let consumers: Vec<_> = (3..5)
        .map(|me| {
            let memory = Arc::clone(&memory);
            thread::spawn(move || take(&Memory::seen::<NO_FAULT>(&memory, None), me, WaitMode::Forever))
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
    let mut taken = [(); 2].map(|()| take(&channel, 4, WaitMode::Forever).unwrap());
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
    let test = "word::model::queue::a_planted_lost_wake_up_is_caught";
    is_caught(test, DEADLOCK, one_to_one::<NO_FENCE>);
}

#[test]
fn a_planted_publication_out_of_order_is_caught() {
    let test = "word::model::queue::a_planted_publication_out_of_order_is_caught";
    is_caught(test, TORN, one_to_one::<EARLY_PUBLICATION>);
}

#[test]
fn a_producer_killed_at_any_step_leaves_the_channel_whole() {
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
            let early = take(&channel, 2, WaitMode::Try).ok();
            thread.join().unwrap();
            let late = take(&channel, 2, WaitMode::Try).ok();
            assert!(early.is_none() || late.is_none(), "delivered twice");
            put(&channel, 2, 7);
            assert_eq!(take(&channel, 2, WaitMode::Try), Ok(7));
        });
    }
}

#[test]
fn a_consumer_killed_at_any_step_leaves_the_channel_whole() {
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
                            WaitMode::Try,
                        );
                    },
                )
            });
            // There is room for one: this waits for the first to be taken, by the mortal one or after its death.
            let taken = take(&channel, 2, WaitMode::Try).ok();
            let was_killed = thread.join().unwrap();
            assert!(taken != Some(2));
            let _left_or_not = take(&channel, 2, WaitMode::Try);
            put(&channel, 2, 2);
            assert_eq!(take(&channel, 2, WaitMode::Try), Ok(2), "killed: {was_killed}");
        });
    }
}
