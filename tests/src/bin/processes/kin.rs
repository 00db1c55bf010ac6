//! What is shared, when those who share it die: permits, barriers, handles on their way.

#![expect(
    clippy::needless_pass_by_value,
    reason = "a process is given its arguments, and drops them at its end"
)]

use std::time::{Duration, Instant};

use pool::{
    Barrier, Event, Lock, Process, Queue, Semaphore,
    process::{JoinErrorKind, StartError},
    sync::{BarrierError, LockError, PoisonCause, Value},
};
use rustix::process::{Signal, getpid, kill_process};

fn die() -> ! {
    kill_process(getpid(), Signal::KILL).unwrap();
    loop {
        std::thread::park();
    }
}

fn die_with_a_permit(semaphore: Semaphore) {
    let _permit = semaphore.acquire().unwrap();
    die();
}

pub(crate) fn permits_of_the_dead_come_back() {
    let semaphore = Semaphore::new(2).unwrap();
    for _ in 0..3 {
        let pair = [(); 2].map(|()| {
            Process::new(die_with_a_permit, (semaphore.clone(),))
                .start()
                .unwrap()
        });
        for process in pair {
            process.join().unwrap_err();
        }
        drop((semaphore.acquire().unwrap(), semaphore.acquire().unwrap()));
    }
    assert_eq!(semaphore.available(), 2);
}

fn die_before(barrier: Barrier) {
    let _party = barrier;
    die();
}

fn wait_at(barrier: Barrier, ready: Event) {
    ready.set();
    drop(barrier.wait());
}

pub(crate) fn a_barrier_whose_member_died_is_broken() {
    let barrier = Barrier::new(2).unwrap();
    let process = Process::new(die_before, (barrier.clone(),)).start().unwrap();
    assert!(matches!(barrier.wait(), Err(BarrierError::Broken)));
    process.join().unwrap_err();
    barrier.reset().unwrap();
    let (three, ready) = (Barrier::new(3).unwrap(), Event::new().unwrap());
    let waiting = Process::new(wait_at, (three.clone(), ready.clone()))
        .start()
        .unwrap();
    ready.wait();
    waiting.kill();
    assert!(matches!(three.wait(), Err(BarrierError::Broken)));
}

fn die_with_the_lock(lock: Lock, held: Event, go: Event) {
    let _guard = lock.lock().unwrap();
    held.set();
    go.wait();
    die();
}

pub(crate) fn a_dead_holder_is_noticed_soon() {
    let mut waits: Vec<Duration> = (0..9)
        .map(|_| {
            let (lock, held, go) = (Lock::new().unwrap(), Event::new().unwrap(), Event::new().unwrap());
            let arguments = (lock.clone(), held.clone(), go.clone());
            let process = Process::new(die_with_the_lock, arguments).start().unwrap();
            held.wait();
            assert!(matches!(lock.try_lock(), Err(LockError::WouldBlock)));
            go.set();
            let start = Instant::now();
            match lock.lock() {
                Err(LockError::Poisoned(poisoned)) => assert_eq!(poisoned.cause(), PoisonCause::Died),
                other => panic!("its holder was killed: {other:?}"),
            }
            let waited = start.elapsed();
            process.join().unwrap_err();
            waited
        })
        .collect();
    waits.sort_unstable();
    // The median, because this machine may have been busy with something else in one of them.
    assert!(waits[4] < Duration::from_millis(100), "{waits:?}");
}

fn put_and_end(queue: Queue<Value<u64>>) {
    queue.put(Value::new(7_u64).unwrap()).unwrap();
}

fn make() -> (Lock, Value<u64>) {
    (Lock::new().unwrap(), Value::new(8).unwrap())
}

pub(crate) fn handles_outlive_their_senders() {
    let queue = Queue::new().unwrap();
    Process::new(put_and_end, (queue.clone(),))
        .start()
        .unwrap()
        .join()
        .unwrap();
    // What the dead held is reclaimed when these are made.
    let (lock, eight) = Process::new(make, ()).start().unwrap().join().unwrap();
    let seven = queue.get().unwrap();
    assert_eq!(*seven.lock().unwrap() + *eight.lock().unwrap(), 15);
    assert!(lock.try_lock().is_ok());
}

