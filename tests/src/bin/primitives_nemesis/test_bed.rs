//! The shared objects, and the processes that use them until they are killed.

use std::{
    fmt::Write,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, sync_channel},
    thread::JoinHandle,
};

use serde::{Deserialize, Serialize};
use sync::{HandlesInFlight, Lock, Queue, Semaphore, Value, heap};

use crate::victim::PERMITS;

/// What goes through the queue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Item {
    pub(crate) producer: u64,
    pub(crate) number: u64,
    pub(crate) filling: Vec<u8>,
}

/// How many objects [`Shared`] has.
pub(crate) const OBJECTS: u64 = 7;

/// What all processes share.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Shared {
    pub(crate) lock: Lock,
    /// Who is between acquiring and releasing the lock.
    pub(crate) inside: Value<u64>,
    /// Two numbers that are always equal, under a lock of their own, and their sum in a larger value.
    pub(crate) pair: Value<[u64; 2]>,
    pub(crate) large: Value<[u64; 100]>,
    pub(crate) semaphore: Semaphore,
    pub(crate) queue: Queue<Item>,
    /// Objects that one process makes and another uses up, some at a time.
    pub(crate) trade: Queue<Vec<Ware>>,
}

/// An object under way, and what is in it.
pub(crate) type Ware = (u64, Value<u64>);

/// The shared objects, in the process that kills the others.
#[derive(Debug)]
pub(crate) struct TestBed {
    shared: Shared,
}

impl std::ops::Deref for TestBed {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.shared
    }
}

impl TestBed {
    pub(crate) fn new() -> Self {
        let shared = Shared {
            lock: Lock::new().expect("a lock"),
            inside: Value::new(0).expect("a value"),
            pair: Value::new([0; 2]).expect("a value"),
            large: Value::new([0; 100]).expect("a value"),
            semaphore: Semaphore::new(PERMITS).expect("a semaphore"),
            queue: Queue::with_limits(16, 2000).expect("a queue"),
            trade: Queue::with_limits(64, 10_000).expect("a queue"),
        };
        Self { shared }
    }

    /// Starts a process that works until it is killed.
    pub(crate) fn start(&self, random: &mut fastrand::Rng) -> Victim {
        let mut bytes = Vec::new();
        let (encoded, handles) =
            HandlesInFlight::collect(|| protocol::encode_argument(&self.shared, &mut bytes));
        encoded.expect("encoded");
        let argument = bytes.iter().fold(String::new(), |mut text, byte| {
            // Writing to a string does not fail.
            let _written = write!(text, "{byte:02x}");
            text
        });
        let memory = heap::descriptor().expect("a shared heap").try_clone_to_owned();
        let seed = random.u64(1..u64::from(u32::MAX));
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--victim", &argument, &seed.to_string()])
            .stdin(Stdio::from(memory.expect("a descriptor")))
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        let output = BufReader::new(child.stdout.take().expect("its output"));
        let (begin, at_work) = sync_channel(1);
        let lines = std::thread::spawn(move || {
            let mut lines = Vec::new();
            for line in output.lines().map_while(Result::ok) {
                // Only the first is waited for.
                let _full_or_not = begin.try_send(());
                lines.push(line);
            }
            lines
        });
        Victim {
            seed,
            child,
            lines,
            at_work,
            handles,
        }
    }
}

/// A process at work.
#[derive(Debug)]
pub(crate) struct Victim {
    seed: u64,
    child: Child,
    lines: JoinHandle<Vec<String>>,
    at_work: Receiver<()>,
    handles: HandlesInFlight,
}

/// What a killed process has printed.
#[derive(Debug)]
pub(crate) struct LastLines {
    pub(crate) seed: u64,
    pub(crate) lines: Vec<String>,
}

impl Victim {
    /// Waits until it has done something, or has ended.
    pub(crate) fn wait_until_at_work(&self) {
        let _at_work_or_ended = self.at_work.recv();
    }

    /// Sends SIGKILL and takes what it has printed.
    pub(crate) fn kill(mut self) -> LastLines {
        self.child.kill().expect("killed");
        let status = self.child.wait().expect("ended");
        assert!(
            std::os::unix::process::ExitStatusExt::signal(&status).is_some(),
            "a process ended by itself: {status}"
        );
        drop(self.handles);
        LastLines {
            seed: self.seed,
            lines: self.lines.join().expect("its lines"),
        }
    }
}
