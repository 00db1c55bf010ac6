//! Stands in for a parent, in the tests: it invites a worker, sends it frames and reads what it publishes.
//!
//! The worker runs on a thread of the same process. Nothing here schedules; each test says what is sent when.

use std::{collections::BTreeMap, ops::Range, os::fd::OwnedFd, sync::mpsc, thread, time::Duration};

use protocol::{
    Bytes, Fault, Job, Payload, Status,
    board::{
        Board, Progress, outbound,
        ring::{Body, RingReader},
    },
    family,
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

use crate::{
    failure::Failure,
    service::Service,
    session::{self, Host},
};

/// The job of the tests. What it asks for is the handler's part: see each test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Task(pub(crate) String);

impl Job for Task {
    type Output = String;
    const NAME: &'static str = "task";
}

/// Longer than anything here takes, and short enough to see a hang fail.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

const TOKEN: [u8; 16] = [3; 16];

/// A worker on a thread.
pub(crate) struct Worker {
    ended: mpsc::Receiver<Result<(), Failure>>,
}

impl Worker {
    /// Starts one that serves `service` at the other end of the control socket.
    pub(crate) fn start(service: Service<'static>, control: OwnedFd) -> Self {
        // A service can be shared with another thread, not sent to it; a test may leak one.
        let service: &'static Service<'static> = Box::leak(Box::new(service));
        let (end, ended) = mpsc::channel();
        thread::spawn(move || {
            let host = Host {
                forward: |_, _| Ok(()),
                watch: |_| Ok(()),
                // It is a thread of this process, whose family it belongs to already.
                adopt: |_| Ok(()),
                fatal: |_| {},
            };
            let served = session::serve(&control, service.serving(), &host);
            drop(control);
            end.send(served).unwrap();
        });
        Self { ended }
    }

    /// How it ended, once it has.
    pub(crate) fn outcome(&self) -> Result<(), Failure> {
        self.ended.recv_timeout(PATIENCE).expect("the worker ends")
    }
}

/// What the invitation says.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    pub(crate) job: &'static str,
    pub(crate) lanes: u16,
    pub(crate) message_limit: u64,
    pub(crate) argument: Vec<u8>,
}

impl Default for Terms {
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
pub(crate) struct Parent {
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
    /// What was attached to results, by position.
    pub(crate) attached: BTreeMap<u64, Vec<Bytes>>,
}

/// Invites a worker and hears its answer.
pub(crate) fn invite(service: Service<'static>, terms: &Terms) -> Result<Parent, (Answer, Worker)> {
    let (control, theirs) = control::pair().unwrap();
    let worker = Worker::start(service, theirs);
    let rendezvous = Listener::new().unwrap();
    let board = Board::create().unwrap();
    let mut inbound = PayloadArea::create("inbound").unwrap();
    let outbound = PayloadArea::create("outbound").unwrap();
    inbound.put(&terms.argument, &[]).unwrap();
    let invitation = StartRequest {
        package: "0.0.0".into(),
        job: terms.job.into(),
        token: TOKEN,
        worker: 5,
        lanes: terms.lanes,
        message_limit: terms.message_limit,
        argument_bytes: terms.argument.len() as u64,
        log_level: 0,
        capture: None,
    };
    let bytes = handshake::encode(&invitation).unwrap();
    let family = family::descriptor().unwrap();
    let descriptors =
        StartupDescriptors::descriptors(rendezvous.socket(), &board, &inbound, &outbound, family);
    control::send(&control, &bytes, &descriptors).unwrap();
    match handshake::decode(&control::receive(&control, None).unwrap()).unwrap() {
        Answer::Ready { .. } => Ok(Parent {
            worker,
            board,
            link: Some(rendezvous.accept(TOKEN).unwrap()),
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

/// Invites a worker that accepts.
pub(crate) fn hire(service: Service<'static>, terms: &Terms) -> Parent {
    invite(service, terms).unwrap_or_else(|(answer, _)| panic!("{answer:?}"))
}

impl Parent {
    /// Sends one frame of tasks; gives the position after the last.
    pub(crate) fn send(&mut self, tasks: &[&str]) -> u64 {
        let encoded: Vec<Vec<u8>> = tasks.iter().map(|task| encoded(task)).collect();
        self.send_encoded(&encoded)
    }

    /// Sends one frame of encoded jobs; a large one must be alone.
    pub(crate) fn send_encoded(&mut self, jobs: &[Vec<u8>]) -> u64 {
        let frame = self.frame(jobs);
        self.send_bytes(&frame);
        self.sent += jobs.len() as u64;
        self.sent
    }

    /// Sends one large job with what is attached to it.
    pub(crate) fn deliver(&mut self, job: &Payload) {
        let attached: Vec<Part> = job.attached.iter().cloned().map(Part::Bytes).collect();
        let contents = self.inbound.put(&job.encoding, &attached).unwrap();
        self.send_bytes(&frame::large(self.epoch, self.sent, contents));
        self.sent += 1;
    }

    /// The frame of encoded jobs that could be sent next; a large job is put in its area.
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

    /// Takes back what has not been claimed; gives how many positions have been.
    pub(crate) fn revoke(&mut self) -> u64 {
        self.epoch += 1;
        self.sent = self.board.revoke();
        self.sent
    }

    /// Waits for one wake-up and reads what is there.
    pub(crate) fn attend(&mut self) {
        let wake = self.link.as_ref().unwrap().wakes.receive(Some(PATIENCE)).unwrap();
        assert!(
            wake.is_some(),
            "the worker keeps silent; its progress: {:?}",
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

    /// Attends until the board shows that so many frames have been used up.
    pub(crate) fn attend_until_received(&mut self, frames: u64) -> Progress {
        while self.board.progress().received < frames {
            self.attend();
        }
        // What the frame's end was told with may have been on its way before.
        self.harvest();
        self.board.progress()
    }

    /// Attends until the job at `position` has a result.
    pub(crate) fn result(&mut self, position: u64) -> Result<Vec<u8>, Fault> {
        while !self.results.contains_key(&position) {
            self.attend();
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

    /// The positions that have a result nobody asked for yet.
    pub(crate) fn unread(&self) -> Vec<u64> {
        self.results.keys().copied().collect()
    }

    /// Sees to it that the area for large results cannot grow.
    pub(crate) fn forbid_large_results(&self) {
        rustix::fs::fcntl_add_seals(self.outbound.descriptor(), rustix::fs::SealFlags::GROW).unwrap();
    }

    /// Closes the link and hears how the worker ended.
    pub(crate) fn close(mut self) -> Result<(), Failure> {
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
