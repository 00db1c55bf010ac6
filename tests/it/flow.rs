//! Bounds: endless inputs, slow consumers, panicking inputs, a million jobs.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use pool::stream::Order;
use tests::{Answer, Puppet};

use crate::setup::{Folder, alone, assert_works, holdings, puppet_pool, puppets, scenario};

/// An endless input, with the number of items that were read.
fn endless() -> (impl Iterator<Item = Puppet> + Send, Arc<AtomicU64>) {
    let read = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&read);
    (
        std::iter::repeat_with(move || Puppet::Number(counter.fetch_add(1, Ordering::Relaxed))),
        read,
    )
}

/// F33.
#[test]
fn an_endless_input_is_read_no_further_than_the_window() {
    scenario(|| {
        let pool = puppets(2).window(1000).build().expect("a pool");
        let (input, read) = endless();
        let answers: Vec<_> = pool.map(input).take(10).map(Result::unwrap).collect();
        assert!(answers.into_iter().eq((0..10).map(Answer::Number)));
        assert!(
            read.load(Ordering::Relaxed) <= 1010,
            "{} inputs were read",
            read.load(Ordering::Relaxed)
        );
        assert_works(&pool);
    });
}

/// F34, in items.
#[test]
fn a_slow_first_job_does_not_let_the_window_grow() {
    scenario(|| {
        let folder = Folder::new();
        let pool = puppets(2).window(500).build().expect("a pool");
        let (here, there) = (folder.path("here"), folder.path("there"));
        let (input, read) = endless();
        let jobs = std::iter::once(Puppet::Meet(here, there.clone())).chain(input);
        let (mut sender, mut receiver) = pool.stream(Order::Input);
        std::thread::scope(|scope| {
            let feeding = scope.spawn(move || {
                for job in jobs.take(5000) {
                    sender.send(&job).expect("accepted");
                }
            });
            // Everything that fits the window has run, and no more is read while the first job runs.
            crate::setup::wait_for("the window to fill", || {
                (pool.stats().finished == 499).then_some(())
            });
            assert!(receiver.try_next().is_none());
            assert!(
                read.load(Ordering::Relaxed) <= 501,
                "{} were read",
                read.load(Ordering::Relaxed)
            );
            std::fs::write(there, "").expect("written");
            for number in 0..5000 {
                let (index, answer) = receiver.next().expect("an output for each input");
                assert_eq!(index, number);
                answer.expect("an answer");
            }
            feeding.join().expect("fed");
            assert!(receiver.next().is_none());
        });
    });
}

/// F34, in bytes.
#[test]
fn the_window_is_bounded_in_bytes_too() {
    scenario(|| {
        let pool = puppets(1).window_bytes(1 << 20).build().expect("a pool");
        let (mut sender, receiver) = pool.stream(Order::Input);
        std::thread::scope(|scope| {
            let feeding =
                scope.spawn(move || (0..1000).for_each(|_| sender.send(&Puppet::Flood(50_000)).unwrap()));
            let mut most = 0;
            for (_, answer) in receiver {
                answer.expect("an answer");
                most = most.max(pool.stats().finished);
            }
            feeding.join().expect("fed");
            assert_eq!(pool.stats().finished, 1000);
            assert!(most <= 1000);
        });
    });
}

/// A map holds both ends of its stream: outputs that arrive while it submits must not deadlock it.
#[test]
fn a_map_in_a_narrow_window_does_not_wait_for_itself() {
    scenario(|| {
        for (items, bytes) in [(1, 1 << 20), (3, 1 << 20), (100_000, 1), (100_000, 100_000)] {
            let pool = puppets(2)
                .window(items)
                .window_bytes(bytes)
                .build()
                .expect("a pool");
            let answers = pool.map((0..1000).map(|number| Puppet::Flood(number * 20)));
            for (number, answer) in answers.enumerate() {
                assert_eq!(answer.expect("an answer"), Answer::Bytes(vec![7; number * 20]));
            }
        }
    });
}

/// F35.
#[test]
fn a_dropped_output_frees_its_producer_and_its_jobs() {
    scenario(|| {
        let pool = puppets(1).window(100).build().expect("a pool");
        let (mut sender, mut receiver) = pool.stream(Order::Input);
        std::thread::scope(|scope| {
            let feeding = scope.spawn(move || {
                (0..u64::MAX)
                    .find(|_| sender.send(&Puppet::Number(1)).is_err())
                    .unwrap()
            });
            receiver.next().expect("one").1.expect("an answer");
            drop(receiver);
            assert!(feeding.join().expect("it ends") >= 1);
        });
        pool.drain();
        assert_works(&pool);
    });
}

/// F36.
#[test]
fn the_outputs_before_a_panic_of_the_input_come_first() {
    scenario(|| {
        let pool = puppet_pool(2);
        let input = (0..).map(|number| {
            assert!(number < 100, "the input ends badly, on purpose");
            Puppet::Number(number)
        });
        let mut outputs = pool.map(input);
        for number in 0..100 {
            assert_eq!(
                outputs.next().expect("one").expect("an answer"),
                Answer::Number(number)
            );
        }
        let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| outputs.next()));
        let panic = panic.expect_err("the panic comes through");
        assert!(
            panic
                .downcast_ref::<&str>()
                .is_some_and(|text| text.contains("ends badly"))
        );
        drop(outputs);
        assert_works(&pool);
    });
}

