//! A program that holds a pool and is then killed, for tests of what is left behind.
//!
//! Its arguments are the worker program and what the workers do meanwhile: `idle`, `busy`, `grandchildren` or `starting`.
//! It prints the workers' process ids, one per line, then `ready`, and waits until it is killed.
//!
//! With `fork`, `daemon`, `unprivileged` and `unprivileged-stopped` it plays the scenarios of `tests/it/{forks,refusals}.rs`.
//!
//! With `build` it prints whether it could build a pool, and ends. With `deadlines` and the paths of two files it prints
//! the process ids, runs a job that creates the first file and waits for the second, and a job that takes far too long,
//! both with a deadline of three seconds, and prints how each ended.

use std::{future::Future, io::Write, time::Duration};

use pool::{JobError, Pool, stream::Order};
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
        "fork" => return fork_beside_a_pool(&worker),
        "daemon" => return become_a_daemon(worker),
        "unprivileged" | "unprivileged-stopped" => {
            return give_up_privileges(worker, what.ends_with("stopped"));
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

/// Forks while jobs run; the copy uses all that it has of the pool, drops it, and makes a pool of its own.
fn fork_beside_a_pool(worker: &str) {
    let pool = builder(worker.to_owned()).build().expect("a pool");
    let handles: Vec<_> = (0..300)
        .map(|number| pool.submit(Puppet::Mark("/dev/null".into(), Box::new(Puppet::Number(number)))))
        .map(|accepted| accepted.expect("accepted"))
        .collect();
    let (input, output) = pool.stream(Order::Completion);
    let map = pool.map((0..3).map(Puppet::Number));
    let copy = tests::fork();
    if copy == 0 {
        use_copy(&pool, handles, (input, output), map);
        drop(pool);
        say("copy: drops all");
        let own = builder(worker.to_owned()).build().expect("a pool");
        let answer = own.submit(Puppet::Number(1)).expect("accepted").wait();
        assert_eq!(answer.expect("an answer"), Answer::Number(1));
        return say("copy: has a pool of its own");
    }
    drop((input, output, map));
    for (number, handle) in (0..).zip(handles) {
        assert_eq!(handle.wait().expect("an answer"), Answer::Number(number));
    }
    assert!(tests::wait_for_copy(copy), "the copy ends well");
    assert_eq!(pool.stats().deaths, 0);
    say("original: 300 jobs are right");
}

fn use_copy(
    pool: &Pool<Puppet>,
    mut handles: Vec<pool::JobHandle<Puppet>>,
    (mut input, output): (
        pool::stream::StreamInput<Puppet>,
        pool::stream::StreamOutput<Puppet>,
    ),
    map: impl Iterator<Item = Result<Answer, JobError>>,
) {
    let rejected = pool.submit(Puppet::Pid).expect_err("refused");
    say(&format!("copy: submit: {:?}", rejected.error));
    let handle = handles.pop().expect("many");
    handle.cancel();
    say(&format!("copy: wait: {:?}", handle.wait().expect_err("refused")));
    let mut handle = handles.pop().expect("many");
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::Pin::new(&mut handle).poll(&mut context) {
        std::task::Poll::Ready(Err(error)) => say(&format!("copy: poll: {error:?}")),
        other => panic!("{other:?}"),
    }
    let outputs: Vec<_> = map.collect();
    assert!(matches!(outputs[..], [Err(JobError::Forked)]), "{outputs:?}");
    say("copy: map: Forked, then the end");
    say(&format!(
        "copy: stream: {:?}",
        input.send(&Puppet::Pid).expect_err("refused")
    ));
    assert_eq!(output.count(), 1);
    say(&format!(
        "copy: closed_reason: {:?}",
        pool.closed_reason().expect("refused")
    ));
    pool.drain();
    pool.close();
    pool.kill();
    assert_eq!(pool.stats().workers.len(), 0);
}

fn become_a_daemon(worker: String) {
    let pool = builder(worker).build().expect("a pool");
    if tests::fork() != 0 {
        // As `daemon` does: without its destructors, or with them, the original ends.
        return;
    }
    rustix::process::setsid().expect("a session");
    let rejected = pool.submit(Puppet::Pid).expect_err("refused");
    let text = rejected.to_string();
    say(&format!(
        "daemon: {}",
        text.rsplit(": ").next().unwrap_or_default()
    ));
}

/// Lets the worker become another user, and then becomes one that may not signal it.
fn give_up_privileges(worker: String, stopped: bool) {
    const WORKERS_USER: u32 = 1234;
    const OWN_USER: u32 = 4321;
    let pool = Pool::<Puppet>::builder()
        .workers(1)
        .worker_program(worker)
        .job_deadline(Duration::from_secs(2))
        .on_worker_end(|cause| say(&cause.to_string()))
        .build()
        .expect("a pool");
    let pid = worker_ids(&pool)[0];
    let late = pool
        .submit(Puppet::Become(WORKERS_USER, Box::new(Puppet::Sleep(60_000))))
        .expect("accepted");
    let status = || std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    wait_until(|| status().contains(&format!("Uid:\t{WORKERS_USER}")));
    let process = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    let process = process.expect("a process id");
    if stopped {
        rustix::process::kill_process(process, rustix::process::Signal::STOP).expect("root may");
    }
    // A copy keeps the privileges, to clean up.
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let cleaner = tests::fork();
    if cleaner == 0 {
        drop(writer);
        let _until_the_end = std::io::read_to_string(reader);
        let _killed = rustix::process::kill_process(process, rustix::process::Signal::KILL);
        std::process::exit(0);
    }
    tests::become_user(OWN_USER);
    say(&format!("late: {}", late.wait().expect_err("it is late").kind()));
    if !stopped {
        wait_until(|| status().is_empty());
        say("worker ended: true");
    }
    pool.close();
    say("closed");
    drop((reader, writer));
}

fn wait_until(is_so: impl Fn() -> bool) {
    while !is_so() {
        std::thread::yield_now();
    }
}
