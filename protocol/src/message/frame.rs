//! Frames: the flat encoding in which jobs travel to a worker.
//!
//! A frame is a header of 16 bytes and then its jobs, in one of two forms: each as a length of two bytes and its encoded
//! bytes; or as *lines*, each job's encoded bytes followed by a delimiter, so that a text that is its own
//! encoding travels as it was read. A frame is decoded by borrowing: nothing is allocated, and every length is checked
//! against the bytes that are there. A job too large for a frame travels in the inbound area
//! ([`crate::payload::area`]); its frame carries only the lengths.
//!
//! Owns this encoding and its limits. It does not know what the jobs mean, nor how a frame is sent.

use crate::{
    board::inbox::ImpossibleState,
    payload::layout::{CONTENTS_BYTES, Contents, LARGE_BYTES},
};

/// The most bytes of jobs (lengths included) that one frame carries.
///
/// Two frames may be under way to a worker, and they must take less than half of a socket's send buffer
/// (212,992 bytes by default), so that no send can block.
pub const MAX_FRAME_BYTES: usize = 48 * 1024;

/// The most frames that a parent may have sent and the worker has not received.
pub const MAX_FRAMES_UNDERWAY: u64 = 2;

const HEADER_BYTES: usize = 16;
const LENGTH_BYTES: usize = 2;
const FLAG_LARGE: u8 = 1;
const FLAG_LINES: u8 = 2;
const FLAG_WITHDRAWN: u8 = 4;

/// The form of the jobs in a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// Each after its length, as [`append_job`] writes it.
    #[default]
    Counted,
    /// Each followed by this byte, which none of them contains.
    Lines(u8),
}

/// Why bytes are not a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The bytes end before the header does.
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
    /// There is a flag that this version does not know.
    #[error("a frame has unknown flags {0:#06x}")]
    UnknownFlags(u16),
    /// The inbox holds no frame.
    #[error(transparent)]
    Inbox(#[from] ImpossibleState),
    /// A frame for one large job announces another number of jobs.
    #[error("a frame for one large job announces {0} jobs")]
    LargeCount(u32),
}

/// Appends one job's encoded bytes, with their length, to the body of a frame.
///
/// # Panics
/// If the job is larger than [`LARGE_BYTES`]; such a job does not travel in a frame.
pub fn append_job(body: &mut Vec<u8>, job: &[u8]) {
    assert!(
        job.len() <= LARGE_BYTES,
        "a job of {} bytes must travel in the inbound area",
        job.len()
    );
    body.extend_from_slice(&(job.len() as u16).to_le_bytes());
    body.extend_from_slice(job);
}

/// Returns how many bytes a job of `length` encoded bytes takes in a frame.
pub const fn framed_bytes(length: usize) -> usize {
    LENGTH_BYTES + length
}

impl Form {
    /// Returns how many bytes the first `jobs` jobs of a body take, with their lengths or delimiters.
    ///
    /// # Panics
    /// If the body has fewer jobs.
    pub fn offset_of(self, body: &[u8], jobs: u32) -> usize {
        let few = "a body with that many jobs";
        match (self, jobs) {
            (_, 0) => 0,
            (Self::Counted, _) => {
                (0..jobs).fold(0, |offset, _| offset + first_length(&body[offset..]).expect(few))
            }
            (Self::Lines(delimiter), _) => end_of_line(delimiter, body, jobs).expect(few),
        }
    }

    /// Returns how many of the first jobs of a body take at most `bytes` bytes together, and how many bytes those are.
    pub fn fitting(self, body: &[u8], bytes: usize) -> (u32, usize) {
        match self {
            Self::Counted => {
                let (mut jobs, mut offset) = (0, 0);
                while let Some(length) =
                    first_length(&body[offset..]).filter(|length| offset + length <= bytes)
                {
                    offset += length;
                    jobs += 1;
                }
                (jobs, offset)
            }
            Self::Lines(delimiter) => {
                let body = &body[..body.len().min(bytes)];
                let end = memchr::memrchr(delimiter, body).map_or(0, |last| last + 1);
                (self.count_lines(&body[..end]), end)
            }
        }
    }

