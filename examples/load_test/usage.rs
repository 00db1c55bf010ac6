//! What processes use, according to `/proc`: CPU, wake-ups and memory.

use std::{collections::BTreeMap, ops::Sub, time::Duration};

use examples::proportional_set_kib;
use pool::{Pool, stats::Stats};
use procfs::{ProcResult, process::Process};

use crate::job::Load;

/// What a process has used since it began.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Used {
    /// CPU in the program.
    pub(crate) user: Duration,
    /// CPU in the kernel.
    pub(crate) system: Duration,
    /// How often one of its threads has gone to sleep, and so has been woken.
    pub(crate) wake_ups: u64,
}

/// What the parent and its workers have used.
#[derive(Debug, Default, Clone)]
pub(crate) struct Usage {
    pub(crate) parent: Used,
    /// Workers that have ended; their wake-ups are not known.
    ended: Used,
    workers: BTreeMap<i32, Used>,
}

/// Memory in KiB: each process's own share of what it maps.
#[derive(Debug, Default, Clone)]
pub(crate) struct Memory {
    pub(crate) parent_kib: u64,
    pub(crate) workers_kib: Vec<u64>,
}

impl Usage {
    /// As it is now.
    pub(crate) fn now(pool: &Pool<Load>) -> ProcResult<Self> {
        let this = Process::myself()?;
        let stat = this.stat()?;
        let ended = Used {
            user: ticks(stat.cutime.cast_unsigned()),
            system: ticks(stat.cstime.cast_unsigned()),
            wake_ups: 0,
        };
        let used = |worker: Process| Some((worker.pid, used(&worker).ok()?));
        Ok(Self {
            parent: self::used(&this)?,
            ended,
            workers: workers(&pool.stats()).filter_map(used).collect(),
        })
    }

    /// What all workers have used since `before`, those that have ended included.
    pub(crate) fn of_workers_since(&self, before: &Self) -> Used {
        let grown = self.workers.iter().map(|(pid, now)| {
            let then = before.workers.get(pid).copied().unwrap_or_default();
            *now - then
        });
        // A worker that existed before and has ended since counts entirely among the ended ones.
        let gone = before
            .workers
            .iter()
            .filter(|(pid, _)| !self.workers.contains_key(pid));
        let gone = gone.fold(Used::default(), |sum, (_, used)| sum.plus(*used));
        let ended = (self.ended - before.ended) - gone;
        grown.fold(ended, Used::plus)
    }
}

impl Used {
    fn plus(self, other: Self) -> Self {
        Self {
            user: self.user + other.user,
            system: self.system + other.system,
            wake_ups: self.wake_ups + other.wake_ups,
        }
    }

    /// CPU in all.
    pub(crate) fn cpu(&self) -> Duration {
        self.user + self.system
    }
}

impl Sub for Used {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            user: self.user.saturating_sub(before.user),
            system: self.system.saturating_sub(before.system),
            wake_ups: self.wake_ups.saturating_sub(before.wake_ups),
        }
    }
}

impl Memory {
    /// As it is now.
    pub(crate) fn now(pool: &Pool<Load>) -> Self {
        let this = Process::myself().and_then(|this| proportional_set_kib(&this));
        Self {
            parent_kib: this.unwrap_or(0),
            workers_kib: workers(&pool.stats())
                .filter_map(|worker| proportional_set_kib(&worker).ok())
                .collect(),
        }
    }

    /// The larger of both, of the parent and of each worker.
    pub(crate) fn at_most(self, other: Self) -> Self {
        let parent_kib = self.parent_kib.max(other.parent_kib);
        let (mut longer, shorter) = if self.workers_kib.len() < other.workers_kib.len() {
            (other.workers_kib, self.workers_kib)
        } else {
            (self.workers_kib, other.workers_kib)
        };
        for (larger, kib) in longer.iter_mut().zip(shorter) {
            *larger = kib.max(*larger);
        }
        Self {
            parent_kib,
            workers_kib: longer,
        }
    }
}

/// The CPU that all threads of the parent and of its workers have used, exactly: the other figures count in steps of
/// 10 ms.
pub(crate) fn exact_cpu(pool: &Pool<Load>) -> ProcResult<Duration> {
    let processes = workers(&pool.stats()).chain([Process::myself()?]);
    let threads = processes.filter_map(|process| process.tasks().ok()).flatten();
    let nanos = threads.filter_map(|thread| Some(thread.ok()?.schedstat().ok()?.sum_exec_runtime));
    Ok(Duration::from_nanos(nanos.sum()))
}

fn workers(stats: &Stats) -> impl Iterator<Item = Process> + use<> {
    let pids: Vec<u32> = stats.workers.iter().filter_map(|worker| worker.pid).collect();
    pids.into_iter()
        .filter_map(|pid| Process::new(pid.cast_signed()).ok())
}

fn used(process: &Process) -> ProcResult<Used> {
    let stat = process.stat()?;
    let threads = process
        .tasks()?
        .flatten()
        .filter_map(|thread| thread.status().ok());
    Ok(Used {
        user: ticks(stat.utime),
        system: ticks(stat.stime),
        wake_ups: threads.filter_map(|status| status.voluntary_ctxt_switches).sum(),
    })
}

fn ticks(ticks: u64) -> Duration {
    Duration::from_secs(ticks) / procfs::ticks_per_second() as u32
}
