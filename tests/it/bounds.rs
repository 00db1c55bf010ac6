//! Times and sizes: each takes its type's whole range, from zero on, or says its bounds.
//!
//! One table for each place that takes some: the settings of a pool, the calls that wait, the shared objects. Those of a
//! process are in the program `processes`, those of the command in `tests/cli/limits.rs`.

use std::time::{Duration, Instant};

use pool::{
    BuildError, Builder, JobError, Pool, SubmitError,
    failure::StartFailureKind,
    policy::{Halt, Threshold, Urgency},
    stream::Order,
};
use tests::{Answer, Puppet};

use crate::{
    processes::run_scenario,
    setup::{assert_works, puppet_pool, puppets, run, scenario, submit},
};

/// Times at the ends of the range: of the type, and of what the clock of the system can show.
const TIMES: [Duration; 6] = [
    Duration::ZERO,
    Duration::from_nanos(1),
    Duration::from_secs(i64::MAX as u64 - 1_000_000_000),
    Duration::from_secs(i64::MAX as u64),
    Duration::from_secs(u64::MAX),
    Duration::MAX,
];

/// Times that never pass.
const LONG: [Duration; 4] = [TIMES[2], TIMES[3], TIMES[4], TIMES[5]];

const SIZES: [usize; 5] = [0, 1, i64::MAX as usize, usize::MAX - 1, usize::MAX];

