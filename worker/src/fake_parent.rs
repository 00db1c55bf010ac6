//! A fake parent for tests: it starts a worker, sends it frames and reads its results.
//!
//! The worker runs on a thread of the same process. Nothing here schedules: each test decides what is sent when.

use std::{collections::BTreeMap, ops::Range, os::fd::OwnedFd, sync::mpsc, thread, time::Duration};

use protocol::{
    Bytes, Fault, Job, Payload, Status,
    board::{
        Board, Progress, outbound,
        ring::{Body, RingReader},
    },
    message::{
        control, frame,
        handshake::{self, Answer, StartRequest, StartupDescriptors},
        link::{Listener, ParentLink},
    },
    payload::{
        area::{Part, PayloadArea},
        layout::LARGE_BYTES,
    },
};
use serde::{Deserialize, Serialize};
use sync::heap;

use crate::{
    error::WorkerError,
    service::Service,
    session::{self, Host},
};

/// The job of the tests. Its text means what the handler of the test makes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Task(pub(crate) String);

impl Job for Task {
    type Output = String;
    const NAME: &'static str = "task";
}

/// Longer than anything here takes, and short enough that a hang fails the test.
pub(crate) const TEST_TIMEOUT: Duration = Duration::from_secs(20);

const TOKEN: [u8; 16] = [3; 16];

/// A worker on a thread.
pub(crate) struct Worker {
    ended: mpsc::Receiver<Result<(), WorkerError>>,
}

impl Worker {
    /// Starts a worker that serves `service` at the other end of the control socket.
    pub(crate) fn start(service: Service<'static>, control: OwnedFd) -> Self {
        // A service is `Sync` but not `Send`, so it is shared. A test may leak it.
        let service: &'static Service<'static> = Box::leak(Box::new(service));
        let (end, ended) = mpsc::channel();
        thread::spawn(move || {
            let host = Host {
                forward: |_, _| Ok(()),
                watch: |_| Ok(()),
                // The thread's process has mapped the shared heap already.
                adopt: |_| Ok(()),
                fatal: |_| {},
            };
            let served = session::serve(&control, service.runner(), &host);
            drop(control);
            end.send(served).unwrap();
        });
        Self { ended }
    }

    /// Waits for the worker's end. Returns its outcome.
    pub(crate) fn outcome(&self) -> Result<(), WorkerError> {
        self.ended.recv_timeout(TEST_TIMEOUT).expect("the worker ends")
    }
}

/// The contents of the start request.
#[derive(Debug, Clone)]
pub(crate) struct StartOptions {
    pub(crate) job: &'static str,
    pub(crate) lanes: u16,
    pub(crate) message_limit: u64,
    pub(crate) argument: Vec<u8>,
}

impl Default for StartOptions {
    fn default() -> Self {
        Self {
            job: Task::NAME,
            lanes: 1,
            message_limit: 1 << 30,
            argument: Vec::new(),
        }
    }
}

/// The parent of one worker.
pub(crate) struct FakeParent {
    pub(crate) worker: Worker,
    pub(crate) board: Board,
    pub(crate) link: Option<ParentLink>,
    pub(crate) wakes: u64,
    control: OwnedFd,
    inbound: PayloadArea,
    outbound: PayloadArea,
    ring: RingReader,
    sent: u64,
    epoch: u16,
    results: BTreeMap<u64, Result<Vec<u8>, Fault>>,
    /// The attachments of results, by position.
    pub(crate) attached: BTreeMap<u64, Vec<Bytes>>,
}

/// Sends a start request to a new worker and receives its answer.
pub(crate) fn start(
    service: Service<'static>,
    options: &StartOptions,
) -> Result<FakeParent, (Answer, Worker)> {
    let (control, theirs) = control::pair().unwrap();
    let worker = Worker::start(service, theirs);
    let listener = Listener::new().unwrap();
    let board = Board::create().unwrap();
    let mut inbound = PayloadArea::create("inbound").unwrap();
    let outbound = PayloadArea::create("outbound").unwrap();
    inbound.put(&options.argument, &[]).unwrap();
    let request = StartRequest {
        package: "0.0.0".into(),
        job: options.job.into(),
        token: TOKEN,
        worker: 5,
        lanes: options.lanes,
        message_limit: options.message_limit,
        argument_bytes: options.argument.len() as u64,
        log_level: 0,
        capture: None,
    };
    let bytes = handshake::encode(&request).unwrap();
    let shared_heap = heap::descriptor().unwrap();
    let descriptors =
        StartupDescriptors::descriptors(listener.socket(), &board, &inbound, &outbound, shared_heap);
    control::send(&control, &bytes, &descriptors).unwrap();
    match handshake::decode(&control::receive(&control, None).unwrap()).unwrap() {
        Answer::Ready { .. } => Ok(FakeParent {
            worker,
            board,
            link: Some(listener.accept(TOKEN).unwrap()),
            wakes: 0,
            control,
            inbound,
            outbound,
            ring: RingReader::new(),
            sent: 0,
            epoch: 0,
            results: BTreeMap::new(),
            attached: BTreeMap::new(),
        }),
        refusal => Err((refusal, worker)),
    }
}

/// Starts a worker and checks that it is ready.
pub(crate) fn start_ready(service: Service<'static>, options: &StartOptions) -> FakeParent {
    start(service, options).unwrap_or_else(|(answer, _)| panic!("{answer:?}"))
}

