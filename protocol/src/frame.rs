//! The flat form in which jobs travel to a worker.
//!
//! A frame is a header of 16 bytes and then each job as a length of four bytes and its encoded bytes. It is
//! decoded by borrowing: nothing is allocated, and every length is checked against the bytes that are there. A job
//! too large for a frame travels in the inbound parcel area ([`crate::parcel`]); its frame carries only the length.
//!
//! The frame knows nothing of what the jobs mean, nor of how it is sent.

/// The most bytes of jobs (lengths included) that one frame carries.
///
/// Two frames may be on their way to a worker, and they must take less than half of a socket's send buffer
/// (212,992 bytes by default), so that no send can block.
pub const MAX_FRAME_BYTES: usize = 48 * 1024;

/// Jobs of this many encoded bytes or more travel through shared memory instead of a frame.
pub const PARCEL_BYTES: usize = 32 * 1024;

/// How many frames a parent may have sent that the worker has not received.
pub const MAX_FRAMES_UNDERWAY: u64 = 2;

const HEADER_BYTES: usize = 16;
const LENGTH_BYTES: usize = 4;
const FLAG_PARCEL: u16 = 1;

/// What can be wrong with a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// It ends before its header does.
    #[error("a frame of {0} bytes is shorter than its header")]
    NoHeader(usize),
    /// A job's length points past the frame's end.
    #[error("job {index} of a frame claims {claimed} bytes where {left} are left")]
    Overrun {
        /// Which job of the frame.
        index: u32,
        /// The length that the frame gives.
        claimed: u64,
        /// The bytes that are there.
        left: usize,
    },
    /// Bytes follow the last job.
    #[error("{0} bytes follow a frame's last job")]
    Trailing(usize),
    /// A flag that this version does not know.
    #[error("a frame has unknown flags {0:#06x}")]
    UnknownFlags(u16),
    /// A parcel frame carries exactly one job.
    #[error("a parcel frame announces {0} jobs")]
    ParcelCount(u32),
}

/// Appends one job's encoded bytes, with their length, to the body of a frame.
///
/// # Panics
/// When the job is larger than [`PARCEL_BYTES`]; such a job does not travel in a frame.
pub fn append_job(body: &mut Vec<u8>, job: &[u8]) {
    assert!(
        job.len() <= PARCEL_BYTES,
        "a job of {} bytes must travel as a parcel",
        job.len()
    );
    body.extend_from_slice(&(job.len() as u32).to_le_bytes());
    body.extend_from_slice(job);
}

/// How many bytes a job of `length` encoded bytes takes in a frame.
pub const fn framed_bytes(length: usize) -> usize {
    LENGTH_BYTES + length
}

/// How many bytes the first job of a body takes, its length included.
///
/// # Panics
/// When the body was not made by [`append_job`].
pub fn framed_length(body: &[u8]) -> usize {
    let (length, _) = body
        .split_first_chunk::<LENGTH_BYTES>()
        .expect("a body made by append_job");
    framed_bytes(u32::from_le_bytes(*length) as usize)
}

/// Writes the header of a frame of jobs into `frame`, which is empty or holds room for one at its start.
pub fn begin(frame: &mut Vec<u8>) {
    frame.clear();
    frame.resize(HEADER_BYTES, 0);
}

/// Completes a frame that [`begin`] began and to which jobs were appended.
///
/// # Panics
/// When [`begin`] was not called.
pub fn finish(frame: &mut [u8], epoch: u16, first: u64, count: u32) {
    write_header(frame, epoch, 0, first, count);
}

/// A whole frame that announces one job of `length` bytes in the inbound parcel area.
pub fn parcel(epoch: u16, position: u64, length: u64) -> Vec<u8> {
    let mut frame = vec![0; HEADER_BYTES];
    write_header(&mut frame, epoch, FLAG_PARCEL, position, 1);
    frame.extend_from_slice(&length.to_le_bytes());
    frame
}

fn write_header(frame: &mut [u8], epoch: u16, flags: u16, first: u64, count: u32) {
    frame[0..2].copy_from_slice(&epoch.to_le_bytes());
    frame[2..4].copy_from_slice(&flags.to_le_bytes());
    frame[4..8].copy_from_slice(&count.to_le_bytes());
    frame[8..16].copy_from_slice(&first.to_le_bytes());
}

/// A received frame, borrowed.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// The epoch in which its jobs may be claimed.
    pub epoch: u16,
    /// The position of its first job.
    pub first: u64,
    /// How many jobs it has.
    pub count: u32,
    body: Body<'a>,
}

#[derive(Debug, Clone, Copy)]
enum Body<'a> {
    Jobs(&'a [u8]),
    Parcel(u64),
}

