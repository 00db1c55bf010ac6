//! Jobs and outputs that cannot be encoded or decoded, panics, and sizes at the limits.

use pool::{JobError, SubmitError, failure::Fault};
use tests::{Answer, PanicsInDecoding, Puppet};

use crate::setup::{assert_works, puppet_pool, puppets, run, scenario};

/// F19.
#[test]
fn jobs_that_cannot_be_encoded_fail_alone() {
    scenario(|| {
        let pool = puppet_pool(2);
        let rejected = pool.submit(Puppet::Unsendable).expect_err("it cannot be encoded");
        assert!(
            matches!(rejected.error, SubmitError::Unencodable(_)),
            "{rejected}"
        );
        let jobs = (0..200).map(|number| {
            if number % 2 == 0 {
                Puppet::Number(number)
            } else {
                Puppet::Unsendable
            }
        });
        for (number, answer) in pool.map(jobs).enumerate() {
            match answer {
                Ok(answer) => assert_eq!(answer, Answer::Number(number as u64)),
                Err(error) => assert!(
                    number % 2 == 1 && matches!(error, JobError::NotSubmitted(SubmitError::Unencodable(_))),
                    "{error}"
                ),
            }
        }
    });
}

/// F20, F21, F23: the worker survives.
#[test]
fn faults_of_a_job_do_not_cost_the_worker() {
    scenario(|| {
        let pool = puppet_pool(1);
        let first = run(&pool, Puppet::Pid).expect("a process id");
        let error = run(&pool, Puppet::PanicsInDecoding(PanicsInDecoding)).expect_err("it cannot be decoded");
        assert!(matches!(error, JobError::Fault(Fault::Undecodable(_))), "{error}");
        let error = run(&pool, Puppet::Unencodable).expect_err("its output cannot be encoded");
        assert!(matches!(error, JobError::Fault(Fault::Unencodable(_))), "{error}");
        let error = run(&pool, Puppet::Panic("boom 17".into())).expect_err("it panics");
        let JobError::Fault(Fault::Panicked(panicked)) = &error else {
            panic!("{error}")
        };
        assert_eq!(panicked.message, "boom 17");
        assert!(
            panicked
                .location
                .as_ref()
                .is_some_and(|place| place.contains("puppet.rs:")),
            "{panicked:?}"
        );
        assert_eq!(run(&pool, Puppet::Pid).expect("a process id"), first);
    });
}

#[test]
fn a_panic_reports_its_backtrace_if_requested() {
    scenario(|| {
        let pool = puppets(1).env("RUST_BACKTRACE", "1").build().expect("a pool");
        let error = run(&pool, Puppet::Panic("boom".into())).expect_err("it panics");
        let JobError::Fault(Fault::Panicked(panicked)) = &error else {
            panic!("{error}")
        };
        assert!(
            panicked
                .backtrace
                .as_ref()
                .is_some_and(|trace| trace.contains("puppet")),
            "{panicked:?}"
        );
    });
}

/// F24.
#[test]
fn a_huge_panic_message_is_cut_and_reported() {
    scenario(|| {
        let pool = puppet_pool(1);
        let error = run(&pool, Puppet::Panic("x".repeat(10 << 20))).expect_err("it panics");
        let JobError::Fault(Fault::Panicked(panicked)) = &error else {
            panic!("{error}")
        };
        assert!(panicked.message.len() <= Fault::MAX_TEXT_BYTES + 10);
    });
}

