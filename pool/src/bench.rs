//! Access for this crate's benchmarks to the scheduler and the reorder window.
//!
//! Only with the feature `bench`, which is no part of the library: nothing here is stable.

use std::{hint::black_box, num::NonZeroU64, sync::Arc, time::Duration};

use protocol::{
    Status,
    board::{
        Board,
        ring::{RingReader, RingWriter},
    },
};
use smallvec::SmallVec;

use crate::{
    job::jobs::{Encoded, Item, Jobs, Sink},
    outcome::{results::Results, slot::OutcomeSlot, window::Window},
    scheduler::{Action, Config, Event, Recycling, RestartLimit, Scheduler},
};

/// A scheduler whose workers are ready and finish each frame at once.
#[derive(Debug)]
pub struct Scheduling {
    scheduler: Scheduler<Jobs>,
    actions: Vec<Action<Jobs>>,
    sent: Vec<Sent>,
    totals: Vec<Totals>,
    now: Duration,
}

/// What a worker was sent and has not finished.
#[derive(Debug)]
struct Sent {
    worker: usize,
    incarnation: u64,
    first: u64,
    count: u32,
}

/// What a worker has done in all.
#[derive(Debug, Default, Clone, Copy)]
struct Totals {
    frames: u64,
    jobs: u64,
    busy: Duration,
}

/// What each job is said to take, so that batches are large.
const JOB_TIME: Duration = Duration::from_nanos(500);

impl Scheduling {
    /// So many workers, all of them ready.
    pub fn new(workers: usize) -> Self {
        let mut scheduler = Scheduler::new(Config {
            workers,
            lanes: 1,
            attempts: 1,
            queue_jobs: usize::MAX,
            queue_bytes: usize::MAX,
            restart_limit: RestartLimit {
                failures: 8,
                within: Duration::from_mins(1),
            },
            halt: None,
            recycling: Recycling {
                after_jobs: None::<NonZeroU64>,
                spares: 0,
            },
            seed: 7,
        });
        let mut actions = Vec::new();
        scheduler.start(Duration::ZERO, &mut actions);
        let starts = std::mem::take(&mut actions);
        for start in starts {
            if let Action::Start {
                worker, incarnation, ..
            } = start
            {
                scheduler.handle(Event::Ready { worker, incarnation }, Duration::ZERO, &mut actions);
            }
        }
        Self {
            scheduler,
            actions,
            sent: Vec::new(),
            totals: vec![Totals::default(); workers],
            now: Duration::ZERO,
        }
    }

    /// Submits so many jobs of 16 bytes, one by one, and finishes all; gives back how many frames that took.
    ///
    /// # Panics
    /// When the scheduler has lost a job.
    pub fn run(&mut self, jobs: u32) -> u64 {
        let before = self.scheduler.counters().frames;
        for _ in 0..jobs {
            let item = Item {
                encoded: Encoded::One(SmallVec::from_slice(&[7; 16])),
                sink: Sink::Slot(Arc::<OutcomeSlot>::default()),
            };
            self.handle(Event::Submit(item));
        }
        while let Some(sent) = self.sent.pop() {
            self.finish(&sent);
        }
        assert!(self.scheduler.is_idle(), "all jobs are finished");
        self.scheduler.counters().frames - before
    }

    fn finish(&mut self, sent: &Sent) {
        let Sent {
            worker,
            incarnation,
            first,
            count,
        } = *sent;
        self.handle(Event::Finished {
            worker,
            incarnation,
            first,
            count,
            failed: 0,
        });
        let totals = &mut self.totals[worker];
        totals.frames += 1;
        totals.jobs += u64::from(count);
        totals.busy += JOB_TIME * count;
        let Totals { frames, jobs, busy } = *totals;
        self.handle(Event::Progress {
            worker,
            incarnation,
            received: frames,
            done: jobs,
            busy,
        });
    }

    fn handle(&mut self, event: Event<Jobs>) {
        self.now += Duration::from_nanos(100);
        self.scheduler.handle(event, self.now, &mut self.actions);
        for action in self.actions.drain(..) {
            if let Action::Enqueue {
                worker,
                incarnation,
                first,
                count,
                ..
            } = action
            {
                self.sent.push(Sent {
                    worker,
                    incarnation,
                    first,
                    count,
                });
            }
        }
    }
}

/// A reorder window, with results to put into it.
#[derive(Debug)]
pub struct Reordering {
    window: Window,
    records: Vec<u8>,
    results_at_once: u32,
    next: u64,
}

impl Reordering {
    /// A window into which so many results go at once.
    ///
    /// # Panics
    /// When there is no shared memory.
    pub fn new(results_at_once: u32) -> Self {
        let board = Board::create().expect("shared memory");
        let (mut writer, mut reader) = (RingWriter::new(), RingReader::new());
        for position in 0..u64::from(results_at_once) {
            writer.publish(&board, position, Status::Output, &[7; 8], &mut || ());
        }
        let mut records = Vec::new();
        reader.harvest(&board, &mut records).expect("sound records");
        Self {
            window: Window::ordered(),
            records,
            results_at_once,
            next: 0,
        }
    }

    /// Puts in so many blocks of results, two at a time in the wrong order, and takes all results out; gives back how
    /// many there were.
    ///
    /// # Panics
    /// When the number of blocks is odd.
    pub fn run(&mut self, blocks: u64) -> u64 {
        assert!(blocks.is_multiple_of(2), "blocks are swapped in pairs");
        let size = u64::from(self.results_at_once);
        for pair in (0..blocks).step_by(2) {
            for block in [pair + 1, pair] {
                let results = Results::of_records(&self.records, self.results_at_once);
                self.window.insert(self.next + block * size, results);
            }
        }
        self.next += blocks * size;
        let mut taken = 0;
        while let Some((_, mut results)) = self.window.pop() {
            for seen in results.see_rest() {
                black_box(seen);
                taken += 1;
            }
        }
        taken
    }
}
