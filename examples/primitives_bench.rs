//! Measures the shared objects side by side with what one would use instead, in one run, and prints the table.
//!
//! `cargo run --release -p examples --example primitives_bench`. Each figure is the median of several rounds, and the
//! rounds of what is compared take turns, so that a busy machine is busy for both. What is missing on the machine
//! (`python3`) is said to be missing.

#![expect(clippy::print_stdout, reason = "a program that shows something")]
#![expect(
    clippy::needless_pass_by_value,
    reason = "a process is given its arguments, and drops them at its end"
)]

use std::{
    error::Error,
    hint::black_box,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use clap::Parser;
use examples::{Goal, Table};
use ipc_channel::ipc::{IpcOneShotServer, IpcReceiver, IpcSender};
use pool::{
    Event, Lock, Process, Queue, Semaphore, pipe,
    sync::{PipeEnd, Value},
};

type Outcome<T> = Result<T, Box<dyn Error>>;

const LOCKINGS: u32 = 2_000_000;
const CONTENDED: u32 = 200_000;
const ITEMS: u64 = 500_000;
const TRIPS: u64 = 5_000;
const IPC_ITEMS: u64 = 50_000;
const PYTHON_ITEMS: u64 = 50_000;

/// Measures the shared objects beside what one would use instead
#[derive(Debug, Parser)]
#[command(name = "primitives_bench")]
struct Arguments {
    /// How often each is measured
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
}

fn main() {
    pool::main(|| {
        if let Err(error) = measure(Arguments::parse().rounds) {
            panic!("{error}");
        }
    });
}

/// Nanoseconds per operation, one for each round.
type Rounds = Vec<f64>;

fn measure(rounds: u32) -> Outcome<()> {
    let mut table = Table::default();
    locks(&mut table, rounds)?;
    contention(&mut table, rounds)?;
    queues(&mut table, rounds)?;
    others(&mut table, rounds)?;
    print!("{table}");
    Ok(())
}

// ---- locks ----

fn locks(table: &mut Table, rounds: u32) -> Outcome<()> {
    let (lock, mutex, value) = (Lock::new()?, std::sync::Mutex::new(0_u64), Value::new(0_u64)?);
    let (mut ours, mut std, mut values) = (Rounds::new(), Rounds::new(), Rounds::new());
    for _ in 0..rounds {
        std.push(per_operation(LOCKINGS, || {
            *black_box(&mutex).lock().expect("not poisoned") += 1;
        }));
        ours.push(per_operation(LOCKINGS, || {
            drop(black_box(&lock).lock().expect("not poisoned"));
        }));
        values.push(per_operation(LOCKINGS, || {
            *black_box(&value).lock().expect("not poisoned") += 1;
        }));
    }
    let reference = table.add("std::sync::Mutex, lock and unlock", &std);
    table.compare("Lock, lock and unlock", &ours, reference, Goal::AtMost(3.0));
    table.compare(
        "Value<u64>, lock, add one and unlock",
        &values,
        reference,
        Goal::None,
    );
    Ok(())
}

fn per_operation(number: u32, mut operation: impl FnMut()) -> f64 {
    let start = Instant::now();
    for _ in 0..number {
        operation();
    }
    nanoseconds(start.elapsed(), number.into())
}

/// Two threads and two processes that want the same lock all the time.
fn contention(table: &mut Table, rounds: u32) -> Outcome<()> {
    let (mut ours, mut std) = (Rounds::new(), Rounds::new());
    for _ in 0..rounds {
        let mutex = std::sync::Mutex::new(0_u64);
        let start = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..CONTENDED {
                        *mutex.lock().expect("not poisoned") += 1;
                    }
                });
            }
        });
        std.push(nanoseconds(start.elapsed(), 2 * u64::from(CONTENDED)));
        ours.push(two_counters()?);
    }
    let reference = table.add("std::sync::Mutex, two threads at once", &std);
    table.compare("Value<u64>, two processes at once", &ours, reference, Goal::None);
    Ok(())
}

fn two_counters() -> Outcome<f64> {
    let (value, start) = (Value::new(0_u64)?, Event::new()?);
    let ready = Semaphore::new(0)?;
    let children =
        [(); 2].map(|()| Process::new(count, (value.clone(), ready.clone(), start.clone())).start());
    drop((ready.acquire()?, ready.acquire()?));
    let begin = Instant::now();
    start.set();
    for child in children {
        child?.join()?;
    }
    let taken = nanoseconds(begin.elapsed(), 2 * u64::from(CONTENDED));
    let total = *value.lock().map_err(pool::sync::LockError::without_guard)?;
    assert_eq!(total, 2 * u64::from(CONTENDED), "no addition is lost");
    Ok(taken)
}

fn count(value: Value<u64>, ready: Semaphore, start: Event) {
    ready.add(1).expect("a shared heap");
    start.wait();
    for _ in 0..CONTENDED {
        *value.lock().expect("not poisoned") += 1;
    }
}

// ---- queues ----

