//! The control socket: one pair of sockets for each child, created before it starts.
//!
//! The child's end is its standard input. Over it the parent sends the descriptors that the link and the shared
//! memory need, so that neither a path nor a secret is in an argument or the environment, and the two processes
//! exchange the handshake ([`super::handshake`]). Afterwards the socket stays open as the lifeline: when the parent ends, however
//! it ends, the child reads the end of the stream.
//!
//! Owns sending and receiving messages of bytes with descriptors, which keep their boundaries (`SOCK_SEQPACKET`). What the
//! messages say is not known here.

use std::{
    io::{IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    net::{
        AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
        SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
    },
};

/// The most bytes of one control message.
pub const MAX_CONTROL_BYTES: usize = 64 * 1024;

const MAX_DESCRIPTORS: usize = 8;

/// An error of a control socket.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// The other process has closed its end, or ended.
    #[error("the other process closed the control socket")]
    Closed,
    /// No message came before the deadline.
    #[error("no message came before the deadline")]
    TimedOut,
    /// A message was cut, or was longer than allowed.
    #[error("a control message was cut")]
    Truncated,
    /// The system refused.
    #[error("control socket: {0}")]
    System(#[source] std::io::Error),
}

impl From<Errno> for ControlError {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::PIPE | Errno::CONNRESET | Errno::NOTCONN => Self::Closed,
            other => Self::System(other.into()),
        }
    }
}

/// One message, with the descriptors that came with it.
#[derive(Debug)]
pub struct Received {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The descriptors, in the order in which they were sent.
    pub descriptors: Vec<OwnedFd>,
}

/// Creates a pair of connected control sockets, closed on exec.
///
/// # Errors
/// If the system has no descriptors left.
pub fn pair() -> Result<(OwnedFd, OwnedFd), ControlError> {
    Ok(socketpair(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::CLOEXEC,
        None,
    )?)
}

/// Sends one message with descriptors. It never blocks, except that a worker's reply waits for its parent to read
/// what the worker has logged before.
///
/// # Errors
/// If the other side has closed its end, or the message is over [`MAX_CONTROL_BYTES`].
pub fn send(socket: impl AsFd, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) -> Result<(), ControlError> {
    if bytes.len() > MAX_CONTROL_BYTES || descriptors.len() > MAX_DESCRIPTORS {
        return Err(ControlError::Truncated);
    }
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(ControlError::Truncated);
    }
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    loop {
        match sendmsg(&socket, &[IoSlice::new(bytes)], &mut ancillary, flags) {
            Err(Errno::INTR) => {}
            // Only log messages can have filled it, and the parent reads them.
            Err(Errno::AGAIN) => wait_writable(&socket)?,
            sent => return Ok(sent.map(drop)?),
        }
    }
}

/// Sends one message if there is room for it. Returns whether it was sent.
///
/// # Errors
/// If the other side has closed its end.
pub fn send_if_room(socket: impl AsFd, bytes: &[u8]) -> Result<bool, ControlError> {
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    match rustix::io::retry_on_intr(|| rustix::net::send(&socket, bytes, flags)) {
        Ok(_) => Ok(true),
        Err(Errno::AGAIN | Errno::NOBUFS) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}

/// Receives one message if there is one; descriptors that came with it are closed.
///
/// # Errors
/// If the other side has closed its end.
pub fn try_receive(socket: impl AsFd, buffer: &mut [u8]) -> Result<Option<&[u8]>, ControlError> {
    let received =
        rustix::io::retry_on_intr(|| rustix::net::recv(&socket, &mut *buffer, RecvFlags::DONTWAIT));
    match received {
        Ok((0, _)) => Err(ControlError::Closed),
        Ok((length, _)) => Ok(Some(&buffer[..length])),
        Err(Errno::AGAIN) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

/// As [`send`], and tries again until `deadline` (`None`: without a limit) while the system allows no more descriptors under way between all
/// processes of this user: the others are about to receive theirs.
///
/// # Errors
/// As [`send`].
pub fn send_until(
    socket: impl AsFd,
    bytes: &[u8],
    descriptors: &[BorrowedFd<'_>],
    deadline: Option<Instant>,
) -> Result<(), ControlError> {
    const STEP: Duration = Duration::from_millis(1);
    loop {
        match send(&socket, bytes, descriptors) {
            Err(ControlError::System(error))
                if error.raw_os_error() == Some(Errno::TOOMANYREFS.raw_os_error())
                    && deadline.is_none_or(|deadline| Instant::now() < deadline) =>
            {
                #[expect(
                    clippy::disallowed_methods,
                    reason = "the system does not say when descriptors in flight are received"
                )]
                std::thread::sleep(STEP);
            }
            sent => return sent,
        }
    }
}

/// Receives one message, waiting until `deadline` (`None`: without a limit).
///
/// # Errors
/// If the other side has closed its end, no message comes in time, or the message is too long.
pub fn receive(socket: impl AsFd, deadline: Option<Instant>) -> Result<Received, ControlError> {
    wait_readable(&socket, deadline)?;
    let mut bytes = vec![0; MAX_CONTROL_BYTES];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let received = rustix::io::retry_on_intr(|| {
        recvmsg(
            &socket,
            &mut [IoSliceMut::new(&mut bytes)],
            &mut ancillary,
            RecvFlags::CMSG_CLOEXEC,
        )
    })?;
    let descriptors: Vec<OwnedFd> = ancillary
        .drain()
        .filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
            _ => None,
        })
        .flatten()
        .collect();
    if received.bytes == 0 {
        return Err(ControlError::Closed);
    }
    if received
        .flags
        .intersects(rustix::net::ReturnFlags::TRUNC | rustix::net::ReturnFlags::CTRUNC)
    {
        return Err(ControlError::Truncated);
    }
    bytes.truncate(received.bytes);
    Ok(Received { bytes, descriptors })
}