impl FakeParent {
    /// Sends one frame of tasks. Returns the position after the last.
    pub(crate) fn send(&mut self, tasks: &[&str]) -> u64 {
        let encoded: Vec<Vec<u8>> = tasks.iter().map(|task| encoded(task)).collect();
        self.send_encoded(&encoded)
    }

    /// Sends one frame of encoded jobs. A large job must be alone.
    pub(crate) fn send_encoded(&mut self, jobs: &[Vec<u8>]) -> u64 {
        let frame = self.frame(jobs);
        self.send_bytes(&frame);
        self.sent += jobs.len() as u64;
        self.sent
    }

    /// Sends one large job with its attachments.
    pub(crate) fn send_large(&mut self, job: &Payload) {
        let attached: Vec<Part> = job.attached.iter().cloned().map(Part::Bytes).collect();
        let contents = self.inbound.put(&job.encoding, &attached).unwrap();
        self.send_bytes(&frame::large(self.epoch, self.sent, contents));
        self.sent += 1;
    }

    /// Makes the next frame, of encoded jobs. A large job is put in the payload area.
    pub(crate) fn frame(&mut self, jobs: &[Vec<u8>]) -> Vec<u8> {
        if let [large] = jobs
            && large.len() > LARGE_BYTES
        {
            let contents = self.inbound.put(large, &[]).unwrap();
            return frame::large(self.epoch, self.sent, contents);
        }
        let mut frame = Vec::new();
        frame::begin(&mut frame);
        for job in jobs {
            frame::append_job(&mut frame, job);
        }
        frame::finish(
            &mut frame,
            frame::Form::Counted,
            self.epoch,
            self.sent,
            jobs.len() as u32,
        );
        frame
    }

    pub(crate) fn send_bytes(&self, frame: &[u8]) {
        self.link.as_ref().unwrap().frames.send(frame).unwrap();
    }

    /// Revokes the jobs that are not claimed. Returns the number of claimed positions.
    pub(crate) fn revoke(&mut self) -> u64 {
        self.epoch += 1;
        self.sent = self.board.revoke();
        self.sent
    }

    /// Waits for one wake-up and reads the results that are there.
    pub(crate) fn wait_for_wake(&mut self) {
        let wake = self
            .link
            .as_ref()
            .unwrap()
            .wakes
            .receive(Some(TEST_TIMEOUT))
            .unwrap();
        assert!(
            wake.is_some(),
            "the worker sends no wake-up; its progress: {:?}",
            self.board.progress()
        );
        self.wakes += 1;
        self.board.accept_wake();
        self.harvest();
    }

    /// Reads the results that are there.
    pub(crate) fn harvest(&mut self) {
        let mut bytes = Vec::new();
        self.ring.harvest(&self.board, &mut bytes).unwrap();
        for record in self.ring.records(&bytes) {
            let record = record.unwrap();
            let body = match record.body {
                Body::Inline(body) => body.to_vec(),
                Body::InArea(contents) => {
                    let inbound = &mut self.inbound;
                    let from_job =
                        |range: Range<u64>| inbound.copy_own(range.start as usize..range.end as usize);
                    let body = self.outbound.take(contents, u64::MAX, from_job).unwrap();
                    outbound::mark_empty(&self.board);
                    self.attached.insert(record.position, body.attached);
                    body.encoding
                }
            };
            let outcome = match record.status {
                Status::Output => Ok(body),
                Status::Fault => Err(Fault::decode(&body).unwrap()),
            };
            let earlier = self.results.insert(record.position, outcome);
            assert!(
                earlier.is_none(),
                "position {} was published twice",
                record.position
            );
        }
    }

    /// Waits until the board shows that so many frames have been used up.
    pub(crate) fn wait_until_received(&mut self, frames: u64) -> Progress {
        while self.board.progress().received < frames {
            self.wait_for_wake();
        }
        // The wake-up for the frame's end may have been sent for earlier results, and read before.
        self.harvest();
        self.board.progress()
    }

    /// Waits until the job at `position` has a result.
    pub(crate) fn result(&mut self, position: u64) -> Result<Vec<u8>, Fault> {
        while !self.results.contains_key(&position) {
            self.wait_for_wake();
        }
        self.results.remove(&position).unwrap()
    }

    /// The decoded output of the job at `position`.
    pub(crate) fn output(&mut self, position: u64) -> String {
        Task::decode_output(&self.result(position).unwrap()).unwrap()
    }

    pub(crate) fn fault(&mut self, position: u64) -> Fault {
        self.result(position).unwrap_err()
    }

    /// The positions of results that no test has asked for yet.
    pub(crate) fn unread(&self) -> Vec<u64> {
        self.results.keys().copied().collect()
    }

    /// Seals the area for large results, so that it cannot grow.
    pub(crate) fn forbid_large_results(&self) {
        rustix::fs::fcntl_add_seals(self.outbound.descriptor(), rustix::fs::SealFlags::GROW).unwrap();
    }

    /// Closes the link and waits for the worker's end.
    pub(crate) fn close(mut self) -> Result<(), WorkerError> {
        self.link = None;
        let outcome = self.worker.outcome();
        drop(self.control);
        outcome
    }
}

/// The bytes of an initialiser's argument.
pub(crate) fn encode_argument<A: Serialize>(argument: &A) -> Vec<u8> {
    let mut bytes = Vec::new();
    protocol::encode_argument(argument, &mut bytes).unwrap();
    bytes
}

/// The bytes of a task.
pub(crate) fn encoded(task: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    Task(task.into()).encode(&mut bytes).unwrap();
    bytes
}