fn queues(table: &mut Table, rounds: u32) -> Outcome<()> {
    let (mut ours, mut ipc, mut python) = (Rounds::new(), Rounds::new(), Rounds::new());
    let mut missing = None;
    for _ in 0..rounds {
        ours.push(our_queue()?);
        ipc.push(ipc_channel()?);
        match python_queue() {
            Ok(round) => python.push(round),
            Err(why) => missing = Some(why.to_string()),
        }
    }
    let reference = table.add("Queue<u64>, between two processes, per item", &ours);
    table.compare(
        "ipc-channel, one message per item",
        &ipc,
        reference,
        Goal::AtLeast(5.0),
    );
    match missing {
        None => table.compare(
            "Python's multiprocessing.Queue",
            &python,
            reference,
            Goal::AtLeast(20.0),
        ),
        Some(why) => table.note(&format!("Python's multiprocessing.Queue: not measured, {why}")),
    }
    Ok(())
}

fn our_queue() -> Outcome<f64> {
    let queue = Queue::with_limits(4096, 1 << 20)?;
    let (ready, start) = (Semaphore::new(0)?, Event::new()?);
    let producer = Process::new(produce, (queue.clone(), ready.clone(), start.clone())).start()?;
    drop(ready.acquire()?);
    let begin = Instant::now();
    start.set();
    for expected in 0..ITEMS {
        assert_eq!(queue.get()?, expected);
    }
    let taken = nanoseconds(begin.elapsed(), ITEMS);
    producer.join()?;
    Ok(taken)
}

fn produce(queue: Queue<u64>, ready: Semaphore, start: Event) {
    ready.add(1).expect("a shared heap");
    start.wait();
    for item in 0..ITEMS {
        queue.put(item).expect("open");
    }
}

fn ipc_channel() -> Outcome<f64> {
    let (server, name) = IpcOneShotServer::<IpcSender<IpcSender<u64>>>::new()?;
    let producer = Process::new(produce_ipc, (name,)).start()?;
    let (_, back) = server.accept()?;
    let (sender, items): (_, IpcReceiver<u64>) = ipc_channel::ipc::channel()?;
    let begin = Instant::now();
    back.send(sender)?;
    for expected in 0..IPC_ITEMS {
        assert_eq!(items.recv()?, expected);
    }
    let taken = nanoseconds(begin.elapsed(), IPC_ITEMS);
    producer.join()?;
    Ok(taken)
}

fn produce_ipc(name: String) {
    let first = IpcSender::connect(name).expect("the parent's server");
    let (back, sender) = ipc_channel::ipc::channel().expect("a channel");
    first.send(back).expect("sent");
    let items: IpcSender<u64> = sender.recv().expect("the parent's channel");
    for item in 0..IPC_ITEMS {
        items.send(item).expect("sent");
    }
}

const PYTHON: &str = "
import multiprocessing, time, sys
def produce(queue, number):
    for item in range(number):
        queue.put(item)
if __name__ == '__main__':
    number = int(sys.argv[1])
    queue = multiprocessing.Queue()
    process = multiprocessing.Process(target=produce, args=(queue, number))
    process.start()
    assert queue.get() == 0
    start = time.perf_counter()
    for item in range(1, number):
        assert queue.get() == item
    print((time.perf_counter() - start) * 1e9 / (number - 1))
    process.join()
";

fn python_queue() -> Outcome<f64> {
    let run = Command::new("python3")
        .args(["-c", PYTHON, &PYTHON_ITEMS.to_string()])
        .stderr(Stdio::inherit())
        .output()?;
    Ok(String::from_utf8(run.stdout)?.trim().parse()?)
}

// ---- the others ----

fn others(table: &mut Table, rounds: u32) -> Outcome<()> {
    let (near, far) = pipe::<u64, u64>()?;
    let echo = Process::new(echo, (far,)).start()?;
    let semaphore = Semaphore::new(1)?;
    let (mut trips, mut permits, mut made) = (Rounds::new(), Rounds::new(), Rounds::new());
    // The first trip waits for the child's start.
    round_trip(&near, 0)?;
    for _ in 0..rounds {
        let begin = Instant::now();
        for number in 0..TRIPS {
            round_trip(&near, number)?;
        }
        trips.push(nanoseconds(begin.elapsed(), TRIPS));
        permits.push(per_operation(LOCKINGS / 20, || {
            drop(semaphore.acquire().expect("a permit"));
        }));
        made.push(per_operation(LOCKINGS / 20, || {
            drop(black_box(Lock::new().expect("a lock")));
        }));
    }
    drop(near);
    echo.join()?;
    table.add("Pipe, round trip between two processes", &trips);
    table.add("Semaphore, acquire and release", &permits);
    table.add("Lock, made and dropped", &made);
    Ok(())
}

fn round_trip(near: &PipeEnd<u64, u64>, number: u64) -> Outcome<()> {
    near.send(number)?;
    assert_eq!(near.recv()?, number);
    Ok(())
}

fn echo(end: PipeEnd<u64, u64>) {
    while let Ok(number) = end.recv() {
        if end.send(number).is_err() {
            return;
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "the numbers are far below 2^52")]
fn nanoseconds(time: Duration, operations: u64) -> f64 {
    time.as_secs_f64() * 1e9 / operations as f64
}
