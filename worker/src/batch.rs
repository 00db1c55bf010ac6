//! A received frame, and one lane's way through it.
//!
//! Several lanes take the jobs of a frame in any order, each with a reader of its own: nothing is located beforehand, and
//! nothing is allocated. The whole frame is checked when it comes, before any of its jobs runs.

use protocol::frame::{Frame, FrameError, Jobs};

use crate::error::WorkerError;

/// A frame of jobs.
#[derive(Debug)]
pub(crate) struct Batch(Vec<u8>);

impl Batch {
    /// Takes a frame's bytes, if they are sound.
    pub(crate) fn new(bytes: Vec<u8>) -> Result<Self, FrameError> {
        Frame::parse(&bytes)?.check()?;
        Ok(Self(bytes))
    }

    /// A way through its jobs from the first one.
    pub(crate) fn read(&self) -> Result<Reader<'_>, FrameError> {
        let frame = Frame::parse(&self.0)?;
        Ok(Reader {
            epoch: frame.epoch,
            end: frame.first.saturating_add(frame.count.into()),
            at: frame.first,
            jobs: frame.jobs(),
        })
    }
}

/// One lane's way through a frame.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    epoch: u16,
    /// The position behind its last job.
    end: u64,
    /// The position of the job that comes next.
    at: u64,
    jobs: Jobs<'a>,
}

impl<'a> Reader<'a> {
    /// The epoch in which its jobs may be claimed.
    pub(crate) fn epoch(&self) -> u16 {
        self.epoch
    }

    /// The position behind its last job.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// The next job, claimed by `claim`; `None` when there is nothing to claim any more.
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
        // Other lanes have claimed those in between.
        match self.jobs.nth(skipped as usize - 1).transpose()? {
            Some(job) => Ok(Some((position, job))),
            None => Err(self.misplaced(position)),
        }
    }

    fn misplaced(&self, position: u64) -> WorkerError {
        WorkerError::BrokenProtocol(format!(
            "position {position} was claimed in a frame of which the jobs from {} to {} were left",
            self.at, self.end
        ))
    }
}

#[cfg(test)]
mod tests {
    use protocol::frame;

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
    fn jobs_come_in_order_and_those_of_other_lanes_are_passed_over() {
        let batch = batch(&[b"abc", b"", b"de", b"f"]);
        let mut reader = batch.read().unwrap();
        assert_eq!((reader.epoch(), reader.end()), (2, 44));
        for (position, job) in [(40, &b"abc"[..]), (42, b"de"), (43, b"f")] {
            assert_eq!(reader.next(|| Some(position)).unwrap(), Some((position, job)));
        }
        let nobody = || panic!("nothing is left to claim");
        assert_eq!(reader.next(nobody).unwrap(), None);
    }

    #[test]
    fn what_is_not_claimed_is_not_given() {
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
    fn a_damage_anywhere_is_found_before_anything_runs() {
        let mut bytes = batch(&[b"good", b"bad"]).0;
        bytes.pop();
        assert!(matches!(
            Batch::new(bytes),
            Err(FrameError::Overrun { index: 1, .. })
        ));
    }
}
