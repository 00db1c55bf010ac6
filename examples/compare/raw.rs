//! The bare minimum for small jobs: two processes, SEQPACKET sockets, frames of 1024 jobs, no supervision.
//!
//! Jobs are encoded and decoded as in the pool; everything that makes it a pool is missing.

use std::{
    io::{self, ErrorKind},
    os::fd::{AsFd, OwnedFd},
    process::Child,
};

use pool::{Job, failure::CodecError};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socketpair};

use crate::{child, jobs::Small};

/// Jobs in a frame.
const FRAME_JOBS: usize = 1024;

/// Frames that a worker may have.
const CREDIT: usize = 2;

const MAX_FRAME_BYTES: usize = 64 * 1024;

/// Two workers.
pub(crate) struct RawPool {
    workers: Vec<(OwnedFd, Child)>,
}

impl RawPool {
    pub(crate) fn start() -> io::Result<Self> {
        let workers = (0..2).map(|_| start_worker()).collect::<io::Result<_>>()?;
        Ok(Self { workers })
    }

    /// Sends the jobs and hands on their outputs, in order.
    pub(crate) fn map(
        &self,
        jobs: impl Iterator<Item = Small>,
        mut take: impl FnMut(Small),
    ) -> Result<(), Box<dyn std::error::Error>> {
        let mut jobs = jobs.peekable();
        let (mut sent, mut received) = (0, 0);
        let (mut frame, mut reply) = (Vec::new(), vec![0; MAX_FRAME_BYTES]);
        loop {
            while sent - received < CREDIT * self.workers.len() && jobs.peek().is_some() {
                frame.clear();
                for job in jobs.by_ref().take(FRAME_JOBS) {
                    append(&mut frame, |buffer| job.encode(buffer))?;
                }
                send(self.worker(sent), &frame, SendFlags::empty())?;
                sent += 1;
            }
            if received == sent {
                return Ok(());
            }
            let (_, bytes) = recv(self.worker(received), &mut reply, RecvFlags::empty())?;
            received += 1;
            for output in split(&reply[..bytes]) {
                take(Small::decode_output(output)?);
            }
        }
    }

    /// Frames go to the workers in turn, and so their replies come in turn.
    fn worker(&self, frame: usize) -> &OwnedFd {
        &self.workers[frame % self.workers.len()].0
    }
}

impl Drop for RawPool {
    fn drop(&mut self) {
        for (socket, mut child) in self.workers.drain(..) {
            drop(socket);
            // It ends by itself; its exit status does not matter.
            drop(child.wait());
        }
    }
}

fn start_worker() -> io::Result<(OwnedFd, Child)> {
    let kind = (AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC);
    let (ours, theirs) = socketpair(kind.0, kind.1, kind.2, None)?;
    let child = child::command("raw")?.stdin(theirs).spawn()?;
    Ok((ours, child))
}

/// The worker.
pub(crate) fn serve() -> io::Result<()> {
    let socket = io::stdin();
    let (mut frame, mut reply) = (vec![0; MAX_FRAME_BYTES], Vec::new());
    loop {
        let (_, bytes) = recv(socket.as_fd(), &mut frame, RecvFlags::empty())?;
        if bytes == 0 {
            return Ok(());
        }
        reply.clear();
        for job in split(&frame[..bytes]) {
            let output = Small::decode(job).map_err(invalid)?;
            append(&mut reply, |buffer| Small::encode_output(&output, buffer)).map_err(invalid)?;
        }
        send(socket.as_fd(), &reply, SendFlags::empty())?;
    }
}

fn invalid(error: CodecError) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, error)
}

/// Appends bytes behind their length.
fn append(
    frame: &mut Vec<u8>,
    encode: impl FnOnce(&mut Vec<u8>) -> Result<(), CodecError>,
) -> Result<(), CodecError> {
    let start = frame.len();
    frame.extend_from_slice(&[0; 2]);
    encode(frame)?;
    let length = frame.len() - start - 2;
    frame[start..start + 2].copy_from_slice(&(length as u16).to_le_bytes());
    Ok(())
}

fn split(mut frame: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, rest) = frame.split_first_chunk::<2>()?;
        let (bytes, rest) = rest.split_at_checked(u16::from_le_bytes(*length).into())?;
        frame = rest;
        Some(bytes)
    })
}