impl<'a> Frame<'a> {
    /// Reads a frame's header and checks it.
    ///
    /// # Errors
    /// When the bytes are no frame. The lengths of the jobs are checked as they are read.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, FrameError> {
        let (header, body) = bytes
            .split_first_chunk::<HEADER_BYTES>()
            .ok_or(FrameError::NoHeader(bytes.len()))?;
        let [e0, e1, f0, f1, c0, c1, c2, c3, first @ ..] = *header;
        let flags = u16::from_le_bytes([f0, f1]);
        let count = u32::from_le_bytes([c0, c1, c2, c3]);
        let body = match flags {
            0 => Body::Jobs(body),
            FLAG_PARCEL if count != 1 => return Err(FrameError::ParcelCount(count)),
            FLAG_PARCEL => Body::Parcel(parcel_length(body)?),
            other => return Err(FrameError::UnknownFlags(other)),
        };
        Ok(Self {
            epoch: u16::from_le_bytes([e0, e1]),
            first: u64::from_le_bytes(first),
            count,
            body,
        })
    }

    /// The length of the one job that lies in the inbound parcel area, when this is such a frame.
    pub fn parcel_length(&self) -> Option<u64> {
        match self.body {
            Body::Parcel(length) => Some(length),
            Body::Jobs(_) => None,
        }
    }

    /// The encoded jobs, in order; none for a parcel frame. After an error there are no more.
    pub fn jobs(&self) -> Jobs<'a> {
        match self.body {
            Body::Jobs(rest) => Jobs {
                rest,
                index: 0,
                count: self.count,
            },
            Body::Parcel(_) => Jobs {
                rest: &[],
                index: 0,
                count: 0,
            },
        }
    }
}

fn parcel_length(body: &[u8]) -> Result<u64, FrameError> {
    match body.split_first_chunk::<8>() {
        Some((length, [])) => Ok(u64::from_le_bytes(*length)),
        Some((_, rest)) => Err(FrameError::Trailing(rest.len())),
        None => Err(FrameError::Overrun {
            index: 0,
            claimed: 8,
            left: body.len(),
        }),
    }
}

/// The encoded jobs of a frame.
#[derive(Debug, Clone)]
pub struct Jobs<'a> {
    rest: &'a [u8],
    index: u32,
    count: u32,
}

impl<'a> Jobs<'a> {
    fn read(&mut self) -> Result<&'a [u8], FrameError> {
        let left = self.rest.len();
        let overrun = |claimed| FrameError::Overrun {
            index: self.index,
            claimed,
            left,
        };
        let (length, rest) = self
            .rest
            .split_first_chunk::<LENGTH_BYTES>()
            .ok_or(overrun(LENGTH_BYTES as u64))?;
        let length = u32::from_le_bytes(*length);
        let (job, rest) = rest
            .split_at_checked(length as usize)
            .ok_or(overrun(u64::from(length)))?;
        self.rest = rest;
        self.index += 1;
        Ok(job)
    }
}

impl<'a> Iterator for Jobs<'a> {
    type Item = Result<&'a [u8], FrameError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.index == self.count {
            let trailing = std::mem::take(&mut self.rest);
            return (!trailing.is_empty()).then_some(Err(FrameError::Trailing(trailing.len())));
        }
        let job = self.read();
        if job.is_err() {
            self.index = self.count;
            self.rest = &[];
        }
        Some(job)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame_of(jobs: &[&[u8]]) -> Vec<u8> {
        let mut frame = Vec::new();
        begin(&mut frame);
        for job in jobs {
            append_job(&mut frame, job);
        }
        finish(&mut frame, 3, 1 << 40, jobs.len() as u32);
        frame
    }

    #[test]
    fn jobs_come_out_as_they_went_in() {
        let jobs: [&[u8]; 4] = [b"1+2+3", b"", b"\0\xff", &vec![7; PARCEL_BYTES]];
        let bytes = frame_of(&jobs);
        let frame = Frame::parse(&bytes).unwrap();
        assert_eq!((frame.epoch, frame.first, frame.count), (3, 1 << 40, 4));
        assert_eq!(frame.jobs().collect::<Result<Vec<_>, _>>().unwrap(), jobs);
    }

    #[test]
    fn every_truncation_is_an_error_and_never_a_panic() {
        let bytes = frame_of(&[b"abc", b"de"]);
        for end in 0..bytes.len() {
            let read = Frame::parse(&bytes[..end]).map(|frame| frame.jobs().collect::<Result<Vec<_>, _>>());
            assert!(
                !matches!(read, Ok(Ok(_))),
                "{end} bytes of {} were taken for whole",
                bytes.len()
            );
        }
    }

    #[test]
    fn a_forged_length_is_an_error_that_names_the_job() {
        let mut bytes = frame_of(&[b"abc", b"de"]);
        bytes[HEADER_BYTES + 7] = 0xff;
        let frame = Frame::parse(&bytes).unwrap();
        let error = frame.jobs().find_map(Result::err).unwrap();
        assert!(matches!(error, FrameError::Overrun { index: 1, .. }), "{error}");
        assert_eq!(frame.jobs().count(), 2, "nothing comes after an error");
    }

    #[test]
    fn trailing_bytes_and_unknown_flags_are_errors() {
        let mut bytes = frame_of(&[b"abc"]);
        bytes.push(0);
        assert_eq!(
            Frame::parse(&bytes).unwrap().jobs().last(),
            Some(Err(FrameError::Trailing(1)))
        );
        bytes[2] = 0x80;
        assert_eq!(Frame::parse(&bytes).unwrap_err(), FrameError::UnknownFlags(0x80));
    }

    #[test]
    fn a_parcel_frame_tells_the_length() {
        let bytes = parcel(1, 9, 1 << 33);
        let frame = Frame::parse(&bytes).unwrap();
        assert_eq!(
            (frame.parcel_length(), frame.first, frame.count),
            (Some(1 << 33), 9, 1)
        );
        assert_eq!(frame.jobs().count(), 0);
        assert!(Frame::parse(&bytes[..bytes.len() - 1]).is_err());
    }
}
