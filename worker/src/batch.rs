//! A received frame with its jobs located.
//!
//! Every length is checked when the frame comes, before any of its jobs runs, and found again by position: several
//! lanes take the jobs in any order.

use std::ops::Range;

use protocol::frame::{Frame, FrameError};

use crate::failure::Failure;

/// The jobs of one frame.
#[derive(Debug)]
pub(crate) struct Batch {
    bytes: Vec<u8>,
    jobs: Vec<Range<u32>>,
    epoch: u16,
    first: u64,
}

impl Batch {
    /// Locates the jobs of a frame. A parcel frame has none here.
    pub(crate) fn locate(bytes: Vec<u8>) -> Result<Self, FrameError> {
        let frame = Frame::parse(&bytes)?;
        let (epoch, first) = (frame.epoch, frame.first);
        let start = bytes.as_ptr().addr();
        let jobs = frame
            .jobs()
            .map(|job| {
                let job = job?;
                let offset = (job.as_ptr().addr() - start) as u32;
                Ok(offset..offset + job.len() as u32)
            })
            .collect::<Result<_, FrameError>>()?;
        Ok(Self {
            bytes,
            jobs,
            epoch,
            first,
        })
    }

    /// The epoch in which the jobs may be claimed.
    pub(crate) fn epoch(&self) -> u16 {
        self.epoch
    }

    /// The position after the last job's.
    pub(crate) fn end(&self) -> u64 {
        self.first.saturating_add(self.jobs.len() as u64)
    }

    /// The encoded job at a claimed position.
    pub(crate) fn job(&self, position: u64) -> Result<&[u8], Failure> {
        let index = position.checked_sub(self.first).map(|index| index as usize);
        let range = index.and_then(|index| self.jobs.get(index)).ok_or_else(|| {
            Failure::BrokenProtocol(format!(
                "position {position} was claimed in a frame that begins at {}",
                self.first
            ))
        })?;
        Ok(&self.bytes[range.start as usize..range.end as usize])
    }
}

#[cfg(test)]
mod tests {
    use protocol::frame;

    use super::*;

    #[test]
    fn jobs_are_found_by_position() {
        let mut bytes = Vec::new();
        frame::begin(&mut bytes);
        frame::append_job(&mut bytes, b"abc");
        frame::append_job(&mut bytes, b"");
        frame::append_job(&mut bytes, b"de");
        frame::finish(&mut bytes, frame::Form::Counted, 2, 40, 3);
        let batch = Batch::locate(bytes).unwrap();
        assert_eq!((batch.epoch(), batch.end()), (2, 43));
        let jobs: Vec<_> = (40..43).map(|position| batch.job(position).unwrap()).collect();
        assert_eq!(jobs, [&b"abc"[..], b"", b"de"]);
        assert!(batch.job(39).is_err());
        assert!(batch.job(43).is_err());
    }

    #[test]
    fn a_damage_anywhere_is_found_before_anything_runs() {
        let mut bytes = Vec::new();
        frame::begin(&mut bytes);
        frame::append_job(&mut bytes, b"good");
        frame::append_job(&mut bytes, b"bad");
        frame::finish(&mut bytes, frame::Form::Counted, 0, 0, 2);
        bytes.pop();
        assert!(matches!(
            Batch::locate(bytes),
            Err(FrameError::Overrun { index: 1, .. })
        ));
    }
}
