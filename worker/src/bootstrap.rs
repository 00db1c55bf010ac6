//! The start request of a worker, and the descriptors that come with it.
//!
//! [`protocol::child`] finds out beforehand that the process is a worker, and where its control socket is.

use std::{
    os::fd::{AsFd, OwnedFd},
    sync::Arc,
};

use protocol::{
    board::{Board, MAX_LANES},
    message::{
        capture::Secret,
        control,
        handshake::{self, StartRequest, StartupDescriptors},
        link::{self, WorkerLink},
    },
    payload::{area::PayloadArea, layout::Contents, mapped::InboundArea},
};

use crate::error::WorkerError;

/// What a worker serves with: the contents of its start request, opened.
#[derive(Debug)]
pub(crate) struct Startup {
    pub(crate) worker: u32,
    pub(crate) lanes: usize,
    pub(crate) message_limit: u64,
    pub(crate) argument: Arc<[u8]>,
    pub(crate) board: Board,
    pub(crate) inbound: InboundArea,
    pub(crate) outbound: PayloadArea,
    pub(crate) link: WorkerLink,
    pub(crate) shared_heap: OwnedFd,
}

/// A start request that matches this worker and is not answered yet.
#[derive(Debug)]
pub(crate) struct PendingStart {
    request: StartRequest,
    descriptors: StartupDescriptors,
}

impl PendingStart {
    /// Waits for the start request and checks that it is for a worker that serves these jobs.
    pub(crate) fn receive(control: &OwnedFd, serves: &'static str) -> Result<Self, WorkerError> {
        let received = control::receive(control, None)?;
        let request: StartRequest = handshake::decode(&received)?;
        if request.job != serves {
            return Err(WorkerError::WrongJob {
                asked: request.job,
                serves,
            });
        }
        if !(1..=MAX_LANES).contains(&usize::from(request.lanes)) {
            return Err(WorkerError::Unusable(format!(
                "{} lanes requested, the maximum is {MAX_LANES}",
                request.lanes
            )));
        }
        let descriptors = StartupDescriptors::open(received.descriptors)?;
        Ok(Self { request, descriptors })
    }

    /// The most verbose log level that the parent asks for.
    pub(crate) fn log_level(&self) -> u8 {
        self.request.log_level
    }

    /// The secret that delimiters begin with, if the parent captures the output of jobs.
    pub(crate) fn capture(&self) -> Option<Secret> {
        self.request.capture
    }

    /// Takes the argument out of the payload area and connects the link.
    pub(crate) fn accept(self) -> Result<Startup, WorkerError> {
        let Self { request, descriptors } = self;
        let mut inbound = descriptors.inbound;
        let argument = argument(&mut inbound, &request)?;
        Ok(Startup {
            worker: request.worker,
            lanes: request.lanes.into(),
            message_limit: request.message_limit,
            argument,
            board: descriptors.board,
            inbound,
            outbound: descriptors.outbound,
            shared_heap: descriptors.shared_heap,
            link: link::connect(descriptors.listener.as_fd(), request.token)?,
        })
    }
}

/// Copies the initialiser's argument out of the payload area and frees the area for the first job.
fn argument(inbound: &mut InboundArea, request: &StartRequest) -> Result<Arc<[u8]>, WorkerError> {
    let contents = Contents {
        encoding: request.argument_bytes,
        attached: 0,
    };
    let delivery = inbound.receive(contents, request.message_limit)?;
    let argument = delivery.job().encoding().into();
    delivery.give_back();
    Ok(argument)
}
