//! How a process learns that it is a worker: its first argument, its standard input, and the invitation.
//!
//! Owns standard input until it is replaced: jobs and their children find `/dev/null` there.

use std::{
    ffi::{OsStr, OsString},
    io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::ffi::{OsStrExt, OsStringExt},
    },
    sync::Arc,
};

use protocol::{
    WORKER_ARGUMENT,
    board::{Board, MAX_LANES},
    control,
    handshake::{self, Gifts, Invitation},
    link::{self, WorkerLink},
    parcel::Parcel,
};
use rustix::{
    fs::{Mode, OFlags},
    net::SocketType,
};

use crate::failure::Failure;

/// As what the process was started.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Started {
    /// As a worker for jobs of this name.
    WorkerFor(OsString),
    /// As anything else.
    ByHand,
}

/// As what this process was started, by its first argument.
pub(crate) fn started_as() -> Started {
    read_argument(std::env::args_os().nth(1).as_deref())
}

fn read_argument(argument: Option<&OsStr>) -> Started {
    let name = argument.and_then(|argument| argument.as_bytes().strip_prefix(WORKER_ARGUMENT.as_bytes()));
    match name {
        Some(name) => Started::WorkerFor(OsString::from_vec(name.to_vec())),
        None => Started::ByHand,
    }
}

/// Takes the control socket away from standard input and puts `/dev/null` there.
pub(crate) fn take_control(serves: &'static str) -> Result<OwnedFd, Failure> {
    let stdin = io::stdin();
    if rustix::net::sockopt::socket_type(stdin.as_fd()) != Ok(SocketType::SEQPACKET) {
        return Err(Failure::StartedByHand { serves });
    }
    let control = rustix::io::fcntl_dupfd_cloexec(stdin.as_fd(), 3)
        .map_err(Failure::system("duplicating the control socket"))?;
    rustix::fs::open("/dev/null", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
        .and_then(rustix::stdio::dup2_stdin)
        .map_err(Failure::system("putting /dev/null on standard input"))?;
    Ok(control)
}

/// What a parent gave its worker.
#[derive(Debug)]
pub(crate) struct Equipment {
    pub(crate) worker: u32,
    pub(crate) lanes: usize,
    pub(crate) message_limit: u64,
    pub(crate) argument: Arc<[u8]>,
    pub(crate) board: Board,
    pub(crate) inbound: Parcel,
    pub(crate) outbound: Parcel,
    pub(crate) link: WorkerLink,
}

/// An invitation that fits this worker, not yet taken up.
#[derive(Debug)]
pub(crate) struct Invited {
    invitation: Invitation,
    gifts: Gifts,
}

impl Invited {
    /// Waits for the invitation and checks that it is for a worker that serves these jobs.
    pub(crate) fn receive(control: &OwnedFd, serves: &'static str) -> Result<Self, Failure> {
        let received = control::receive(control, None)?;
        let invitation: Invitation = handshake::decode(&received)?;
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
        let gifts = Gifts::open(received.descriptors)?;
        Ok(Self { invitation, gifts })
    }

    /// Takes the argument out of its area and connects the link.
    pub(crate) fn accept(self) -> Result<Equipment, Failure> {
        let Self { invitation, gifts } = self;
        let mut inbound = gifts.inbound;
        let argument = inbound.take(invitation.argument_bytes, invitation.message_limit)?;
        Ok(Equipment {
            worker: invitation.worker,
            lanes: invitation.lanes.into(),
            message_limit: invitation.message_limit,
            argument: argument.into(),
            board: gifts.board,
            inbound,
            outbound: gifts.outbound,
            link: link::connect(gifts.rendezvous.as_fd(), invitation.token)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_argument_makes_a_worker() {
        let read = |argument: &str| read_argument(Some(OsStr::new(argument)));
        assert_eq!(read("--pool-worker=eval"), Started::WorkerFor("eval".into()));
        assert_eq!(read("--pool-worker="), Started::WorkerFor("".into()));
        assert_eq!(read("--pool-worker"), Started::ByHand);
        assert_eq!(read("eval"), Started::ByHand);
        assert_eq!(read_argument(None), Started::ByHand);
    }
}
