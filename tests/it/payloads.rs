//! Large payloads: `Bytes` that are returned intact, kept, sliced and mixed.

use pool::{Bytes, JobError, SubmitError, stream::Order};
use protocol::payload::{area::KEPT_BYTES, attachment::LEAST_BYTES};
use tests::{Answer, Puppet};

use crate::setup::{assert_works, puppet_pool, puppets, run, scenario, submit};

/// Bytes that differ at each position and for each seed.
pub(crate) fn pattern(seed: usize, length: usize) -> Bytes {
    (0..length)
        .map(|index| (index / 7 + index + seed) as u8)
        .collect()
}

pub(crate) fn carried(answer: Result<Answer, JobError>) -> Bytes {
    match answer.expect("an answer") {
        Answer::Carried(bytes) => bytes,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn gathered(answer: Result<Answer, JobError>) -> Vec<Bytes> {
    match answer.expect("an answer") {
        Answer::Gathered(all) => all,
        other => panic!("{other:?}"),
    }
}

#[test]
fn payloads_of_every_size_come_back_whole() {
    scenario(|| {
        let pool = puppet_pool(2);
        let edges = [0, 1, LEAST_BYTES, 64 << 10, 1 << 20, KEPT_BYTES];
        let sizes = edges
            .iter()
            .flat_map(|edge: &usize| [edge.saturating_sub(1), *edge, edge + 1]);
        for size in sizes.chain([100 << 20, 256 << 20, 3]) {
            let bytes = pattern(size, size);
            assert!(
                carried(run(&pool, Puppet::Carry(bytes.clone()))) == bytes,
                "{size}"
            );
        }
    });
}

#[test]
fn an_output_owns_its_bytes() {
    scenario(|| {
        let pool = puppet_pool(1);
        let first = carried(run(&pool, Puppet::Carry(pattern(1, 1 << 20))));
        let start = first.as_ptr();
        // The area carries other payloads in between.
        let second = carried(run(&pool, Puppet::Carry(pattern(2, 1 << 20))));
        assert!(first == pattern(1, 1 << 20) && second == pattern(2, 1 << 20));
        let vector = first.into_vec();
        assert_eq!(vector.as_ptr(), start, "a vector without a copy");
        let mut map = pool.map([Puppet::Carry(second)]);
        let third = carried(map.next().expect("one"));
        let start = third.as_ptr();
        let vector = third.into_vec();
        assert_eq!(vector.as_ptr(), start, "also from a stream");
    });
}

#[test]
fn any_number_of_payloads_travel_in_one_job() {
    scenario(|| {
        let pool = puppet_pool(2);
        let sizes = [0, 10, LEAST_BYTES - 1, LEAST_BYTES, 100_000, 5 << 20, 33, 40_000];
        let parts: Vec<Bytes> = sizes
            .iter()
            .enumerate()
            .map(|(seed, size)| pattern(seed, *size))
            .collect();
        let mut expected = parts.clone();
        expected.reverse();
        // The puppet adds its own bytes to those that it received.
        expected.push(vec![7; 70_000].into());
        assert_eq!(gathered(run(&pool, Puppet::Gather(parts))), expected);
        // The same bytes, again and again.
        let same = pattern(9, 50_000);
        let many = gathered(run(&pool, Puppet::Gather(vec![same.clone(); 300])));
        assert_eq!(many.len(), 301);
        assert!(many[..300].iter().all(|bytes| *bytes == same));
        let tiny: Vec<Bytes> = (0..100_000).map(|seed| pattern(seed, 3)).collect();
        let back = gathered(run(&pool, Puppet::Gather(tiny.clone())));
        assert!(back.iter().rev().skip(1).eq(&tiny));
    });
}

#[test]
fn slices_of_a_job_come_back_from_where_it_lies() {
    scenario(|| {
        let pool = puppet_pool(1);
        let whole = pattern(3, 2 << 20);
        for (from, to) in [
            (0, 0),
            (0, 2 << 20),
            (1, LEAST_BYTES + 1),
            (12_345, 1 << 20),
            (5, 10),
        ] {
            let slice = carried(run(&pool, Puppet::Slice(whole.clone(), from, to)));
            assert!(slice == whole.slice(from..to), "{from} to {to}");
        }
    });
}

#[test]
fn what_a_handler_keeps_stays_as_it_was() {
    scenario(|| {
        let pool = puppet_pool(1);
        let pid = run(&pool, Puppet::Pid).expect("a process id");
        for seed in 0..10 {
            assert_eq!(
                run(&pool, Puppet::Keep(pattern(seed, 300_000))).expect("kept"),
                Answer::Number(seed as u64 + 1)
            );
            // Other payloads pass through the area in between and are returned intact.
            let other = pattern(seed + 100, 400_000);
            assert!(carried(run(&pool, Puppet::Carry(other.clone()))) == other);
        }
        for seed in 0..10 {
            assert!(
                carried(run(&pool, Puppet::Kept(seed))) == pattern(seed, 300_000),
                "{seed}"
            );
        }
        assert_eq!(run(&pool, Puppet::Pid).expect("a process id"), pid);
    });
}

/// Bytes that a worker keeps are its own memory and count towards its limit.
#[test]
fn what_is_kept_past_the_memory_limit_ends_the_worker_with_that_cause() {
    scenario(|| {
        let pool = puppets(1).memory_max(128 << 20).build().expect("a pool");
        let bytes = pattern(1, 300 << 20);
        assert!(
            carried(run(&pool, Puppet::Carry(bytes.clone()))) == bytes,
            "seeing costs nothing"
        );
        let error = run(&pool, Puppet::Keep(bytes)).expect_err("it keeps too much");
        let JobError::WorkerDied(death) = &error else {
            panic!("{error}")
        };
        let limit = 128 << 20;
        assert_eq!(
            death.reason,
            Some(pool::failure::EndReason::AllocationRefused { limit }),
            "{death}"
        );
        assert_works(&pool);
    });
}

#[test]
fn payloads_keep_their_order_among_small_jobs() {
    scenario(|| {
        for threads in [1, 3] {
            let pool = puppets(2).threads(threads).build().expect("a pool");
            let job = |number: usize| match number % 5 {
                0 => Puppet::Carry(pattern(number, 200_000 + number)),
                1 => Puppet::Gather(vec![pattern(number, 50_000), pattern(number, 5)]),
                _ => Puppet::Number(number as u64),
            };
            for (number, answer) in pool.map((0..300).map(job)).enumerate() {
                match number % 5 {
                    0 => assert!(carried(answer) == pattern(number, 200_000 + number)),
                    1 => assert!(gathered(answer)[1] == pattern(number, 50_000)),
                    _ => assert_eq!(answer.expect("an answer"), Answer::Number(number as u64)),
                }
            }
        }
    });
}

#[test]
fn a_block_of_outputs_has_whole_encodings() {
    scenario(|| {
        let pool = puppet_pool(1);
        let (mut input, mut output) = pool.stream(Order::Input);
        let bytes = pattern(1, 1 << 20);
        input.send(&Puppet::Carry(bytes.clone())).expect("accepted");
        let mut block = output.next_block().expect("a block");
        let encoded = block.next().expect("an output").expect("no error");
        let answer = <Puppet as pool::Job>::decode_output(encoded).expect("decoded without more");
        assert_eq!(answer, Answer::Carried(bytes));
    });
}

#[test]
fn payloads_count_for_every_limit() {
    scenario(|| {
        let pool = puppets(1)
            .message_limit(1 << 20)
            .queue_bytes(4 << 20)
            .build()
            .expect("a pool");
        let rejected = pool
            .submit(Puppet::Carry(pattern(0, 1 << 20)))
            .expect_err("too large");
        assert!(
            matches!(rejected.error, SubmitError::TooLarge { .. }),
            "{}",
            rejected.error
        );
        let fault =
            run(&pool, Puppet::Gather(vec![pattern(0, 500_000); 2])).expect_err("its output is too large");
        assert!(
            matches!(fault, JobError::Fault(pool::failure::Fault::TooLarge { .. })),
            "{fault}"
        );
        // The queue is full of bytes long before it is full of jobs.
        let folder = crate::setup::Folder::new();
        let (here, there) = (folder.path("here"), folder.path("there"));
        let blocker = submit(&pool, Puppet::Meet(here.clone(), there.clone()));
        crate::setup::wait_for("the blocking job", || folder.exists("here").then_some(()));
        let mut accepted = Vec::new();
        let full = loop {
            match pool.try_submit(Puppet::Carry(pattern(0, 1_000_000))) {
                Ok(handle) => accepted.push(handle),
                Err(rejected) => break rejected,
            }
            assert!(accepted.len() < 100, "nothing bounds the queue's bytes");
        };
        assert!(matches!(full.error, SubmitError::Full), "{}", full.error);
        assert!(
            (4..=5).contains(&accepted.len()),
            "{} were accepted",
            accepted.len()
        );
        std::fs::write(&there, "").expect("a mark");
        blocker.wait().expect("the blocking job ends");
        for handle in accepted {
            assert!(carried(handle.wait()) == pattern(0, 1_000_000));
        }
    });
}
