//! Starts one worker: from nothing to the handshake, with a deadline.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use protocol::{
    PACKAGE_VERSION,
    board::Board,
    message::{
        capture::Secret,
        control::{self, ControlError, Received},
        handshake::{self, Answer, StartRequest, StartupDescriptors},
        link::{self, Listener},
        log::Record,
    },
    payload::area::PayloadArea,
};
use sync::heap;

use crate::driver::{
    log,
    settings::Settings,
    worker::{Worker, memory::Gauge, process::WorkerProcess, slot::WorkerSlot, watched::Watched},
};
use crate::{
    failure::{EndReason, Exit, StartFailure, StartFailureKind},
    spawn::program::Program,
};

/// How long to wait for a killed process to be reaped before giving up on its status.
const REAP_TIMEOUT: Duration = Duration::from_secs(2);

/// Starts a worker in `slot` and waits until it takes jobs.
pub(crate) fn start(
    settings: &Settings,
    watched: &Watched,
    slot: &WorkerSlot,
    incarnation: u64,
) -> Result<Worker, StartFailure> {
    let started = Starting {
        log_level: log::wanted_level(),
        settings,
        watched,
        slot,
    }
    .run(incarnation);
    started.map_err(|(process, kind)| failure(&settings.program, slot.number(), process.as_deref(), kind))
}

type FailedStart = (Option<Arc<WorkerProcess>>, StartFailureKind);

struct Starting<'a> {
    log_level: u8,
    settings: &'a Settings,
    watched: &'a Watched,
    slot: &'a WorkerSlot,
}

/// A process before it has become its program.
struct Spawned {
    process: Arc<WorkerProcess>,
    listener: Listener,
    secret: Option<Secret>,
}

