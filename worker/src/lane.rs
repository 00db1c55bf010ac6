//! One lane: a thread that runs one job at a time.
//!
//! The order of its steps is what the parent's accounting rests on. A job is claimed before anything of it is touched;
//! its record is published before the lane claims again. So at every instant, also when the process is killed, a
//! claimed position without a record is a job that was started and not finished, and a lane has one such at most.

use std::time::{Duration, Instant};

use protocol::{
    Fault,
    board::{self, Board},
    parcel::KEPT_BYTES,
};

use crate::{
    batch::Batch,
    bell::Bell,
    failure::Failure,
    feed::{Feed, Stint, Work},
    marks,
    publisher::Publisher,
    runner::Bench,
};

/// When the parent was last woken this long ago, it is woken for what has been published before the next job starts.
const UNTOLD: Duration = Duration::from_millis(1);

/// A lane at work.
pub(crate) struct Lane<'a> {
    pub(crate) number: usize,
    pub(crate) board: &'a Board,
    pub(crate) bell: &'a Bell<'a>,
    pub(crate) feed: &'a Feed<'a>,
    pub(crate) publisher: Publisher<'a>,
    pub(crate) bench: &'a mut dyn Bench,
    /// Reused from job to job.
    pub(crate) output: Vec<u8>,
}

impl Lane<'_> {
    /// Serves until the link's end.
    pub(crate) fn serve(&mut self) -> Result<(), Failure> {
        let mut stint = Stint::default();
        while let Some((turn, work)) = self.feed.next(stint)? {
            let start = Instant::now();
            let done = self.perform(work)?;
            self.board.show_idle(self.number);
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
            Work::Frame(batch) => self.run_batch(&batch),
            Work::Large { position, payload } => {
                self.board.show_start(self.number, position);
                match payload {
                    Ok(job) => self.run(position, &job)?,
                    Err(fault) => self.publisher.publish(position, Err(fault)),
                }
                Ok(1)
            }
        }
    }

    fn run_batch(&mut self, batch: &Batch) -> Result<u64, Failure> {
        let mut done = 0;
        let mut told = board::now();
        while let Some(position) = self.board.claim(batch.epoch(), batch.end()) {
            self.board.show_start(self.number, position);
            if done > 0 {
                self.tell_if_late(&mut told);
            }
            self.run(position, batch.job(position)?)?;
            done += 1;
        }
        Ok(done)
    }

    /// Wakes the parent for what has been published, when it was woken too long ago and another job goes first.
    fn tell_if_late(&self, told: &mut Duration) {
        let now = board::now();
        if now.saturating_sub(*told) >= UNTOLD {
            self.bell.ring();
            *told = now;
        }
    }

    fn run(&mut self, position: u64, job: &[u8]) -> Result<(), Failure> {
        self.output.clear();
        let ran = self.bench.run(position, job, &mut self.output);
        let panicked = matches!(ran, Err(Fault::Panicked(_)));
        marks::end(position);
        self.publisher.publish(position, ran.map(|()| &*self.output));
        if self.output.capacity() > KEPT_BYTES {
            self.output = Vec::new();
        }
        if panicked { self.rebuild() } else { Ok(()) }
    }

    /// Makes the state anew after a panic. No job is shown as running meanwhile, and the parent knows of the panic.
    fn rebuild(&mut self) -> Result<(), Failure> {
        self.board.show_idle(self.number);
        self.bell.ring();
        self.bench.rebuild().map_err(Failure::Rebuilding)
    }
}
