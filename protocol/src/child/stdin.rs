//! Standard input, which is a child's control socket when it starts.
//!
//! Owns standard input until it is replaced: the child's own code and its children read `/dev/null` from it. What travels
//! over the socket is not known here.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
};

use rustix::{
    fs::{Mode, OFlags},
    io::Errno,
    net::SocketType,
};

/// Why a child has no control socket.
#[derive(Debug, thiserror::Error)]
pub enum ControlMissing {
    /// Standard input is something else: the process was not started by this library.
    #[error("standard input is not a control socket")]
    StartedByHand,
    /// The system refused.
    #[error("{step}: {source}")]
    System {
        /// What was tried.
        step: &'static str,
        /// Why it failed.
        source: io::Error,
    },
}

/// Takes the control socket from standard input and puts `/dev/null` there.
///
/// # Errors
/// If standard input is not a control socket, or the system refuses a descriptor.
pub fn take_control() -> Result<OwnedFd, ControlMissing> {
    let stdin = io::stdin();
    if rustix::net::sockopt::socket_type(stdin.as_fd()) != Ok(SocketType::SEQPACKET) {
        return Err(ControlMissing::StartedByHand);
    }
    let control = rustix::io::fcntl_dupfd_cloexec(stdin.as_fd(), 3)
        .map_err(failed("duplicating the control socket"))?;
    rustix::fs::open("/dev/null", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
        .and_then(rustix::stdio::dup2_stdin)
        .map_err(failed("putting /dev/null on standard input"))?;
    Ok(control)
}

fn failed(step: &'static str) -> impl FnOnce(Errno) -> ControlMissing {
    move |errno| ControlMissing::System {
        step,
        source: errno.into(),
    }
}
