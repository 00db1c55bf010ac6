//! Copies of processes by a bare `fork`: of a worker by its job, and of the program that has a pool.

use std::{
    io::Read,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use pool::{Pool, stream::Order};
use tests::{Answer, Puppet};

use crate::{
    processes::run_scenario,
    setup::{PUPPET, host_program, puppets, run, scenario},
};

/// Which of the jobs fork.
fn job(number: u64) -> Puppet {
    let simple = Puppet::Number(number);
    match number % 100 {
        50 => Puppet::Fork(1, Box::new(simple)),
        60 => Puppet::Fork(3, Box::new(simple)),
        70 => Puppet::ForkAndExit,
        80 => Puppet::Fork(1, Box::new(Puppet::Panic("in all copies".into()))),
        90 => Puppet::Fork(1, Box::new(Puppet::Flood(100_000))),
        _ => simple,
    }
}

fn is_right(number: u64, output: &Result<Answer, pool::JobError>) -> bool {
    match (number % 100, output) {
        (70, Ok(answer)) => *answer == Answer::Nothing,
        (80, Err(error)) => error.kind() == "Panicked",
        (90, Ok(Answer::Bytes(bytes))) => bytes.len() == 100_000,
        (_, Ok(answer)) => *answer == Answer::Number(number),
        (_, Err(_)) => false,
    }
}

#[test]
fn a_job_that_forks_and_comes_back_twice_has_one_outcome() {
    scenario(|| {
        for threads in [1, 3] {
            let pool = puppets(2).threads(threads).build().expect("a pool");
            for (number, output) in (0..).zip(pool.map((0..1000).map(job))) {
                assert!(
                    is_right(number, &output),
                    "job {number}, {threads} threads: {output:?}"
                );
            }
            let (mut input, output) = pool.stream(Order::Completion);
            std::thread::scope(|scope| {
                scope.spawn(move || (0..1000).for_each(|number| input.send(&job(number)).expect("open")));
                for (number, output) in output {
                    assert!(
                        is_right(number, &output),
                        "job {number}, {threads} threads: {output:?}"
                    );
                }
            });
            assert_eq!(pool.stats().deaths, 0);
        }
    });
}

/// What a copy of a process writes is written once.
#[test]
fn the_copy_ends_without_output() {
    scenario(|| {
        let pool: Pool<Puppet> = puppets(1).capture_output(1 << 16).build().expect("a pool");
        let handle = pool
            .submit(Puppet::Fork(1, Box::new(Puppet::Number(1))))
            .expect("accepted");
        let (answer, captured) = handle.wait_captured();
        assert_eq!(answer.expect("one answer"), Answer::Number(1));
        assert!(
            captured.stdout.is_empty() && captured.stderr.is_empty(),
            "{captured:?}"
        );
        assert_eq!(
            run(&pool, Puppet::Number(2)).expect("the next"),
            Answer::Number(2)
        );
    });
}

/// Runs the program `host`, and returns what it and its copies print until the last of them has ended.
fn host(what: &str) -> String {
    let mut host = Command::new(host_program());
    host.args([PUPPET, what])
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut host = host.spawn().expect("it runs");
    let mut text = String::new();
    let mut output = host.stdout.take().expect("a pipe");
    output.read_to_string(&mut text).expect("text");
    assert!(host.wait().expect("it ends").success(), "{text}");
    text
}

#[test]
fn a_copy_of_the_pools_process_is_refused_and_harms_nothing() {
    scenario(|| {
        let begun = Instant::now();
        let text = host("fork");
        for line in [
            "copy: submit: Forked",
            "copy: wait: Forked",
            "copy: poll: Forked",
            "copy: map: Forked, then the end",
            "copy: stream: Forked",
            "copy: closed_reason: Forked",
            "copy: drops all",
            "copy: has a pool of its own",
            "original: 300 jobs are right",
        ] {
            assert!(text.contains(line), "{line:?} is missing in:\n{text}");
        }
        assert!(begun.elapsed() < Duration::from_mins(1));
    });
}

#[test]
fn a_program_that_becomes_a_daemon_after_it_built_a_pool_gets_an_error() {
    scenario(|| {
        let text = host("daemon");
        assert!(text.contains("daemon: fork before the pool is built"), "{text}");
    });
}

#[test]
fn a_process_and_its_copies() {
    run_scenario("forks");
}