impl Starting<'_> {
    fn run(&self, incarnation: u64) -> Result<Worker, FailedStart> {
        let spawned = self.spawn().map_err(|kind| (None, kind))?;
        let process = Arc::clone(&spawned.process);
        self.watched.add(Arc::clone(&process));
        self.slot.set_starting(incarnation, &process);
        self.prepare(incarnation, spawned)
            .map_err(|kind| (Some(process), kind))
    }

    fn spawn(&self) -> Result<Spawned, StartFailureKind> {
        let _guard = link::taking_descriptors();
        // The listener's socket has a name for an instant, which would be left behind if this process were killed
        // then. It is made first, so that this instant is over before a worker can be seen.
        let listener = Listener::new().map_err(StartFailureKind::Link)?;
        let controls = control::pair().map_err(StartFailureKind::Control)?;
        let secret = self.settings.capture.map(|_| random()).transpose()?;
        let capture = secret.zip(self.settings.capture);
        let spawned = self.slot.spawning(|| {
            self.watched.keep_time();
            WorkerProcess::spawn(
                &self.settings.program,
                self.settings.job,
                self.slot.number(),
                controls,
                capture,
            )
        });
        Ok(Spawned {
            process: Arc::new(spawned.map_err(StartFailureKind::Spawn)?),
            listener,
            secret,
        })
    }

    /// Gives the process what it needs to take jobs, and shakes hands. All of that is made while the process becomes
    /// its program, which takes a while.
    fn prepare(&self, incarnation: u64, spawned: Spawned) -> Result<Worker, StartFailureKind> {
        let Spawned {
            process,
            listener,
            secret,
        } = spawned;
        let guard = link::taking_descriptors();
        let board = Board::create().map_err(StartFailureKind::Memory)?;
        let (mut inbound, outbound) = self.payload_areas()?;
        let shared_heap = heap::descriptor().map_err(StartFailureKind::SharedHeap)?;
        let gauge = self
            .limit_memory(&process)
            .map_err(StartFailureKind::MemoryLimit)?;
        drop(guard);
        let (token, start_request) = self.start_request(secret)?;
        let descriptors =
            StartupDescriptors::descriptors(listener.socket(), &board, &inbound, &outbound, shared_heap);
        self.shake_hands(&process, &start_request, &descriptors)?;
        let link = listener.accept(token).map_err(StartFailureKind::Link)?;
        // The worker has read its argument.
        inbound.trim();
        let limits = (usize::from(self.settings.lanes), self.settings.message_limit);
        Ok(Worker::new(
            incarnation,
            process,
            board,
            (inbound, outbound),
            link,
            limits,
            gauge,
        ))
    }

    /// Sets the process's memory limit, and returns the gauge to observe its memory by.
    fn limit_memory(&self, process: &WorkerProcess) -> std::io::Result<Option<Gauge>> {
        let limits = self.settings.memory;
        limits.enforce(process.pid(), self.settings.lanes)?;
        limits.any().then(|| Gauge::new(process.pid())).transpose()
    }

    fn payload_areas(&self) -> Result<(PayloadArea, PayloadArea), StartFailureKind> {
        let mut inbound = PayloadArea::create("pool-inbound").map_err(StartFailureKind::Memory)?;
        let outbound = PayloadArea::create("pool-outbound").map_err(StartFailureKind::Memory)?;
        if !self.settings.argument.is_empty() {
            inbound
                .put(&self.settings.argument, &[])
                .map_err(StartFailureKind::Memory)?;
        }
        Ok((inbound, outbound))
    }

    fn start_request(&self, capture: Option<Secret>) -> Result<([u8; 16], Vec<u8>), StartFailureKind> {
        let token = random()?;
        let start_request = handshake::encode(&StartRequest {
            package: PACKAGE_VERSION.to_owned(),
            job: self.settings.job.to_owned(),
            token,
            worker: self.slot.number(),
            lanes: self.settings.lanes,
            message_limit: self.settings.message_limit,
            argument_bytes: self.settings.argument.len() as u64,
            log_level: self.log_level,
            capture,
        });
        let start_request = start_request.map_err(|error| StartFailureKind::Unusable(error.to_string()))?;
        Ok((token, start_request))
    }

    /// Receives the answer. Log records that come before it are forwarded.
    fn receive_answer(
        &self,
        process: &WorkerProcess,
        deadline: Option<Instant>,
    ) -> Result<Received, ControlError> {
        loop {
            let received = control::receive(process.control(), deadline)?;
            match Record::decode(&received.bytes) {
                None => return Ok(received),
                Some(record) if self.log_level > 0 => {
                    if let Ok(record) = record {
                        log::emit(&record, self.slot.number(), process.pid(), None);
                    }
                }
                Some(_) => {}
            }
        }
    }

    fn shake_hands(
        &self,
        process: &WorkerProcess,
        start_request: &[u8],
        descriptors: &[std::os::fd::BorrowedFd<'_>],
    ) -> Result<(), StartFailureKind> {
        // Without a limit if that is further than the clock reaches.
        let deadline = Instant::now().checked_add(self.settings.start_deadline);
        let answer = control::send(process.control(), start_request, descriptors)
            .and_then(|()| self.receive_answer(process, deadline));
        let answer = answer.map_err(|error| match error {
            ControlError::TimedOut => StartFailureKind::Silent(self.settings.start_deadline),
            ControlError::Closed => StartFailureKind::HungUp,
            other => StartFailureKind::Control(other),
        })?;
        match handshake::decode::<Answer>(&answer).map_err(StartFailureKind::Handshake)? {
            Answer::Ready { .. } => Ok(()),
            Answer::WrongJob { serves } => Err(StartFailureKind::WrongJob {
                expected: self.settings.job.to_owned(),
                serves,
            }),
            Answer::InitialiserFailed { message } => Err(StartFailureKind::Initialiser(message)),
            Answer::Unusable { message } => Err(StartFailureKind::Unusable(message)),
        }
    }
}

fn random() -> Result<[u8; 16], StartFailureKind> {
    let mut bytes = [0; 16];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())
        .map_err(|errno| StartFailureKind::Spawn(errno.into()))?;
    Ok(bytes)
}

/// Ends the process, and describes the failure completely.
fn failure(
    program: &Program,
    worker: u32,
    process: Option<&WorkerProcess>,
    kind: StartFailureKind,
) -> StartFailure {
    let (pid, kind, output) = match process {
        None => (None, kind, String::new()),
        Some(process) => {
            let exit = end(process, &kind);
            let kind = match (kind, exit) {
                // It hung up because it ended: its exit says more.
                (StartFailureKind::HungUp, Some(exit)) => StartFailureKind::Ended(exit),
                (kind, _) => kind,
            };
            (Some(process.pid()), kind, process.last_output())
        }
    };
    StartFailure {
        worker,
        program: program.shown(),
        pid,
        kind,
        output,
    }
}

/// Ends a process that failed to start. If it hung up, it gets a moment to end by itself, so that its own exit is
/// reported and not our kill.
fn end(process: &WorkerProcess, kind: &StartFailureKind) -> Option<Exit> {
    let timeout = match kind {
        StartFailureKind::HungUp => Duration::from_millis(500),
        StartFailureKind::WrongJob { .. }
        | StartFailureKind::Initialiser(_)
        | StartFailureKind::Unusable(_) => Duration::from_millis(100),
        _ => Duration::ZERO,
    };
    let own_end = process.wait_ended(timeout);
    if own_end.is_none() {
        process.kill(EndReason::Unresponsive(timeout));
        process.wait_ended(REAP_TIMEOUT);
    }
    own_end
}