    fn count_lines(self, body: &[u8]) -> u32 {
        match self {
            Self::Counted => 0,
            Self::Lines(delimiter) => memchr::memchr_iter(delimiter, body).count() as u32,
        }
    }
}

/// Returns where the `lines`th line ends, with its delimiter. Lines are counted in strides, which is much faster than finding
/// them one by one.
fn end_of_line(delimiter: u8, text: &[u8], lines: u32) -> Option<usize> {
    const STRIDE_BYTES: usize = 512;
    let mut left = lines as usize;
    for (start, stride) in (0..).step_by(STRIDE_BYTES).zip(text.chunks(STRIDE_BYTES)) {
        let found = memchr::memchr_iter(delimiter, stride);
        let count = found.clone().count();
        if left <= count {
            return found.clone().nth(left.checked_sub(1)?).map(|end| start + end + 1);
        }
        left -= count;
    }
    None
}

/// Returns how many bytes the first job of a counted body takes, its length included; `None` at the end.
fn first_length(body: &[u8]) -> Option<usize> {
    let (length, _) = body.split_first_chunk::<LENGTH_BYTES>()?;
    Some(framed_bytes(u16::from_le_bytes(*length).into()))
}

/// Begins a frame of jobs: empties `frame` and leaves room for the header.
pub fn begin(frame: &mut Vec<u8>) {
    frame.clear();
    frame.resize(HEADER_BYTES, 0);
}

/// Completes a frame that [`begin`] began and to which jobs were appended.
///
/// # Panics
/// If [`begin`] was not called.
pub fn finish(frame: &mut [u8], form: Form, epoch: u16, first: u64, count: u32) {
    let kind = match form {
        Form::Counted => [0, 0],
        Form::Lines(delimiter) => [FLAG_LINES, delimiter],
    };
    write_header(frame, epoch, kind, first, count);
}

/// Creates a frame that announces one job in the inbound area.
pub fn large(epoch: u16, position: u64, contents: Contents) -> Vec<u8> {
    let mut frame = vec![0; HEADER_BYTES];
    write_header(&mut frame, epoch, [FLAG_LARGE, 0], position, 1);
    frame.extend_from_slice(&contents.to_bytes());
    frame
}

/// Creates a frame for a large job that could not be handed over, for this reason.
pub fn withdrawn(epoch: u16, position: u64, reason: &str) -> Vec<u8> {
    let mut frame = vec![0; HEADER_BYTES];
    write_header(&mut frame, epoch, [FLAG_WITHDRAWN, 0], position, 1);
    frame.extend_from_slice(reason.as_bytes());
    frame
}

fn write_header(frame: &mut [u8], epoch: u16, kind: [u8; 2], first: u64, count: u32) {
    frame[0..2].copy_from_slice(&epoch.to_le_bytes());
    frame[2..4].copy_from_slice(&kind);
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
    /// The number of its jobs.
    pub count: u32,
    body: Body<'a>,
}

