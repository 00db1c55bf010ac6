//! The output of each job is captured separately, even if its worker dies.

use pool::{BuildError, JobError};
use tests::{Answer, Puppet};

use crate::setup::{puppets, run, scenario, submit};

#[test]
fn each_job_has_what_it_has_written_and_no_other() {
    scenario(|| {
        let pool = puppets(2).capture_output(10_000).build().expect("a pool");
        let handles: Vec<_> = (0..600)
            .map(|number| match number % 3 {
                0 => submit(&pool, Puppet::Number(number)),
                // With and without a line feed.
                1 => submit(&pool, Puppet::Print(format!("job {number}\n"))),
                _ => submit(&pool, Puppet::Print(format!("job {number}"))),
            })
            .collect();
        for (number, handle) in handles.into_iter().enumerate() {
            let (output, captured) = handle.wait_captured();
            output.expect("an answer");
            let expected = match number % 3 {
                0 => String::new(),
                1 => format!("job {number}\n"),
                _ => format!("job {number}"),
            };
            assert_eq!(
                String::from_utf8_lossy(&captured.stdout),
                expected,
                "job {number}"
            );
            assert_eq!(
                String::from_utf8_lossy(&captured.stderr),
                expected,
                "job {number}"
            );
        }
    });
}

#[test]
fn the_output_of_a_job_whose_worker_died_is_its_own() {
    scenario(|| {
        let pool = puppets(1).capture_output(10_000).build().expect("a pool");
        for _ in 0..5 {
            run(&pool, Puppet::Print("another's words\n".into())).expect("printed");
            let (output, captured) = submit(&pool, Puppet::Overflow).wait_captured();
            let error = output.expect_err("it dies");
            assert!(matches!(error, JobError::WorkerDied(_)), "{error}");
            let stderr = String::from_utf8_lossy(&captured.stderr);
            assert!(stderr.contains("has overflowed its stack"), "{stderr}");
            assert!(!stderr.contains("another's words"), "{stderr}");
            assert_eq!(captured.stdout, b"");
        }
    });
}

#[test]
fn long_output_is_cut_and_delays_no_other_job() {
    scenario(|| {
        let pool = puppets(1).capture_output(1000).build().expect("a pool");
        let much = "x".repeat(5 << 20);
        let (output, captured) = submit(&pool, Puppet::Print(much)).wait_captured();
        assert_eq!(output.expect("printed"), Answer::Nothing);
        assert_eq!((captured.stdout.len(), captured.stderr.len()), (1000, 1000));
        assert_eq!(captured.dropped, 2 * ((5 << 20) - 1000));
        let (output, captured) = submit(&pool, Puppet::Print("y".into())).wait_captured();
        output.expect("printed");
        assert_eq!((&*captured.stdout, captured.dropped), (&b"y"[..], 0));
    });
}

#[test]
fn nothing_is_captured_unless_asked_for_nor_from_several_threads() {
    scenario(|| {
        let pool = puppets(1).build().expect("a pool");
        let (output, captured) = submit(&pool, Puppet::Print("words".into())).wait_captured();
        output.expect("printed");
        assert_eq!(captured, pool::Captured::default());
        let error = puppets(1)
            .threads(2)
            .capture_output(1000)
            .build()
            .expect_err("whose?");
        assert!(
            matches!(&error, BuildError::Setting(text) if text.contains("one thread")),
            "{error}"
        );
    });
}