/// F37.
#[test]
fn a_million_tiny_jobs() {
    if !alone("flow::a_million_tiny_jobs") {
        return;
    }
    scenario(|| {
        let pool = puppet_pool(2);
        crate::setup::wait_for("both workers", || {
            pool.stats()
                .workers
                .iter()
                .all(|worker| worker.pid.is_some())
                .then_some(())
        });
        let before = holdings();
        let mut expected = 0;
        for answer in pool.map((0..1_000_000).map(Puppet::Number)) {
            assert_eq!(answer.expect("an answer"), Answer::Number(expected));
            expected += 1;
        }
        assert_eq!(expected, 1_000_000);
        assert_eq!(holdings().descriptors, before.descriptors);
        let stats = pool.stats();
        assert!(
            stats.frames < 100_000,
            "tiny jobs travel together, but took {} frames",
            stats.frames
        );
    });
}

#[test]
fn slow_jobs_travel_one_by_one() {
    scenario(|| {
        let pool = puppet_pool(2);
        for answer in pool.map((0..60).map(|_| Puppet::Spin(5000))) {
            answer.expect("an answer");
        }
        let stats = pool.stats();
        assert!(stats.frames >= 55, "60 slow jobs went in {} frames", stats.frames);
    });
}

#[test]
fn an_empty_input_gives_an_empty_output() {
    scenario(|| {
        let pool = puppet_pool(1);
        assert!(pool.map(std::iter::empty()).next().is_none());
        assert!(pool.map_unordered(std::iter::empty()).next().is_none());
    });
}

/// Results that arrive between the check for room and the next input fill the window, and only the map itself can empty it.
#[test]
fn a_map_never_waits_for_its_own_caller() {
    scenario(|| {
        let pool = puppets(1).window_bytes(1).build().expect("a pool");
        let input = (0..20).map(|number| {
            if number > 0 {
                // By now the outputs of all previous inputs have arrived.
                assert_works(&pool);
            }
            Puppet::Sleep(5)
        });
        assert_eq!(pool.map(input).map(Result::unwrap).count(), 20);
    });
}

/// An idle worker gets what there is, even if nothing else is submitted meanwhile.
#[test]
fn a_map_over_a_slow_input_gives_each_output_as_it_comes() {
    scenario(|| {
        let pool = puppet_pool(1);
        let asked = AtomicU64::new(0);
        let inputs = (0..6).map(|number| {
            asked.fetch_add(1, Ordering::SeqCst);
            // As slow as typing.
            std::thread::park_timeout(Duration::from_millis(30));
            Puppet::Number(number)
        });
        for (number, answer) in (0..).zip(pool.map(inputs)) {
            assert_eq!(answer.expect("its answer"), Answer::Number(number));
            let ahead = asked.load(Ordering::SeqCst) - number;
            assert!(ahead <= 4, "output {number} was held back for {ahead} inputs");
        }
    });
}

/// While a consumer is slow, the workers keep working, not only once it has taken all outputs.
#[test]
fn outputs_that_wait_do_not_keep_the_next_inputs_from_the_workers() {
    scenario(|| {
        let pool = puppets(2).window(8).build().expect("a pool");
        let (input, read) = endless();
        // Jobs that are sent one by one, and so are their results.
        let input = input.map(|_| Puppet::Spin(2_000));
        let mut outputs = pool.map(input);
        outputs.next().expect("one").expect("an answer");
        for taken in 1..50 {
            let before = read.load(Ordering::Relaxed);
            crate::setup::wait_for("all that was read to have been run", || {
                (pool.stats().finished == before).then_some(())
            });
            outputs.next().expect("one").expect("an answer");
            assert!(
                read.load(Ordering::Relaxed) > before,
                "no input was read for an idle worker with output {taken}"
            );
        }
    });
}

/// The same if hundreds of results of tiny jobs have arrived and are ready.
#[test]
fn outputs_at_hand_do_not_keep_the_next_inputs_from_the_workers() {
    scenario(|| {
        let pool = puppets(2).window(4096).build().expect("a pool");
        let (input, read) = endless();
        let mut outputs = pool.map(input);
        let mut take = |count| {
            let mut outputs = outputs.by_ref().take(count);
            assert!(outputs.all(|output| output.is_ok()));
        };
        take(100_000);
        for taken in 1..20 {
            let (begun, before) = (Instant::now(), read.load(Ordering::Relaxed));
            crate::setup::wait_for("all that was read to have been run, and a while longer", || {
                let is_slow = begun.elapsed() > Duration::from_millis(2);
                (is_slow && pool.stats().finished == before).then_some(())
            });
            take(65);
            assert!(
                read.load(Ordering::Relaxed) > before,
                "no input was read for an idle worker with outputs {taken}"
            );
        }
    });
}

/// An iterator that waits for the effect of one input before it yields the next must not deadlock.
#[test]
fn inputs_of_an_iterator_that_may_block_are_not_gathered() {
    scenario(|| {
        let pool = puppet_pool(2);
        crate::setup::wait_for("both workers", || {
            let workers = pool.stats().workers;
            workers.iter().all(|worker| worker.pid.is_some()).then_some(())
        });
        let mut given = 0;
        let input = std::iter::from_fn(|| {
            if given == 2 {
                crate::setup::wait_for("both to have been run", || {
                    (pool.stats().finished == 2).then_some(())
                });
                return None;
            }
            given += 1;
            Some(Puppet::Number(given))
        });
        assert_eq!(pool.map(input).map(Result::unwrap).count(), 2);
    });
}