#[derive(Debug, Clone, Copy)]
enum Body<'a> {
    Jobs(Form, &'a [u8]),
    Large(Large<'a>),
}

/// The one job of a frame that does not carry it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Large<'a> {
    /// It is in the inbound area.
    InArea(Contents),
    /// It could not be put there, for this reason.
    Withdrawn(&'a [u8]),
}

impl<'a> Frame<'a> {
    /// Reads a frame's header and checks it.
    ///
    /// # Errors
    /// If the bytes are not a frame. The lengths of the jobs are checked as they are read.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, FrameError> {
        let (header, body) = bytes
            .split_first_chunk::<HEADER_BYTES>()
            .ok_or(FrameError::NoHeader(bytes.len()))?;
        let [e0, e1, flags, delimiter, c0, c1, c2, c3, first @ ..] = *header;
        let count = u32::from_le_bytes([c0, c1, c2, c3]);
        let body = match (flags, delimiter) {
            (0, 0) => Body::Jobs(Form::Counted, body),
            (FLAG_LINES, delimiter) => Body::Jobs(Form::Lines(delimiter), body),
            (FLAG_LARGE | FLAG_WITHDRAWN, 0) if count != 1 => return Err(FrameError::LargeCount(count)),
            (FLAG_LARGE, 0) => Body::Large(Large::InArea(large_contents(body)?)),
            (FLAG_WITHDRAWN, 0) => Body::Large(Large::Withdrawn(body)),
            (flags, more) => return Err(FrameError::UnknownFlags(u16::from_le_bytes([flags, more]))),
        };
        Ok(Self {
            epoch: u16::from_le_bytes([e0, e1]),
            first: u64::from_le_bytes(first),
            count,
            body,
        })
    }

    /// Returns the one job that this frame does not carry, if it is such a frame.
    pub fn large(&self) -> Option<Large<'a>> {
        match self.body {
            Body::Large(large) => Some(large),
            Body::Jobs(..) => None,
        }
    }

    /// Checks that the frame has the jobs that it announces, each whole, and nothing else. This is much faster than reading
    /// them.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), FrameError> {
        match self.body {
            Body::Jobs(form @ Form::Lines(delimiter), body)
                if form.count_lines(body) == self.count
                    && body.last().is_none_or(|last| *last == delimiter) =>
            {
                Ok(())
            }
            _ => self.jobs().try_for_each(|job| job.map(drop)),
        }
    }

    /// Returns the encoded jobs, in order; none for a large one. After an error there are no more.
    pub fn jobs(&self) -> Jobs<'a> {
        match self.body {
            Body::Jobs(form, rest) => Jobs {
                form,
                rest,
                index: 0,
                count: self.count,
            },
            Body::Large(_) => Jobs {
                form: Form::Counted,
                rest: &[],
                index: 0,
                count: 0,
            },
        }
    }
}

fn large_contents(body: &[u8]) -> Result<Contents, FrameError> {
    match body.split_first_chunk::<CONTENTS_BYTES>() {
        Some((contents, [])) => Ok(Contents::from_bytes(*contents)),
        Some((_, rest)) => Err(FrameError::Trailing(rest.len())),
        None => Err(FrameError::Overrun {
            index: 0,
            claimed: CONTENTS_BYTES as u64,
            left: body.len(),
        }),
    }
}

/// The encoded jobs of a frame.
#[derive(Debug, Clone)]
pub struct Jobs<'a> {
    form: Form,
    rest: &'a [u8],
    index: u32,
    count: u32,
}

