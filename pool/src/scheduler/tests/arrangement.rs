//! What the tests begin with: a pool that has come to some point.

use super::*;

/// A pool to test with, before its workers are ready.
pub(super) struct Arrangement {
    config: Config,
    is_warm: bool,
    jobs: u64,
}

/// Arranges a pool of this many workers with one lane each, no bounds, and no second attempts.
pub(super) fn arrange(workers: usize) -> Arrangement {
    Arrangement {
        config: Config {
            workers,
            lanes: 1,
            attempts: 1,
            queue_jobs: 1_000_000,
            queue_bytes: usize::MAX,
            restart_limit: RestartLimit {
                failures: 3,
                within: Duration::from_mins(1),
            },
            halt: None,
            recycling: Recycling::default(),
            seed: 0,
        },
        is_warm: false,
        jobs: 0,
    }
}

impl Arrangement {
    /// Changes the configuration.
    pub(super) fn config(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.config);
        self
    }

    /// Has worker 0 do one fast job first, so that the time of a job is known.
    pub(super) fn warm(mut self) -> Self {
        self.is_warm = true;
        self
    }

    /// Submits this many jobs in the end.
    pub(super) fn jobs(mut self, jobs: u64) -> Self {
        self.jobs = jobs;
        self
    }

    /// The pool with its workers starting. Their starts are the first actions seen.
    pub(super) fn starting(self) -> Pool {
        assert!(
            !self.is_warm && self.jobs == 0,
            "nothing can be done before a start"
        );
        let mut pool = Pool {
            scheduler: Scheduler::new(self.config),
            owner: Rc::default(),
            now: Duration::ZERO,
            seen: Vec::new(),
        };
        let mut actions = Vec::new();
        pool.scheduler.start(pool.now, &mut actions);
        pool.see(&actions);
        pool
    }

    /// The pool with all workers ready. The actions so far are not seen.
    pub(super) fn ready(self) -> Pool {
        let Self {
            config,
            is_warm,
            jobs,
        } = self;
        let workers = config.workers;
        let idle = Self {
            config,
            is_warm: false,
            jobs: 0,
        };
        let mut pool = idle.starting();
        (0..workers).for_each(|worker| pool.worker(worker).ready());
        if is_warm {
            pool.submit(1);
            pool.worker(0).done(0, 1, 1, FAST);
        }
        pool.submit(jobs);
        pool.seen.clear();
        pool
    }

    /// The pool with six jobs: five in flight at the one worker, at the positions 1..6, in two frames, and one queued.
    pub(super) fn six_jobs(self) -> Pool {
        let mut pool = self.ready();
        pool.submit(7);
        pool.worker(0).done(0, 1, 1, FAST);
        assert_eq!((pool.scheduler.in_flight(), pool.scheduler.queued()), (5, 1));
        pool.seen.clear();
        pool
    }
}
