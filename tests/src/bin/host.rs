//! A program that holds a pool and is then killed, for the tests of what is left behind.
//!
//! Its arguments: the worker program, and what the workers shall do meanwhile (`idle`, `busy`, `grandchildren`). It
//! prints the workers' process ids, one a line, then `ready`, and waits for ever.

use std::io::Write;

use pool::Pool;
use tests::{Answer, Puppet};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let worker = arguments.next().expect("the worker program");
    let what = arguments.next().expect("what to do");
    let pool = Pool::<Puppet>::builder()
        .workers(2)
        .worker_program(worker)
        .build()
        .expect("a pool");
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
    let mut output = std::io::stdout().lock();
    for id in ids {
        writeln!(output, "{id}").expect("printed");
    }
    writeln!(output, "ready")
        .and_then(|()| output.flush())
        .expect("printed");
    loop {
        std::thread::park();
    }
}