fn fill_and_die(queue: Queue<u64>) {
    queue.put(1).unwrap();
    queue.put(2).unwrap();
    die();
}

pub(crate) fn a_queue_goes_on_when_all_others_are_gone() {
    let queue = Queue::bounded(2).unwrap();
    Process::new(fill_and_die, (queue.clone(),))
        .start()
        .unwrap()
        .join()
        .unwrap_err();
    assert!(
        queue.put_timeout(3, Duration::from_millis(20)).is_err(),
        "it is full"
    );
    assert_eq!((queue.get().unwrap(), queue.get().unwrap()), (1, 2));
    queue.put(3).unwrap();
    assert_eq!(queue.get().unwrap(), 3);
    assert!(
        queue.get_timeout(Duration::from_millis(20)).is_err(),
        "it is empty"
    );
}

#[expect(unsafe_code, reason = "a bare fork is what is tried")]
pub(crate) fn a_bare_fork_owns_nothing() {
    let lock = Lock::new().unwrap();
    let guard = lock.lock().unwrap();
    // SAFETY: the child calls only what needs no other thread, and exits at once.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let is_refused = matches!(lock.try_lock(), Err(LockError::SharedHeap(_)));
        // SAFETY: ends the child without running what belongs to its parent.
        unsafe { libc::_exit(i32::from(!is_refused)) };
    }
    let mut status = 0;
    // SAFETY: waits for the child that was just made.
    unsafe { libc::waitpid(child, &raw mut status, 0) };
    assert_eq!(status, 0, "the child could use its parent's lock");
    drop(guard);
    assert!(lock.try_lock().is_ok());
}

/// A copy of the parent has none of its children, and a copy of a child has none of its results.
pub(crate) fn copies_have_no_processes() {
    let child = Process::new(|| std::thread::sleep(Duration::from_millis(300)), ())
        .start()
        .unwrap();
    let daemon = Process::new(std::thread::park, ()).daemon(true).start().unwrap();
    let copy = tests::fork();
    if copy == 0 {
        daemon.kill();
        daemon.terminate();
        assert!(
            Process::new(|| (), ())
                .start()
                .is_err_and(|error| matches!(error, StartError::Forked))
        );
        let refused = child.join().unwrap_err();
        assert!(matches!(refused.kind, JoinErrorKind::Forked), "{refused}");
        // The main code returns here too, and ends none of the original's processes.
        return;
    }
    assert!(tests::wait_for_copy(copy), "the copy ends well");
    child.join().unwrap();
    assert!(daemon.is_alive(), "a copy has killed it");
    let forking = Process::new(
        || {
            tests::fork();
            std::process::id()
        },
        (),
    )
    .start()
    .unwrap();
    let pid = forking.pid();
    assert_eq!(forking.join().unwrap(), pid, "the result is the original's");
}

/// Handles are no descriptors: with none left, objects are made, sent, received and used all the same.
pub(crate) fn objects_need_no_descriptors() {
    let first = Lock::new().unwrap();
    let open = || std::fs::File::open("/dev/null");
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let few = rustix::process::Rlimit {
        current: Some(64),
        maximum: limit.maximum,
    };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, few).unwrap();
    let files: Vec<_> = std::iter::repeat_with(open).map_while(Result::ok).collect();
    assert!(open().is_err(), "the table is full");
    let queue = Queue::new().unwrap();
    for _ in 0..64 {
        queue
            .put((first.clone(), Value::new([1_u64; 100]).unwrap()))
            .unwrap();
    }
    for (lock, value) in queue.iter().map(Result::unwrap).take(64) {
        let _guard = lock.lock().unwrap();
        value.lock().unwrap()[7] += 1;
    }
    drop(files);
}