/// Parent to worker, after the handshake: the link is about to be closed, and the worker may end by itself.
///
/// A link that closes without this message was closed because the parent ended. The worker then waits for its watchdog, which
/// ends it together with the processes that its jobs have started.
pub const LEAVE: &[u8] = b"leave";

/// Blocks until the other side has closed the socket. Calls `may_leave` for each [`LEAVE`]; any other message is ignored.
pub fn wait_until_closed(socket: impl AsFd, mut may_leave: impl FnMut()) {
    loop {
        match receive(&socket, None) {
            Ok(received) if received.bytes == LEAVE => may_leave(),
            Ok(_) | Err(ControlError::Truncated) => {}
            Err(_) => return,
        }
    }
}

fn wait_readable(socket: &impl AsFd, deadline: Option<Instant>) -> Result<(), ControlError> {
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let timeout = left.map(timespec);
        let mut descriptors = [PollFd::new(socket, PollFlags::IN)];
        match poll(&mut descriptors, timeout.as_ref()) {
            Ok(0) if left == Some(Duration::ZERO) => return Err(ControlError::TimedOut),
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) => return Ok(()),
            Err(errno) => return Err(errno.into()),
        }
    }
}

fn wait_writable(socket: &impl AsFd) -> Result<(), ControlError> {
    let mut descriptors = [PollFd::new(socket, PollFlags::OUT)];
    match poll(&mut descriptors, None) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

fn timespec(duration: Duration) -> Timespec {
    Timespec::try_from(duration).unwrap_or(Timespec {
        tv_sec: i64::MAX,
        tv_nsec: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_arrive_with_their_message() {
        let (ours, theirs) = pair().unwrap();
        let file = tempfile::tempfile().unwrap();
        send(&ours, b"two of them", &[file.as_fd(), file.as_fd()]).unwrap();
        let received = receive(&theirs, None).unwrap();
        assert_eq!(received.bytes, b"two of them");
        assert_eq!(received.descriptors.len(), 2);
        let flags = rustix::io::fcntl_getfd(&received.descriptors[0]).unwrap();
        assert!(
            flags.contains(rustix::io::FdFlags::CLOEXEC),
            "a later child would inherit it"
        );
    }

    #[test]
    fn a_wait_ends_at_the_deadline_or_when_the_other_end_closes() {
        let (ours, theirs) = pair().unwrap();
        let soon = Instant::now() + Duration::from_millis(20);
        assert!(matches!(receive(&ours, Some(soon)), Err(ControlError::TimedOut)));
        assert!(Instant::now() >= soon);
        drop(theirs);
        assert!(matches!(receive(&ours, None), Err(ControlError::Closed)));
        assert!(matches!(send(&ours, b"x", &[]), Err(ControlError::Closed)));
    }

    #[test]
    fn a_leave_is_reported_and_a_closed_end_ends_the_wait() {
        let (ours, theirs) = pair().unwrap();
        send(&ours, b"something else", &[]).unwrap();
        send(&ours, LEAVE, &[]).unwrap();
        drop(ours);
        let mut leaves = 0;
        wait_until_closed(&theirs, || leaves += 1);
        assert_eq!(leaves, 1);
    }
}
