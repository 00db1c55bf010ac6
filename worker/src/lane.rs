//! One lane: a thread that runs one job at a time, from piece of work to piece of work.

use std::time::{Duration, Instant};

use protocol::{Payload, board::Board};

use crate::{
    error::WorkerError,
    frame_source::{FrameSource, Work, WorkReport},
    job_loop::{JobLoop, Jobs},
    publisher::Publisher,
    runner::LaneRunner,
    wake_sender::SharedWakeSender,
};

/// A lane at work.
pub(crate) struct Lane<'a> {
    pub(crate) number: usize,
    pub(crate) board: &'a Board,
    pub(crate) wake_sender: &'a SharedWakeSender<'a>,
    pub(crate) frame_source: &'a FrameSource<'a>,
    pub(crate) publisher: Publisher<'a>,
    pub(crate) runner: &'a mut dyn LaneRunner,
    /// Reused from course to course.
    pub(crate) output: Payload,
}

impl Lane<'_> {
    /// Serves until the link's end.
    pub(crate) fn serve(&mut self) -> Result<(), WorkerError> {
        let mut report = WorkReport::default();
        while let Some((turn, work)) = self.frame_source.next(report)? {
            let start = Instant::now();
            let done = self.perform(work)?;
            report = WorkReport {
                turn,
                done,
                // A look at a used-up frame is no work, and nothing to wake the parent for.
                busy: if done > 0 { start.elapsed() } else { Duration::ZERO },
            };
        }
        Ok(())
    }

    /// Does what it can get of the work; says how many jobs that was.
    fn perform(&mut self, work: Work) -> Result<u64, WorkerError> {
        match work {
            Work::Frame(batch) => self.run(Jobs::Frame(batch.read()?)),
            Work::Large { position, payload } => match payload {
                Ok(delivery) => self.run(Jobs::Delivered(Some((position, delivery)))),
                Err(fault) => {
                    self.publisher.fault(position, fault);
                    Ok(1)
                }
            },
        }
    }

    fn run(&mut self, jobs: Jobs<'_>) -> Result<u64, WorkerError> {
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
