//! A program that holds a pool and is then killed, for the tests of what is left behind.
//!
//! Its arguments: the worker program, and what the workers shall do meanwhile (`idle`, `busy`, `grandchildren`,
//! `starting`). It prints the workers' process ids, one a line, then `ready`, and waits for ever.
//!
//! Asked to `build`, it says whether it could build a pool, and ends. Asked for `patience`, it runs a job of half a second
//! with a deadline of a second, and says how it ended.

use std::{io::Write, time::Duration};

use pool::Pool;
use tests::{Answer, Puppet};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let worker = arguments.next().expect("the worker program");
    let what = arguments.next().expect("what to do");
    match what.as_str() {
        "build" => return say(&build(worker)),
        "patience" => return say(&be_patient(worker)),
        "starting" => hold_starting(worker),
        _ => {}
    }
    let pool = builder(worker).build().expect("a pool");
    while pool.stats().workers.iter().any(|worker| worker.pid.is_none()) {
        std::thread::yield_now();
    }
    let mut ids: Vec<u64> = pool
        .stats()
        .workers
        .iter()
        .filter_map(|worker| worker.pid)
        .map(u64::from)
        .collect();
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

/// Tells which processes there are, and waits to be killed.
fn wait_with(ids: &[u64]) -> ! {
    for id in ids {
        say(&id.to_string());
    }
    say("ready");
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

fn be_patient(worker: String) -> String {
    let pool = builder(worker)
        .job_deadline(Duration::from_secs(1))
        .build()
        .expect("a pool");
    let job = pool.submit(Puppet::Sleep(500)).expect("accepted");
    while pool.stats().workers.iter().any(|worker| worker.pid.is_none()) {
        std::thread::yield_now();
    }
    for worker in pool.stats().workers {
        say(&worker.pid.expect("it is ready").to_string());
    }
    say("ready");
    match job.wait() {
        Ok(_) => "in time".into(),
        Err(error) => error.to_string(),
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
