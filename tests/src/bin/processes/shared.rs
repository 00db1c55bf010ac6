//! Processes and what they share: handles among arguments, at any depth, and in what comes back.

#![expect(clippy::needless_pass_by_value, reason = "arguments arrive as values")]

use std::time::Duration;

use pool::{
    Event, Lock, Process, Queue, Value, pipe,
    sync::{GetError, LockError, PipeEnd},
};
use rustix::process::{Signal, getpid, kill_process};

fn climb(depth: u32, lock: Lock, count: Value<u64>) {
    if depth > 0 {
        let below = Process::new(climb, (depth - 1, lock.clone(), count.clone()))
            .start()
            .unwrap();
        add_hundred(&lock, &count);
        below.join().unwrap();
    } else {
        add_hundred(&lock, &count);
    }
}

fn add_hundred(lock: &Lock, count: &Value<u64>) {
    for _ in 0..100 {
        let _guard = lock.lock().unwrap();
        let seen = *count.lock().unwrap();
        std::thread::yield_now();
        // Without the lock between the two, others would be overwritten.
        *count.lock().unwrap() = seen + 1;
    }
}

fn die_three_deep(depth: u32, lock: Lock) {
    if depth > 0 {
        let below = Process::new(die_three_deep, (depth - 1, lock)).start().unwrap();
        assert_eq!(below.join().is_err(), depth == 1, "only the lowest is killed");
        return;
    }
    let _guard = lock.lock().unwrap();
    kill_process(getpid(), Signal::KILL).unwrap();
}

pub(crate) fn locks_from_the_top_hold_three_deep() {
    let (lock, count) = (Lock::new().unwrap(), Value::new(0).unwrap());
    let towers = [(); 2].map(|()| {
        Process::new(climb, (2, lock.clone(), count.clone()))
            .start()
            .unwrap()
    });
    for tower in towers {
        tower.join().unwrap();
    }
    assert_eq!(*count.lock().unwrap(), 600);
    Process::new(die_three_deep, (2, lock.clone()))
        .start()
        .unwrap()
        .join()
        .unwrap();
    match lock.lock() {
        Err(LockError::Poisoned(_)) => {}
        other => panic!("its holder was killed: {other:?}"),
    }
}

fn lock_all(locks: Vec<Lock>, queue: Queue<u64>, done: Event) -> usize {
    let held = locks.iter().map(|lock| lock.lock().unwrap()).collect::<Vec<_>>();
    queue.put(held.len() as u64).unwrap();
    done.wait();
    held.len()
}

pub(crate) fn many_handles_go_in_one_argument_list() {
    let locks: Vec<Lock> = (0..62).map(|_| Lock::new().unwrap()).collect();
    let (queue, done) = (Queue::new().unwrap(), Event::new().unwrap());
    let process = Process::new(lock_all, (locks.clone(), queue.clone(), done.clone()))
        .start()
        .unwrap();
    assert_eq!(queue.get().unwrap(), 62);
    let refused = locks
        .iter()
        .filter(|lock| matches!(lock.try_lock(), Err(LockError::WouldBlock)));
    assert_eq!(refused.count(), 62, "the child holds them all");
    done.set();
    assert_eq!(process.join().unwrap(), 62);
    assert!(locks.iter().all(|lock| lock.try_lock().is_ok()));
}

fn answer(end: PipeEnd<u64, u64>) {
    while let Ok(number) = end.recv() {
        end.send(number * 2).unwrap();
    }
}

fn wait_for_ever(_end: PipeEnd<u64, u64>) {
    loop {
        std::thread::park();
    }
}

pub(crate) fn a_pipe_tells_of_the_others_death() {
    let (ours, theirs) = pipe::<u64, u64>().unwrap();
    let process = Process::new(answer, (theirs,)).start().unwrap();
    ours.send(21).unwrap();
    assert_eq!(ours.recv().unwrap(), 42);
    drop(ours);
    process.join().unwrap();
    let (ours, theirs) = pipe::<u64, u64>().unwrap();
    let process = Process::new(wait_for_ever, (theirs,)).start().unwrap();
    assert!(matches!(
        ours.recv_timeout(Duration::from_millis(50)),
        Err(GetError::TimedOut)
    ));
    process.kill();
    assert!(matches!(ours.recv(), Err(GetError::Closed)));
    assert!(ours.send(1).is_err());
}

fn make_a_filled_queue(items: u64) -> (Queue<u64>, Lock) {
    let queue = Queue::new().unwrap();
    for item in 0..items {
        queue.put(item).unwrap();
    }
    (queue, Lock::new().unwrap())
}

fn give_an_end_back() -> PipeEnd<u64, u64> {
    let (one, other) = pipe::<u64, u64>().unwrap();
    other.send(7).unwrap();
    one
}

/// The objects were made by a process that has ended when its output is decoded.
pub(crate) fn handles_come_back() {
    let process = Process::new(make_a_filled_queue, (10,)).start().unwrap();
    process.wait();
    // Other processes reclaim what it held meanwhile.
    Process::new(make_a_filled_queue, (1,))
        .start()
        .unwrap()
        .join()
        .unwrap();
    let (queue, lock) = process.join().unwrap();
    assert_eq!(queue.len(), 10);
    queue.close().unwrap();
    assert!(queue.iter().map(Result::unwrap).eq(0..10));
    drop(lock.lock().unwrap());
    let end = Process::new(give_an_end_back, ())
        .start()
        .unwrap()
        .join()
        .unwrap();
    assert_eq!(end.recv().unwrap(), 7, "sent before the other end was lost");
    assert!(matches!(end.recv(), Err(GetError::Closed)));
    // An output that is never decoded keeps nothing alive.
    drop((queue, lock, end));
    let process = Process::new(make_a_filled_queue, (10,)).start().unwrap();
    process.wait();
    drop(process);
    assert_eq!(sync::object_count(), 0);
}