impl<'a> Jobs<'a> {
    fn read(&mut self) -> Result<&'a [u8], FrameError> {
        let (job, rest) = match self.form {
            Form::Counted => self.split_counted()?,
            Form::Lines(delimiter) => {
                let end = memchr::memchr(delimiter, self.rest).ok_or(self.overrun(1))?;
                (&self.rest[..end], &self.rest[end + 1..])
            }
        };
        self.rest = rest;
        self.index += 1;
        Ok(job)
    }

    fn split_counted(&self) -> Result<(&'a [u8], &'a [u8]), FrameError> {
        let (length, rest) = self
            .rest
            .split_first_chunk::<LENGTH_BYTES>()
            .ok_or(self.overrun(LENGTH_BYTES as u64))?;
        let length = u16::from_le_bytes(*length);
        rest.split_at_checked(length.into())
            .ok_or(self.overrun(length.into()))
    }

    fn overrun(&self, claimed: u64) -> FrameError {
        FrameError::Overrun {
            index: self.index,
            claimed,
            left: self.rest.len(),
        }
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
        finish(&mut frame, Form::Counted, 3, 1 << 40, jobs.len() as u32);
        frame
    }

    #[test]
    fn jobs_are_read_as_they_were_appended() {
        let jobs: [&[u8]; 4] = [b"1+2+3", b"", b"\0\xff", &vec![7; LARGE_BYTES]];
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
            let checked = Frame::parse(&bytes[..end]).map(|frame| frame.check());
            assert_eq!(checked, read.clone().map(|jobs| jobs.map(drop)));
            assert!(
                !matches!(read, Ok(Ok(_))),
                "{end} bytes of {} were accepted",
                bytes.len()
            );
        }
    }

    #[test]
    fn a_forged_length_is_an_error_that_names_the_job() {
        let mut bytes = frame_of(&[b"abc", b"de"]);
        bytes[HEADER_BYTES + LENGTH_BYTES + 3] = 0xff;
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

    fn lines_of(text: &[u8], count: u32) -> Vec<u8> {
        let mut frame = Vec::new();
        begin(&mut frame);
        frame.extend_from_slice(text);
        finish(&mut frame, Form::Lines(b'\n'), 3, 7, count);
        frame
    }

    #[test]
    fn lines_are_read_as_they_were_appended() {
        let bytes = lines_of(b"1+2\n\n3\n", 3);
        let frame = Frame::parse(&bytes).unwrap();
        assert_eq!((frame.epoch, frame.first, frame.count), (3, 7, 3));
        let jobs = frame.jobs().collect::<Result<Vec<_>, _>>().unwrap();
        assert_eq!(jobs, [&b"1+2"[..], b"", b"3"]);
        assert_eq!(frame.check(), Ok(()));
    }

    #[test]
    fn the_end_of_any_line_of_a_long_text_is_found() {
        let lines: Vec<String> = (0..2_000_u64)
            .map(|number| "x".repeat((number * 7919 % 97) as usize))
            .collect();
        let text = lines.join("\n");
        let mut end = 0;
        for (count, line) in (1..2_000).zip(&lines) {
            end += line.len() + 1;
            assert_eq!(Form::Lines(b'\n').offset_of(text.as_bytes(), count), end);
        }
        assert_eq!(end_of_line(b'\n', text.as_bytes(), 2_000), None);
    }

    #[test]
    fn a_wrong_number_of_lines_is_an_error() {
        for (text, count) in [
            (&b"1\n2\n3"[..], 3),
            (b"1\n2\n3", 2),
            (b"1\n", 2),
            (b"1\n2\n", 1),
            (b"1", 0),
        ] {
            let bytes = lines_of(text, count);
            let frame = Frame::parse(&bytes).unwrap();
            let jobs: Result<Vec<_>, _> = frame.jobs().collect();
            assert!(jobs.is_err(), "{count} lines in {text:?}");
            assert_eq!(frame.check(), jobs.map(drop), "{count} lines in {text:?}");
        }
    }

    #[test]
    fn both_forms_are_measured_alike() {
        let mut counted = Vec::new();
        for job in [&b"a"[..], b"", b"ccc"] {
            append_job(&mut counted, job);
        }
        for (form, body, ends) in [
            (Form::Counted, &*counted, [0, 3, 5, 10]),
            (Form::Lines(0), b"a\0\0ccc\0", [0, 2, 3, 7]),
        ] {
            assert_eq!([0, 1, 2, 3].map(|jobs| form.offset_of(body, jobs)), ends);
            for bytes in 0..=body.len() + 1 {
                let jobs = ends.iter().filter(|&&end| 0 < end && end <= bytes).count();
                assert_eq!(
                    form.fitting(body, bytes),
                    (jobs as u32, ends[jobs]),
                    "{form:?} {bytes}"
                );
            }
        }
    }

    #[test]
    fn a_frame_for_a_large_job_has_the_lengths() {
        let contents = Contents {
            encoding: 1 << 33,
            attached: 3,
        };
        let bytes = large(1, 9, contents);
        let frame = Frame::parse(&bytes).unwrap();
        assert_eq!(
            (frame.large(), frame.first, frame.count),
            (Some(Large::InArea(contents)), 9, 1)
        );
        assert_eq!(frame.jobs().count(), 0);
        assert!(Frame::parse(&bytes[..bytes.len() - 1]).is_err());
    }

    #[test]
    fn a_withdrawn_job_has_its_reason() {
        let bytes = withdrawn(1, 9, "no memory");
        let frame = Frame::parse(&bytes).unwrap();
        assert_eq!(
            (frame.large(), frame.count),
            (Some(Large::Withdrawn(b"no memory")), 1)
        );
    }
}
