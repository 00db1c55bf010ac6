//! A received frame, and the reader with which one lane takes jobs from it.
//!
//! Several lanes take the jobs of a frame in any order, each with its own reader. The frame isn't indexed first, and
//! reading allocates nothing. The whole frame is checked on arrival, before any of its jobs runs.

use protocol::message::frame::{Frame, FrameError, Jobs};

use crate::error::WorkerError;

/// A frame of jobs.
#[derive(Debug)]
pub(crate) struct Batch(Vec<u8>);

impl Batch {
    /// Checks a frame's bytes and takes them.
    pub(crate) fn new(bytes: Vec<u8>) -> Result<Self, FrameError> {
        Frame::parse(&bytes)?.check()?;
        Ok(Self(bytes))
    }

    /// A reader that starts at the first job.
    pub(crate) fn read(&self) -> Result<BatchReader<'_>, FrameError> {
        let frame = Frame::parse(&self.0)?;
        Ok(BatchReader {
            epoch: frame.epoch,
            end: frame.first.saturating_add(frame.count.into()),
            at: frame.first,
            jobs: frame.jobs(),
        })
    }
}

/// Reads the jobs that one lane claims from a frame.
#[derive(Debug)]
pub(crate) struct BatchReader<'a> {
    epoch: u16,
    /// The position after the frame's last job.
    end: u64,
    /// The position of the next job.
    at: u64,
    jobs: Jobs<'a>,
}

impl<'a> BatchReader<'a> {
    /// The epoch in which the jobs may be claimed.
    pub(crate) fn epoch(&self) -> u16 {
        self.epoch
    }

    /// The position after the frame's last job.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// Returns the next job, which `claim` claims; `None` if no job is left to claim.
    pub(crate) fn next(
        &mut self,
        claim: impl FnOnce() -> Option<u64>,
    ) -> Result<Option<(u64, &'a [u8])>, WorkerError> {
        let Some(job) = self.jobs.next().transpose()? else {
            return Ok(None);
        };
        let Some(position) = claim() else {
            return Ok(None);
        };
        let skipped = position
            .checked_sub(self.at)
            .ok_or_else(|| self.misplaced(position))?;
        self.at = position.saturating_add(1);
        if skipped == 0 {
            return Ok(Some((position, job)));
        }
        // Other lanes have claimed the jobs in between.
        match self.jobs.nth(skipped as usize - 1).transpose()? {
            Some(job) => Ok(Some((position, job))),
            None => Err(self.misplaced(position)),
        }
    }

    fn misplaced(&self, position: u64) -> WorkerError {
        WorkerError::BrokenProtocol(format!(
            "position {position} was claimed in a frame with jobs {} to {} left",
            self.at, self.end
        ))
    }
}

#[cfg(test)]
mod tests {
    use protocol::message::frame;

    use super::*;

    fn batch(jobs: &[&[u8]]) -> Batch {
        let mut bytes = Vec::new();
        frame::begin(&mut bytes);
        for job in jobs {
            frame::append_job(&mut bytes, job);
        }
        frame::finish(&mut bytes, frame::Form::Counted, 2, 40, jobs.len() as u32);
        Batch::new(bytes).unwrap()
    }

    #[test]
    fn jobs_come_in_order_and_those_of_other_lanes_are_skipped() {
        let batch = batch(&[b"abc", b"", b"de", b"f"]);
        let mut reader = batch.read().unwrap();
        assert_eq!((reader.epoch(), reader.end()), (2, 44));
        for (position, job) in [(40, &b"abc"[..]), (42, b"de"), (43, b"f")] {
            assert_eq!(reader.next(|| Some(position)).unwrap(), Some((position, job)));
        }
        let no_claim = || panic!("nothing is left to claim");
        assert_eq!(reader.next(no_claim).unwrap(), None);
    }

    #[test]
    fn a_job_that_is_not_claimed_is_not_returned() {
        let batch = batch(&[b"abc"]);
        assert_eq!(batch.read().unwrap().next(|| None).unwrap(), None);
    }

    #[test]
    fn a_position_outside_the_frame_is_refused() {
        for position in [39, 42, u64::MAX] {
            let batch = batch(&[b"a", b"b"]);
            let taken = batch.read().unwrap().next(|| Some(position));
            assert!(matches!(taken, Err(WorkerError::BrokenProtocol(_))), "{position}");
        }
    }

    #[test]
    fn damage_anywhere_is_found_before_anything_runs() {
        let mut bytes = batch(&[b"good", b"bad"]).0;
        bytes.pop();
        assert!(matches!(
            Batch::new(bytes),
            Err(FrameError::Overrun { index: 1, .. })
        ));
    }
}
