//! Standard input, where a child finds its control socket.
//!
//! Owns standard input until it is replaced: the child's own code and its children find `/dev/null` there.

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
    /// Standard input is something else: no parent of this library has started the process.
    #[error("standard input is no control socket")]
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

/// Takes the control socket away from standard input and puts `/dev/null` there.
///
/// # Errors
/// When standard input is no control socket, or the system refuses a descriptor.
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
