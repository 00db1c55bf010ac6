//! A worker's arguments and environment, which other users may read, reveal nothing of its work.

use std::collections::BTreeSet;

use pool::Builder;
use tests::{Answer, Puppet};

use crate::setup::{Folder, PUPPET, a_pid, puppets, run, scenario, submit, wait_for};

/// The initialiser's argument.
const SECRET: &str = "the initialiser is told of a horse and a staple";

/// An argument after the program and the job's name, unknown to the puppet.
const ASKED_FOR: &str = "an-argument-that-was-asked-for";

#[test]
fn the_arguments_and_the_environment_of_a_worker_are_what_was_asked_for() {
    scenario(|| {
        let settings = puppets(1)
            .worker_argument(ASKED_FOR)
            .env_clear()
            .env("ASKED", "for");
        let worker = Glimpse::at_work(settings);
        let role = "--pool-worker=puppet";
        assert_eq!(worker.arguments, [PUPPET, role, ASKED_FOR]);
        assert_eq!(worker.environment, ["ASKED=for"]);
    });
}

#[test]
fn a_worker_inherits_the_environment_and_gets_no_more() {
    scenario(|| {
        // The output of its jobs is divided by delimiters, which have their own secret.
        let worker = Glimpse::at_work(puppets(1).capture_output(1024));
        assert_eq!(worker.arguments, [PUPPET, "--pool-worker=puppet"]);
        let own = texts("self", "environ");
        let set = |texts: &[String]| texts.iter().cloned().collect::<BTreeSet<_>>();
        assert_eq!(set(&worker.environment), set(&own));
    });
}

#[test]
fn a_process_has_no_secrets_in_its_arguments_or_environment() {
    crate::processes::run_scenario("secrets");
}

/// What can be read about a running worker.
struct Glimpse {
    arguments: Vec<String>,
    environment: Vec<String>,
}

impl Glimpse {
    /// Reads from a worker while it has a state made from a secret, and a job that contains paths.
    fn at_work(settings: Builder<Puppet>) -> Self {
        let folder = Folder::new();
        let pool = settings.initialiser_argument(&SECRET).build().expect("a pool");
        let job = submit(&pool, Puppet::Meet(folder.path("here"), folder.path("there")));
        wait_for("the job to run", || folder.exists("here").then_some(()));
        let pid = a_pid(&pool).to_string();
        let glimpse = Self {
            arguments: texts(&pid, "cmdline"),
            environment: texts(&pid, "environ"),
        };
        std::fs::write(folder.path("there"), "").expect("a file");
        job.wait().expect("it was let go");
        assert_eq!(
            run(&pool, Puppet::Argument).expect("the argument"),
            Answer::Text(SECRET.into())
        );
        glimpse
    }
}

/// The NUL-terminated texts in a file of `/proc`.
fn texts(process: &str, file: &str) -> Vec<String> {
    let bytes = std::fs::read(format!("/proc/{process}/{file}")).expect("the process is there");
    let texts = bytes
        .split(|byte| *byte == 0)
        .map(|text| String::from_utf8_lossy(text).into_owned());
    texts.filter(|text| !text.is_empty()).collect()
}
