//! One run: the pool, the jobs, and all that is measured around them.

use std::{
    error::Error,
    sync::{Arc, atomic::AtomicU64},
    time::{Duration, Instant},
};

use pool::{Pool, stream::Order};

use crate::{
    arguments::{Arguments, Through},
    arrivals::Arrivals,
    baseline::Baseline,
    figures::{Conditions, Figures},
    job::Load,
    kind::Kind,
    mapping,
    recipe::Recipe,
    recorder::Recorder,
    sampler::{self, Goal, Samples},
    submitting,
    usage::{Memory, Usage},
};

/// What is to be run.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) kind: Kind,
    pub(crate) crash_every: Option<u64>,
    pub(crate) through: Through,
    pub(crate) rate: Option<f64>,
    pub(crate) in_flight: usize,
    pub(crate) jobs: Option<u64>,
    pub(crate) duration: Option<Duration>,
    pub(crate) workers: usize,
    pub(crate) threads: usize,
}

/// The raw results of a run, before figures are computed.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) start: Duration,
    pub(crate) elapsed: Duration,
    pub(crate) recorder: Recorder,
    pub(crate) samples: Samples,
    pub(crate) before: Usage,
    pub(crate) after: Usage,
    pub(crate) memory: Memory,
    pub(crate) stats: pool::stats::Stats,
    pub(crate) baseline: Baseline,
}

impl Run {
    pub(crate) fn new(arguments: &Arguments) -> Self {
        Self {
            kind: arguments.job.clone(),
            crash_every: arguments.crash_every,
            through: arguments.through,
            rate: arguments.rate,
            in_flight: arguments.in_flight(),
            jobs: arguments.jobs,
            duration: arguments.duration(),
            workers: arguments.workers(),
            threads: arguments.threads.into(),
        }
    }

    /// Runs it.
    pub(crate) fn run(&self) -> Result<Figures, Box<dyn Error>> {
        let recipe = Recipe::new(&self.kind, self.crash_every);
        let mut baseline = Baseline::default();
        baseline.measure(&recipe);

        let built = Instant::now();
        let pool = self.pool()?;
        let start = built.elapsed();

        let (ended, before) = (Arc::default(), Usage::now(&pool)?);
        let mut recorder = Recorder::new(Arc::clone(&ended));
        let begun = Instant::now();
        let (result, samples) = self.watched(&pool, &recipe, &ended, &mut recorder);
        result?;
        let elapsed = begun.elapsed();

        let (after, memory, stats) = (Usage::now(&pool)?, Memory::now(&pool), pool.stats());
        pool.close();
        baseline.measure(&recipe);
        Ok(Figures::new(
            self.conditions(),
            &Measured {
                start,
                elapsed,
                recorder,
                samples,
                before,
                after,
                memory,
                stats,
                baseline,
            },
        ))
    }

    fn watched(
        &self,
        pool: &Pool<Load>,
        recipe: &Recipe,
        ended: &Arc<AtomicU64>,
        recorder: &mut Recorder,
    ) -> (Result<(), Box<dyn Error>>, Samples) {
        let (jobs, duration) = (self.jobs, self.duration);
        sampler::watch(pool, Goal { jobs, duration }, ended, || {
            self.send(pool, recipe, recorder)
        })
    }

    fn send(
        &self,
        pool: &Pool<Load>,
        recipe: &Recipe,
        recorder: &mut Recorder,
    ) -> Result<(), Box<dyn Error>> {
        let arrivals = Arrivals::new(self.jobs, self.duration, self.rate);
        let order = match self.through {
            Through::Submit if self.rate.is_some() => {
                return submitting::open(pool, recipe, arrivals, recorder);
            }
            Through::Submit => return submitting::closed(pool, recipe, arrivals, self.in_flight, recorder),
            Through::Map => Order::Input,
            Through::MapUnordered => Order::Completion,
        };
        if self.rate.is_some() {
            return mapping::open(pool, recipe, arrivals, order, recorder);
        }
        mapping::closed(pool, recipe, arrivals, order, recorder);
        Ok(())
    }

    fn pool(&self) -> Result<Pool<Load>, pool::BuildError> {
        let builder = Pool::builder().workers(self.workers).threads(self.threads);
        if self.rate.is_some() {
            return builder.build();
        }
        builder.window(self.in_flight).build()
    }

    fn conditions(&self) -> Conditions {
        Conditions {
            job: self.kind.to_string(),
            crash_every: self.crash_every,
            through: match self.through {
                Through::Submit => "submit",
                Through::Map => "map",
                Through::MapUnordered => "map_unordered",
            },
            in_flight: self.rate.is_none().then_some(self.in_flight),
            rate_per_s: self.rate,
            workers: self.workers,
            threads: self.threads,
            cpus: crate::arguments::cpus(),
        }
    }
}
