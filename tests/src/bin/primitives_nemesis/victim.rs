//! A process that uses the shared objects without a pause, until it is killed.
//!
//! It says what it has done after each operation, one line each: `put N`, `got PRODUCER N`, `torn WHAT`,
//! `torn ware` (an object that was put and is not there), `shared WHAT` (two in a place for one), `untold` (a dead holder of whom nothing was said).

use std::io::Write;

use sync::{GetError, LockError, PutErrorKind, Value, heap};

use crate::test_bed::{Item, Shared, Ware};

/// How many may be where the semaphore leads.
pub(crate) const PERMITS: u32 = 2;

pub(crate) fn run(handles: &str, seed: u64) -> ! {
    let memory = std::os::fd::AsFd::as_fd(&std::io::stdin())
        .try_clone_to_owned()
        .expect("the shared heap's descriptor");
    heap::adopt(memory).expect("a shared heap");
    let bytes: Vec<u8> = (0..handles.len() / 2)
        .map(|index| u8::from_str_radix(&handles[2 * index..2 * index + 2], 16).expect("a byte"))
        .collect();
    let shared: Shared = protocol::decode_argument(&bytes).expect("handles");
    let mut victim = Victim {
        shared,
        seed,
        puts: 0,
        random: fastrand::Rng::with_seed(seed),
    };
    loop {
        victim.act();
    }
}

struct Victim {
    shared: Shared,
    seed: u64,
    puts: u64,
    random: fastrand::Rng,
}

/// One line, in one write: a kill leaves it whole or away.
fn say(line: &str) {
    std::io::stdout()
        .write_all(format!("{line}\n").as_bytes())
        .expect("said");
}

impl Victim {
    fn act(&mut self) {
        match self.random.u8(..13) {
            0..=2 => self.hold_the_lock(),
            3 => self.change_values(),
            4 => self.take_a_permit(),
            5..=6 => self.put(),
            7..=9 => self.get(),
            10 => self.sell(),
            _ => self.buy(),
        }
    }

    fn dawdle(&mut self) {
        for _ in 0..self.random.u32(..200) {
            std::hint::spin_loop();
        }
    }

    fn hold_the_lock(&mut self) {
        let shared = self.shared.clone();
        let (guard, is_told) = match shared.lock.lock() {
            Ok(guard) => (guard, false),
            Err(LockError::Poisoned(poisoned)) => (poisoned.into_guard(), true),
            Err(error) => panic!("{error}"),
        };
        // No other process can have this one now, unless it was killed with it.
        let mut inside = match shared.inside.try_lock() {
            Ok(inside) => inside,
            Err(LockError::Poisoned(poisoned)) if is_told => {
                shared.inside.clear_poison();
                poisoned.into_guard()
            }
            Err(LockError::Poisoned(_)) => return say("untold value"),
            Err(error) => return say(&format!("shared lock: {error}")),
        };
        if *inside != 0 && !is_told {
            say("untold");
        }
        shared.lock.clear_poison();
        *inside = self.seed;
        drop(inside);
        self.dawdle();
        if let Ok(mut inside) = shared.inside.try_lock() {
            if *inside != self.seed {
                say("shared lock");
            }
            *inside = 0;
        } else {
            say("shared lock");
        }
        drop(guard);
    }

    fn change_values(&mut self) {
        let shared = self.shared.clone();
        let mut pair = whatever(&shared.pair);
        if pair[0] != pair[1] {
            say("torn pair");
        }
        pair[0] += 1;
        self.dawdle();
        pair[1] += 1;
        let mut large = whatever(&shared.large);
        if large.iter().any(|number| *number != large[0]) {
            say("torn value");
        }
        for number in large.iter_mut() {
            *number += 1;
        }
    }

    fn take_a_permit(&mut self) {
        let shared = self.shared.clone();
        let _permit = shared.semaphore.acquire().expect("a permit");
        self.dawdle();
    }

    fn put(&mut self) {
        let item = Item {
            producer: self.seed,
            number: self.puts,
            filling: filling(self.seed, self.puts),
        };
        match self.shared.queue.try_put(item) {
            Ok(()) => {
                say(&format!("put {}", self.puts));
                self.puts += 1;
            }
            Err(error) => assert!(matches!(error.kind(), PutErrorKind::Full), "{error}"),
        }
    }

    fn get(&mut self) {
        match self.shared.queue.try_get() {
            Ok(item) if item.filling == filling(item.producer, item.number) => {
                say(&format!("got {} {}", item.producer, item.number));
            }
            Ok(item) => say(&format!("torn item {} {}", item.producer, item.number)),
            Err(GetError::Empty) => {}
            Err(error) => say(&format!("torn item: {error}")),
        }
    }
}

impl Victim {
    fn sell(&mut self) {
        let number = self.random.usize(1..5);
        let wares = std::iter::repeat_with(|| {
            let content = self.random.u64(..);
            (content, Value::new(content).expect("a value"))
        });
        let wares: Vec<Ware> = wares.take(number).collect();
        if let Err(error) = self.shared.trade.try_put(wares) {
            assert!(matches!(error.kind(), PutErrorKind::Full), "{error}");
        }
    }

    fn buy(&mut self) {
        match self.shared.trade.try_get() {
            Ok(wares) => {
                for (content, ware) in &wares {
                    if *whatever(ware) != *content {
                        say("torn ware");
                    }
                }
            }
            Err(GetError::Empty) => {}
            Err(error) => say(&format!("torn ware: {error}")),
        }
    }
}

/// The value, whatever became of its earlier holders.
fn whatever<T: bytemuck::Pod>(value: &Value<T>) -> sync::ValueGuard<'_, T> {
    value.lock().unwrap_or_else(|error| {
        value.clear_poison();
        error.into_guard().expect("held")
    })
}

/// Bytes that only this item has, of very different lengths.
pub(crate) fn filling(producer: u64, number: u64) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(producer.wrapping_mul(31).wrapping_add(number));
    let length = if random.u8(..8) == 0 {
        random.usize(..1500)
    } else {
        random.usize(..40)
    };
    (0..length).map(|_| random.u8(..)).collect()
}
