//! A program that holds a pool and is then killed, for tests of what is left behind.
//!
//! Its arguments are the worker program and what the workers do meanwhile: `idle`, `busy`, `grandchildren` or `starting`.
//! It prints the workers' process ids, one per line, then `ready`, and waits until it is killed.
//!
//! With `build` it prints whether it could build a pool, and ends. With `deadlines` and the paths of two files it prints
//! the process ids, runs a job that creates the first file and waits for the second, and a job that takes far too long,
//! both with a deadline of three seconds, and prints how each ended.

use std::{io::Write, time::Duration};

use pool::Pool;
use tests::{Answer, Puppet};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let worker = arguments.next().expect("the worker program");
    let what = arguments.next().expect("what to do");
    match what.as_str() {
        "build" => return say(&build(worker)),
        "deadlines" => {
            let mut file = || arguments.next().expect("the path of a file");
            return keep_deadlines(worker, Puppet::Meet(file(), file()));
        }
        "starting" => hold_starting(worker),
        _ => {}
    }
    let pool = builder(worker).build().expect("a pool");
    let mut ids = worker_ids(&pool);
    let mut handles = Vec::new();
    match what.as_str() {
        "busy" => handles.extend((0..100).map(|_| pool.submit(Puppet::Stubborn).expect("accepted"))),
        "grandchildren" => {
            for _ in 0..2 {
                let job = pool.submit(Puppet::Grandchild).expect("accepted");
                let Ok(Answer::Number(id)) = job.wait() else {
                    panic!("no grandchild")
                };
                ids.push(id);
            }
        }
        _ => {}
    }
    wait_with(&ids)
}

fn builder(worker: String) -> pool::Builder<Puppet> {
    Pool::<Puppet>::builder().workers(2).worker_program(worker)
}

/// The process ids of the workers, once all are ready.
fn worker_ids(pool: &Pool<Puppet>) -> Vec<u64> {
    while pool.stats().workers.iter().any(|worker| worker.pid.is_none()) {
        std::thread::yield_now();
    }
    let workers = pool.stats().workers;
    workers
        .iter()
        .filter_map(|worker| worker.pid)
        .map(u64::from)
        .collect()
}

/// Prints the process ids.
fn print_ids(ids: &[u64]) {
    for id in ids {
        say(&id.to_string());
    }
    say("ready");
}

/// Prints the process ids and waits to be killed.
fn wait_with(ids: &[u64]) -> ! {
    print_ids(ids);
    loop {
        std::thread::park();
    }
}

fn say(text: &str) {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{text}")
        .and_then(|()| output.flush())
        .expect("printed");
}

fn build(worker: String) -> String {
    match builder(worker).build() {
        Ok(_pool) => "works".into(),
        Err(error) => error.to_string(),
    }
}

fn keep_deadlines(worker: String, held: Puppet) {
    let pool = builder(worker)
        .job_deadline(Duration::from_secs(3))
        .build()
        .expect("a pool");
    print_ids(&worker_ids(&pool));
    for job in [held, Puppet::Sleep(20_000)] {
        match pool.submit(job).expect("accepted").wait() {
            Ok(_) => say("in time"),
            Err(error) => say(&error.to_string()),
        }
    }
}

/// Waits while the workers are being started.
fn hold_starting(worker: String) -> ! {
    let slow = builder(worker).initialiser_argument(&"slow");
    std::thread::spawn(move || {
        let _pool = slow.build().expect("a pool");
        std::thread::park();
    });
    loop {
        let children = tests::children();
        if children.len() == 2 {
            wait_with(&children);
        }
        std::thread::yield_now();
    }
}