type Set<T> = (&'static str, fn(Builder<Puppet>, T) -> Builder<Puppet>);

const SETTINGS_OF_SIZE: &[Set<usize>] = &[
    ("workers", Builder::workers),
    ("threads", Builder::threads),
    ("queue", Builder::queue),
    ("queue_bytes", Builder::queue_bytes),
    ("window", Builder::window),
    ("window_bytes", Builder::window_bytes),
    ("message_limit", |pool, size| pool.message_limit(size as u64)),
    ("attempts", |pool, size| {
        pool.attempts(u8::try_from(size).unwrap_or(u8::MAX))
    }),
    ("halt", |pool, size| {
        pool.halt(Halt::new(Urgency::Now, Threshold::failures(size as u64)))
    }),
    ("restart_limit", |pool, size| {
        pool.restart_limit(size, Duration::MAX)
    }),
    ("recycle_after", |pool, size| pool.recycle_after(size as u64)),
    ("recycle_memory", |pool, size| pool.recycle_memory(size as u64)),
    ("memory_max", |pool, size| pool.memory_max(size as u64)),
    ("capture_output", Builder::capture_output),
];

/// Uses a pool in each way that depends on a bound: alone, in order, and many at once.
fn use_fully(pool: &Pool<Puppet>, name: &str) {
    assert_works(pool);
    let outputs = pool.map((0..200).map(Puppet::Number));
    let wrong = (0..)
        .zip(outputs)
        .find(|(number, output)| !matches!(output, Ok(Answer::Number(found)) if found == number));
    assert!(wrong.is_none(), "{name}: {wrong:?}");
    let (mut input, output) = pool.stream(Order::Completion);
    std::thread::scope(|scope| {
        scope.spawn(move || (0..200).for_each(|number| input.send(&Puppet::Number(number)).expect("open")));
        assert_eq!(output.filter(|(_, output)| output.is_ok()).count(), 200, "{name}");
    });
}

#[test]
fn every_size_of_a_pool_is_taken_or_its_range_is_named() {
    scenario(|| {
        for (name, set) in SETTINGS_OF_SIZE {
            for size in SIZES {
                let name = format!("{name}({size})");
                match set(puppets(1), size).build() {
                    // A job is larger than a byte.
                    Ok(pool) if name == "message_limit(1)" => {
                        let rejected = pool.submit(Puppet::Number(1)).expect_err("it is too large");
                        assert!(matches!(rejected.error, SubmitError::TooLarge { limit: 1, .. }));
                    }
                    Ok(pool) => use_fully(&pool, &name),
                    Err(BuildError::Setting(text)) => {
                        assert!(text.contains(" must be from "), "{name}: {text}");
                    }
                    Err(other) => panic!("{name}: {other}"),
                }
            }
        }
    });
}

const SETTINGS_OF_TIME: &[Set<Duration>] = &[
    ("start_deadline", Builder::start_deadline),
    ("job_deadline", Builder::job_deadline),
    ("grace", Builder::grace),
    ("restart_limit", |pool, time| pool.restart_limit(8, time)),
];

#[test]
fn every_time_of_a_pool_is_kept_or_passes_at_once() {
    scenario(|| {
        for (name, set) in SETTINGS_OF_TIME {
            for time in TIMES {
                let (name, is_long) = (format!("{name}({time:?})"), LONG.contains(&time));
                let pool = match set(puppets(1), time).build() {
                    Ok(pool) => pool,
                    Err(BuildError::NoWorker(failure)) if !is_long => {
                        assert!(matches!(failure.kind, StartFailureKind::Silent(after) if after == time));
                        continue;
                    }
                    Err(error) => panic!("{name}: {error}"),
                };
                match run(&pool, Puppet::Number(1)) {
                    Ok(_) => {}
                    Err(JobError::DeadlineExceeded(after)) if !is_long => assert_eq!(after, time),
                    Err(error) => panic!("{name}: {error}"),
                }
                let begun = Instant::now();
                pool.close();
                assert!(
                    begun.elapsed() < Duration::from_secs(10),
                    "{name} holds the end up"
                );
            }
        }
    });
}

#[test]
fn every_call_that_waits_takes_every_time() {
    scenario(|| {
        let pool = puppet_pool(1);
        for time in TIMES {
            let waited = submit(&pool, Puppet::Number(7)).wait_timeout(time);
            assert!(
                waited.is_ok_and(|output| output.is_ok()) || !LONG.contains(&time),
                "wait_timeout({time:?})"
            );
            let submitted = pool.submit_timeout(Puppet::Number(7), time);
            assert!(submitted.expect("there is room").wait().is_ok());
            assert!(
                pool.drain_timeout(time) || !LONG.contains(&time),
                "drain_timeout({time:?})"
            );
            let pool = puppet_pool(1);
            pool.shutdown(time);
        }
    });
}

/// Each wait of a shared object that ends at once, and one that only the time can end.
type Wait = (&'static str, fn(Duration) -> bool);

const READY_WAITS: &[Wait] = &[
    ("Lock", |time| {
        sync::Lock::new().expect("a lock").lock_timeout(time).is_ok()
    }),
    ("Value", |time| {
        sync::Value::new(1_u64)
            .expect("a value")
            .lock_timeout(time)
            .is_ok()
    }),
    ("Semaphore", |time| {
        let semaphore = sync::Semaphore::new(1).expect("a semaphore");
        semaphore.acquire_timeout(time).is_ok()
    }),
    ("Event", |time| {
        let event = sync::Event::new().expect("an event");
        event.set();
        event.wait_timeout(time)
    }),
    ("Barrier", |time| {
        sync::Barrier::new(1)
            .expect("a barrier")
            .wait_timeout(time)
            .is_ok()
    }),
    ("Queue", |time| {
        let queue = sync::Queue::new().expect("a queue");
        queue.put_timeout(1, time).is_ok() && queue.get_timeout(time).is_ok_and(|item: u8| item == 1)
    }),
    ("pipe", |time| {
        let (one, other) = sync::pipe::<u8, u8>().expect("a pipe");
        one.send_timeout(1, time).is_ok() && other.recv_timeout(time).is_ok()
    }),
];

const VAIN_WAITS: &[Wait] = &[
    ("Semaphore", |time| {
        let semaphore = sync::Semaphore::new(0).expect("a semaphore");
        semaphore.acquire_timeout(time).is_ok()
    }),
    ("Event", |time| {
        sync::Event::new().expect("an event").wait_timeout(time)
    }),
    ("Barrier", |time| {
        let barrier = sync::Barrier::new(u32::MAX).expect("a barrier");
        barrier.wait_timeout(time).is_ok()
    }),
    ("Queue", |time| {
        let queue = sync::Queue::<u8>::new().expect("a queue");
        queue.get_timeout(time).is_ok()
    }),
    ("Condition", |time| {
        let (lock, condition) = (
            sync::Lock::new().expect("a lock"),
            sync::Condition::new().expect("one"),
        );
        let waited = condition.wait_timeout(lock.lock().expect("free"), time);
        waited.is_ok_and(|(_guard, is_notified)| is_notified)
    }),
];

#[test]
fn every_wait_of_a_shared_object_takes_every_time() {
    scenario(|| {
        for time in TIMES {
            for (name, wait) in READY_WAITS {
                assert!(wait(time) || !LONG.contains(&time), "{name} within {time:?}");
            }
            for (name, wait) in VAIN_WAITS.iter().filter(|_| !LONG.contains(&time)) {
                assert!(!wait(time), "{name} within {time:?}");
            }
        }
    });
}

#[test]
fn every_size_of_a_shared_object_is_taken_or_its_range_is_named() {
    scenario(|| {
        for items in SIZES {
            for bytes in SIZES {
                match sync::Queue::<u8>::with_limits(items, bytes) {
                    Ok(queue) => {
                        assert!(queue.try_put(7).is_ok(), "{items} items, {bytes} bytes");
                        assert!(matches!(queue.try_get(), Ok(7)));
                    }
                    Err(error) => assert!(
                        matches!(error, sync::SharedHeapError::Impossible { .. }),
                        "{items} items, {bytes} bytes: {error}"
                    ),
                }
            }
        }
        for permits in [0, 1, u32::MAX] {
            let semaphore = sync::Semaphore::new(permits).expect("a semaphore");
            (0..3).for_each(|_| semaphore.add(u32::MAX).expect("added"));
            assert_eq!(
                semaphore.available(),
                u64::from(permits) + 3 * u64::from(u32::MAX)
            );
        }
        for parties in [0, 1, 2, u32::MAX] {
            match sync::Barrier::new(parties) {
                Ok(barrier) => assert_eq!(barrier.wait_timeout(Duration::ZERO).is_ok(), parties == 1),
                Err(error) => assert!(matches!(error, sync::SharedHeapError::Impossible { .. })),
            }
        }
    });
}

#[test]
fn every_time_of_a_process_is_taken() {
    run_scenario("times");
}
