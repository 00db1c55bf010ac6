//! One pool with its callers: most jobs go through a stream, some through handles.

use std::{sync::Arc, thread, time::Duration};

use pool::{JobHandle, Pool, stats::Stats, stream::Order};

use super::{
    Plan,
    account::{ATTEMPTS, Account, team_of},
    journal::Journal,
    trial::Trial,
};

/// The deadline of a job, after which a hanging one is killed.
const DEADLINE: Duration = Duration::from_millis(300);

/// A worker that is stopped before it is ready, or before it takes a job, is killed after this.
const START_DEADLINE: Duration = Duration::from_secs(3);

/// One of so many jobs goes through a handle.
const HANDLED: u64 = 20;

/// So many handles are held at once.
const HANDLES: usize = 30;

/// A pool and its callers.
#[derive(Debug)]
pub(crate) struct Team {
    pool: Pool<Trial>,
    index: usize,
    seed: u64,
    account: Arc<Account>,
}

/// Builds and drops a pool, for what a process keeps from its first one.
pub(crate) fn warm_up(plan: &Plan) -> Pool<Trial> {
    let journal = Journal::create(1);
    build_pool(plan, 0, &journal, "--nemesis=warm-up")
}

fn build_pool(plan: &Plan, index: usize, journal: &Journal, tag: &str) -> Pool<Trial> {
    Pool::builder()
        .workers(plan.workers as usize)
        .threads(1 + index)
        .worker_argument(tag)
        .initialiser_argument(&journal.place())
        .attempts(ATTEMPTS[index])
        .job_deadline(DEADLINE)
        .start_deadline(START_DEADLINE)
// Idle workers are killed here by the dozen, which is not a crash loop.
        .restart_limit(100_000, Duration::from_mins(1))
        .build()
        .expect("a pool")
}

impl Team {
    pub(crate) fn build(plan: &Plan, index: usize, account: &Arc<Account>, tag: &str) -> Self {
        Self {
            pool: build_pool(plan, index, account.journal(), tag),
            index,
            seed: plan.seed,
            account: Arc::clone(account),
        }
    }

    pub(crate) fn stats(&self) -> Stats {
        self.pool.stats()
    }

    /// Lets the workers end by themselves, then ends the pool.
    pub(crate) fn end(self) {
        self.pool.shutdown(Duration::from_secs(10));
    }

    fn numbers(&self, handled: bool) -> impl Iterator<Item = u64> + use<'_> {
        (0..self.account.jobs())
            .filter(move |number| team_of(*number) == self.index && (number / 2 % HANDLED == 0) == handled)
    }

    /// Runs all jobs of the team.
    pub(crate) fn run(&self) {
        thread::scope(|scope| {
            scope.spawn(|| self.run_handled());
            self.run_streamed(scope);
        });
    }

    fn run_streamed<'scope>(&'scope self, scope: &'scope thread::Scope<'scope, '_>) {
        let order = if self.index == 0 {
            Order::Input
        } else {
            Order::Completion
        };
        let numbers: Arc<[u64]> = self.numbers(false).collect();
        let (mut input, output) = self.pool.stream(order);
        let inputs = Arc::clone(&numbers);
        scope.spawn(move || {
            for number in &*inputs {
                // A pool that accepts no more jobs returns an error instead.
                drop(input.send(&self.account.trial(*number)));
            }
        });
        for (place, end) in output {
            let number = numbers.get(place as usize).copied().unwrap_or(u64::MAX);
            self.account.take(number, &end, false);
        }
    }

    fn run_handled(&self) {
        let mut random = fastrand::Rng::with_seed(self.seed ^ self.index as u64);
        let mut handles: Vec<(u64, JobHandle<Trial>, bool)> = Vec::new();
        for number in self.numbers(true) {
            if let Ok(handle) = self.pool.submit(self.account.trial(number)) {
                handles.push((number, handle, false));
            }
            if random.u32(..8) == 0
                && let Some((_, handle, is_cancelled)) = random.choice(&mut handles)
            {
                handle.cancel();
                *is_cancelled = true;
            }
            if handles.len() == HANDLES {
                random.shuffle(&mut handles);
                handles.drain(..HANDLES / 2).for_each(|handle| self.wait(handle));
            }
        }
        for handle in handles {
            self.wait(handle);
        }
    }

    fn wait(&self, (number, handle, is_cancelled): (u64, JobHandle<Trial>, bool)) {
        self.account.take(number, &handle.wait(), is_cancelled);
    }
}
