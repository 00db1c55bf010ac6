//! A lane: a thread that runs one job at a time.

use std::time::{Duration, Instant};

use protocol::{Payload, board::Board};

use crate::{
    error::WorkerError,
    frame_source::{FrameSource, Work, WorkReport},
    job_loop::{JobLoop, JobSource},
    publisher::Publisher,
    runner::LaneRunner,
    wake_sender::SharedWakeSender,
};

/// A lane and all that it uses.
pub(crate) struct Lane<'a> {
    pub(crate) number: usize,
    pub(crate) board: &'a Board,
    pub(crate) wake_sender: &'a SharedWakeSender<'a>,
    pub(crate) frame_source: &'a FrameSource<'a>,
    pub(crate) publisher: Publisher<'a>,
    pub(crate) runner: &'a mut dyn LaneRunner,
    /// Reused from one job loop to the next.
    pub(crate) output: Payload,
}

impl Lane<'_> {
    /// Serves until the link's end.
    pub(crate) fn serve(&mut self) -> Result<(), WorkerError> {
        let mut report = WorkReport::default();
        while let Some((frame, work)) = self.frame_source.next(report)? {
            let start = Instant::now();
            let done = self.perform(work)?;
            report = WorkReport {
                frame,
                done,
                // Finding a frame used up isn't work, and no reason to wake the parent.
                busy: if done > 0 { start.elapsed() } else { Duration::ZERO },
            };
        }
        Ok(())
    }

    /// Runs the jobs of `work` that no other lane claims. Returns their number.
    fn perform(&mut self, work: Work) -> Result<u64, WorkerError> {
        match work {
            Work::Frame(batch) => self.run(JobSource::Frame(batch.read()?)),
            Work::Large { position, payload } => match payload {
                Ok(delivery) => self.run(JobSource::Delivered(Some((position, delivery)))),
                Err(fault) => {
                    self.publisher.fault(position, fault);
                    Ok(1)
                }
            },
        }
    }

    fn run(&mut self, jobs: JobSource<'_>) -> Result<u64, WorkerError> {
        let output = std::mem::take(&mut self.output);
        let mut job_loop = JobLoop::new(
            self.number,
            self.board,
            self.wake_sender,
            &mut self.publisher,
            jobs,
            output,
        );
        self.runner.run(&mut job_loop)?;
        let (done, output) = job_loop.end();
        self.output = output;
        Ok(done)
    }
}
