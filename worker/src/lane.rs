//! One lane: a thread that runs one job at a time, from piece of work to piece of work.

use std::time::{Duration, Instant};

use protocol::{Payload, board::Board};

use crate::{
    failure::Failure,
    frame_source::{Feed, Stint, Work},
    job_loop::{Course, Jobs},
    publisher::Publisher,
    runner::Bench,
    wake_sender::Bell,
};

/// A lane at work.
pub(crate) struct Lane<'a> {
    pub(crate) number: usize,
    pub(crate) board: &'a Board,
    pub(crate) bell: &'a Bell<'a>,
    pub(crate) feed: &'a Feed<'a>,
    pub(crate) publisher: Publisher<'a>,
    pub(crate) bench: &'a mut dyn Bench,
    /// Reused from course to course.
    pub(crate) output: Payload,
}

impl Lane<'_> {
    /// Serves until the link's end.
    pub(crate) fn serve(&mut self) -> Result<(), Failure> {
        let mut stint = Stint::default();
        while let Some((turn, work)) = self.feed.next(stint)? {
            let start = Instant::now();
            let done = self.perform(work)?;
            stint = Stint {
                turn,
                done,
                // A look at a used-up frame is no work, and nothing to wake the parent for.
                busy: if done > 0 { start.elapsed() } else { Duration::ZERO },
            };
        }
        Ok(())
    }

    /// Does what it can get of the work; says how many jobs that was.
    fn perform(&mut self, work: Work) -> Result<u64, Failure> {
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

    fn run(&mut self, jobs: Jobs<'_>) -> Result<u64, Failure> {
        let output = std::mem::take(&mut self.output);
        let mut course = Course::new(
            self.number,
            self.board,
            self.bell,
            &mut self.publisher,
            jobs,
            output,
        );
        self.bench.run(&mut course)?;
        let (done, output) = course.end();
        self.output = output;
        Ok(done)
    }
}