/// F25.
#[test]
fn the_limit_of_a_message_is_kept_to_the_byte() {
    scenario(|| {
        let limit = 100_000;
        let pool = puppets(1).message_limit(limit).build().expect("a pool");
        // The encoding adds a tag of one byte and a length of three.
        let bytes = vec![1; limit as usize - 4];
        assert_eq!(
            run(&pool, Puppet::Echo(bytes.clone())).expect("just fits"),
            Answer::Bytes(bytes)
        );
        let rejected = pool
            .submit(Puppet::Echo(vec![1; limit as usize - 3]))
            .expect_err("one too many");
        assert!(
            matches!(
                rejected.error,
                SubmitError::TooLarge {
                    bytes: 100_001,
                    limit: 100_000
                }
            ),
            "{}",
            rejected.error
        );
        let error = run(&pool, Puppet::Flood(limit as usize - 3)).expect_err("one too many");
        assert!(
            matches!(
                error,
                JobError::Fault(Fault::TooLarge {
                    bytes: 100_001,
                    limit: 100_000
                })
            ),
            "{error}"
        );
        assert_works(&pool);
    });
}

/// F39.
#[test]
fn large_jobs_and_large_results_cross_without_blocking() {
    scenario(|| {
        let pool = puppet_pool(2);
        let jobs = (0..40).map(|number| Puppet::Echo(vec![number; 3 << 20]));
        for (number, answer) in pool.map(jobs).enumerate() {
            assert_eq!(
                answer.expect("echoed"),
                Answer::Bytes(vec![number as u8; 3 << 20])
            );
        }
    });
}

#[test]
fn medium_results_fill_the_ring_and_all_arrive() {
    scenario(|| {
        let pool = puppet_pool(2);
        let jobs = (0..2000_usize).map(|number| Puppet::Flood(20_000 + number));
        for (number, answer) in pool.map(jobs).enumerate() {
            assert_eq!(answer.expect("flooded"), Answer::Bytes(vec![7; 20_000 + number]));
        }
    });
}

#[test]
fn what_a_job_prints_corrupts_nothing() {
    scenario(|| {
        let pool = puppet_pool(2);
        let jobs = (0..500).map(|number| match number % 5 {
            0 => Puppet::Print("\0\u{1}garbage\n".repeat(2000)),
            _ => Puppet::Number(number),
        });
        for (number, answer) in pool.map(jobs).enumerate() {
            let expected = if number % 5 == 0 {
                Answer::Nothing
            } else {
                Answer::Number(number as u64)
            };
            assert_eq!(answer.expect("an answer"), expected);
        }
    });
}

/// F22.
#[test]
fn an_output_that_cannot_be_decoded_fails_its_job_alone() {
    scenario(|| {
        let pool = puppet_pool(1);
        let pid = run(&pool, Puppet::Pid).expect("a process id");
        let error = run(&pool, Puppet::Undecodable).expect_err("it cannot be decoded");
        assert!(matches!(error, JobError::UndecodableOutput(_)), "{error}");
        let jobs = (0..200).map(|number| match number % 10 {
            3 => Puppet::Undecodable,
            _ => Puppet::Number(number),
        });
        for (number, answer) in pool.map(jobs).enumerate() {
            match answer {
                Ok(answer) => assert_eq!(answer, Answer::Number(number as u64)),
                Err(error) => assert!(
                    number % 10 == 3 && matches!(error, JobError::UndecodableOutput(_)),
                    "{error}"
                ),
            }
        }
        assert_eq!(run(&pool, Puppet::Pid).expect("a process id"), pid);
    });
}

/// F25: more than 2 GiB exceeds the documented limit and is an error.
#[test]
fn a_job_of_more_than_two_gigabytes_is_refused_by_its_size() {
    const BYTES: usize = (2 << 30) + 1;
    scenario(|| {
        let pool = puppet_pool(1);
        let (mut input, mut output) = pool.stream(pool::stream::Order::Input);
        let sent = input.send_encoded(|buffer| {
            buffer.resize(BYTES, 0);
            Ok(())
        });
        sent.expect("it takes its place");
        let (_, answer) = output.next().expect("an outcome");
        let error = answer.expect_err("it is too large");
        assert!(
            matches!(&error, JobError::NotSubmitted(SubmitError::TooLarge { bytes, .. }) if *bytes == BYTES as u64),
            "{error}"
        );
        assert_works(&pool);
    });
}
