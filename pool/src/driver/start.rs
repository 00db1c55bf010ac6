//! Starting one worker: from nothing to the handshake, with a deadline.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use protocol::{
    PACKAGE_VERSION,
    board::Board,
    capture::Secret,
    control::{self, ControlError, Received},
    handshake::{self, Answer, Gifts, Invitation},
    link::{self, Rendezvous},
    log::Record,
    parcel::Parcel,
};
use sync::heap;

use super::{Settings, life::Life, log, memory::Gauge, process::Process, seat::Seat, watch::Watch};
use crate::{
    failure::{EndReason, Exit, StartFailure, StartFailureKind},
    program::Program,
};

/// How long a process that was killed may take to be reaped before its status is given up.
const REAPING: Duration = Duration::from_secs(2);

/// Starts a worker in `seat` and waits until it takes jobs.
pub(crate) fn start(
    settings: &Settings,
    watch: &Watch,
    seat: &Seat,
    life: u64,
) -> Result<Life, StartFailure> {
    let started = Starting {
        log_level: log::wanted_level(),
        settings,
        watch,
        seat,
    }
    .run(life);
    started.map_err(|(process, kind)| failure(&settings.program, seat.number(), process.as_deref(), kind))
}

type Failed = (Option<Arc<Process>>, StartFailureKind);

struct Starting<'a> {
    log_level: u8,
    settings: &'a Settings,
    watch: &'a Watch,
    seat: &'a Seat,
}

/// What a process has before it is its program.
struct Spawned {
    process: Arc<Process>,
    rendezvous: Rendezvous,
    secret: Option<Secret>,
}

impl Starting<'_> {
    fn run(&self, life: u64) -> Result<Life, Failed> {
        let spawned = self.spawn().map_err(|kind| (None, kind))?;
        let process = Arc::clone(&spawned.process);
        self.watch.add(Arc::clone(&process));
        self.seat.set_starting(life, &process);
        self.furnish(life, spawned).map_err(|kind| (Some(process), kind))
    }

    fn spawn(&self) -> Result<Spawned, StartFailureKind> {
        let _taking = link::taking_descriptors();
        // Its socket has a name for an instant, which a kill of this process would leave behind: it comes first, so that
        // there is no such instant once a worker can be seen.
        let rendezvous = Rendezvous::new().map_err(StartFailureKind::Link)?;
        let controls = control::pair().map_err(StartFailureKind::Control)?;
        let secret = self.settings.capture.map(|_| random()).transpose()?;
        let capture = secret.zip(self.settings.capture);
        let spawned = self.seat.spawning(|| {
            self.watch.keep_time();
            Process::spawn(
                &self.settings.program,
                self.settings.job,
                self.seat.number(),
                controls,
                capture,
            )
        });
        Ok(Spawned {
            process: Arc::new(spawned.map_err(StartFailureKind::Spawn)?),
            rendezvous,
            secret,
        })
    }

    /// Gives it what it needs to take jobs. It takes a while to become its program: all of that is made meanwhile.
    fn furnish(&self, life: u64, spawned: Spawned) -> Result<Life, StartFailureKind> {
        let Spawned {
            process,
            rendezvous,
            secret,
        } = spawned;
        let taking = link::taking_descriptors();
        let board = Board::create().map_err(StartFailureKind::Memory)?;
        let (mut inbound, outbound) = self.parcels()?;
        let family = heap::descriptor().map_err(StartFailureKind::SharedHeap)?;
        let gauge = self
            .limit_memory(&process)
            .map_err(StartFailureKind::MemoryLimit)?;
        drop(taking);
        let (token, invitation) = self.invitation(secret)?;
        let gifts = Gifts::descriptors(rendezvous.socket(), &board, &inbound, &outbound, family);
        self.introduce(&process, &invitation, &gifts)?;
        let link = rendezvous.accept(token).map_err(StartFailureKind::Link)?;
        // The argument has been taken.
        inbound.trim();
        let limits = (usize::from(self.settings.lanes), self.settings.message_limit);
        Ok(Life::new(
            life,
            process,
            board,
            (inbound, outbound),
            link,
            limits,
            gauge,
        ))
    }

    /// Has the system keep the process to its memory limit, and gives the gauge to watch it by.
    fn limit_memory(&self, process: &Process) -> std::io::Result<Option<Gauge>> {
        let limits = self.settings.memory;
        limits.enforce(process.pid(), self.settings.lanes)?;
        limits.any().then(|| Gauge::new(process.pid())).transpose()
    }

    fn parcels(&self) -> Result<(Parcel, Parcel), StartFailureKind> {
        let mut inbound = Parcel::create("pool-inbound").map_err(StartFailureKind::Memory)?;
        let outbound = Parcel::create("pool-outbound").map_err(StartFailureKind::Memory)?;
        if !self.settings.argument.is_empty() {
            inbound
                .put(&self.settings.argument, &[])
                .map_err(StartFailureKind::Memory)?;
        }
        Ok((inbound, outbound))
    }

    fn invitation(&self, capture: Option<Secret>) -> Result<([u8; 16], Vec<u8>), StartFailureKind> {
        let token = random()?;
        let invitation = handshake::encode(&Invitation {
            package: PACKAGE_VERSION.to_owned(),
            job: self.settings.job.to_owned(),
            token,
            worker: self.seat.number(),
            lanes: self.settings.lanes,
            message_limit: self.settings.message_limit,
            argument_bytes: self.settings.argument.len() as u64,
            log_level: self.log_level,
            capture,
        });
        let invitation = invitation.map_err(|error| StartFailureKind::Unusable(error.to_string()))?;
        Ok((token, invitation))
    }

    /// Receives the answer; what the worker logs before it is told.
    fn receive_answer(&self, process: &Process, deadline: Instant) -> Result<Received, ControlError> {
        loop {
            let received = control::receive(process.control(), Some(deadline))?;
            match Record::decode(&received.bytes) {
                None => return Ok(received),
                Some(record) if self.log_level > 0 => {
                    if let Ok(record) = record {
                        log::tell(&record, self.seat.number(), process.pid(), None);
                    }
                }
                Some(_) => {}
            }
        }
    }

    fn introduce(
        &self,
        process: &Process,
        invitation: &[u8],
        gifts: &[std::os::fd::BorrowedFd<'_>],
    ) -> Result<(), StartFailureKind> {
        let deadline = Instant::now() + self.settings.start_deadline;
        let answer = control::send(process.control(), invitation, gifts)
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

/// Ends what was started, and makes a whole account of what went wrong.
fn failure(
    program: &Program,
    worker: u32,
    process: Option<&Process>,
    kind: StartFailureKind,
) -> StartFailure {
    let (pid, kind, output) = match process {
        None => (None, kind, String::new()),
        Some(process) => {
            let exit = end(process, &kind);
            let kind = match (kind, exit) {
                // It hung up because it ended: the exit is the better account.
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

/// Ends a process that failed to start. One that hung up is given a moment to end by itself, so that its own exit is
/// told and not our kill.
fn end(process: &Process, kind: &StartFailureKind) -> Option<Exit> {
    let patience = match kind {
        StartFailureKind::HungUp => Duration::from_millis(500),
        StartFailureKind::WrongJob { .. }
        | StartFailureKind::Initialiser(_)
        | StartFailureKind::Unusable(_) => Duration::from_millis(100),
        _ => Duration::ZERO,
    };
    let own_end = process.wait_ended(patience);
    if own_end.is_none() {
        process.kill(EndReason::Unresponsive(patience));
        process.wait_ended(REAPING);
    }
    own_end
}
