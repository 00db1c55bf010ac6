//! The invitation of a worker, and what came with it.
//!
//! That the process is a worker, and where its control socket is, [`protocol::child`] has found out before.

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

use crate::failure::Failure;

/// What a parent gave its worker.
#[derive(Debug)]
pub(crate) struct Equipment {
    pub(crate) worker: u32,
    pub(crate) lanes: usize,
    pub(crate) message_limit: u64,
    pub(crate) argument: Arc<[u8]>,
    pub(crate) board: Board,
    pub(crate) inbound: InboundArea,
    pub(crate) outbound: PayloadArea,
    pub(crate) link: WorkerLink,
    pub(crate) family: OwnedFd,
}

/// An invitation that fits this worker, not yet taken up.
#[derive(Debug)]
pub(crate) struct Invited {
    invitation: StartRequest,
    gifts: StartupDescriptors,
}

impl Invited {
    /// Waits for the invitation and checks that it is for a worker that serves these jobs.
    pub(crate) fn receive(control: &OwnedFd, serves: &'static str) -> Result<Self, Failure> {
        let received = control::receive(control, None)?;
        let invitation: StartRequest = handshake::decode(&received)?;
        if invitation.job != serves {
            return Err(Failure::WrongJob {
                asked: invitation.job,
                serves,
            });
        }
        if !(1..=MAX_LANES).contains(&usize::from(invitation.lanes)) {
            return Err(Failure::Unusable(format!(
                "{} lanes are asked for, {MAX_LANES} being the most",
                invitation.lanes
            )));
        }
        let gifts = StartupDescriptors::open(received.descriptors)?;
        Ok(Self { invitation, gifts })
    }

    /// Up to which level the parent wants to be told of the log.
    pub(crate) fn log_level(&self) -> u8 {
        self.invitation.log_level
    }

    /// What marks begin with, when the parent captures what jobs write.
    pub(crate) fn capture(&self) -> Option<Secret> {
        self.invitation.capture
    }

    /// Takes the argument out of its area and connects the link.
    pub(crate) fn accept(self) -> Result<Equipment, Failure> {
        let Self { invitation, gifts } = self;
        let mut inbound = gifts.inbound;
        let argument = argument(&mut inbound, &invitation)?;
        Ok(Equipment {
            worker: invitation.worker,
            lanes: invitation.lanes.into(),
            message_limit: invitation.message_limit,
            argument,
            board: gifts.board,
            inbound,
            outbound: gifts.outbound,
            family: gifts.shared_heap,
            link: link::connect(gifts.listener.as_fd(), invitation.token)?,
        })
    }
}

/// Takes the argument out of its area.
fn argument(inbound: &mut InboundArea, invitation: &StartRequest) -> Result<Arc<[u8]>, Failure> {
    let contents = Contents {
        encoding: invitation.argument_bytes,
        attached: 0,
    };
    let delivery = inbound.receive(contents, invitation.message_limit)?;
    let argument = delivery.job().encoding().into();
    delivery.give_back();
    Ok(argument)
}
