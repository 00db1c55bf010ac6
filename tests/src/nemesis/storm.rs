//! Signals and shortages of descriptors: which worker gets which, and when.
//!
//! Signals are spread over the run by the number of jobs that have ended. A target is one of this process's children,
//! found in `/proc`; its pool says what it is doing.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use pool::stats::WorkerState;
use rustix::process::{Pid, PidfdFlags, Signal};

use super::{Plan, system, team::Team};

/// How long to look for a target of one kind before taking another kind.
const SEARCH: Duration = Duration::from_millis(20);

/// What a target was doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doing {
    Starting,
    Idle,
    Busy,
    Dying,
}

impl Doing {
    const ALL: [Self; 4] = [Self::Starting, Self::Idle, Self::Busy, Self::Dying];
}

/// The signals to be sent and those that were.
#[derive(Debug)]
pub(crate) struct Storm {
    random: fastrand::Rng,
    signals: Vec<Signal>,
    planned: u64,
    jobs: u64,
    is_short: bool,
    /// Sent: kills, stops, aborts.
    pub(crate) sent: [u64; 3],
    /// What their targets were doing, as in [`Doing::ALL`].
    pub(crate) met: [u64; 4],
    /// How often descriptors were made short.
    pub(crate) shortages: u64,
}

impl Storm {
    pub(crate) fn new(plan: &Plan) -> Self {
        let mut random = fastrand::Rng::with_seed(plan.seed);
        let kinds = [
            (Signal::KILL, plan.kills),
            (Signal::STOP, plan.stops),
            (Signal::ABORT, plan.aborts),
        ];
        let mut signals: Vec<Signal> = kinds
            .iter()
            .flat_map(|(signal, count)| std::iter::repeat_n(*signal, *count as usize))
            .collect();
        random.shuffle(&mut signals);
        Self {
            random,
            signals,
            planned: plan.signals(),
            jobs: plan.jobs,
            is_short: false,
            sent: [0; 3],
            met: [0; 4],
            shortages: 0,
        }
    }

    /// Sends the next signal if its time has come; otherwise waits a moment.
    pub(crate) fn send_next(&mut self, teams: &[Arc<Team>; 2], ended: u64) {
        self.update_shortage(ended);
        let due = self.planned * ended.saturating_mul(20) / (self.jobs * 19).max(1);
        let sent = self.planned - self.signals.len() as u64;
        match self.signals.last().copied() {
            Some(signal) if sent <= due => {
                if self.strike(signal, teams) {
                    self.signals.pop();
                }
            }
            _ => thread::park_timeout(Duration::from_micros(500)),
        }
    }

    /// Ends a shortage.
    pub(crate) fn end_shortage(&mut self) {
        if self.is_short {
            system::lift_descriptor_limit();
            self.is_short = false;
        }
    }

    /// In the third and in the seventh tenth of the run there are no descriptors for another worker.
    fn update_shortage(&mut self, ended: u64) {
        let tenth = ended * 10 / self.jobs.max(1);
        let is_short = matches!(tenth, 2 | 6) && self.jobs >= 10;
        if is_short && !self.is_short {
            system::limit_descriptors();
            self.is_short = true;
            self.shortages += 1;
        } else if !is_short {
            self.end_shortage();
        }
    }

    fn strike(&mut self, signal: Signal, teams: &[Arc<Team>; 2]) -> bool {
        let wanted = self.random.choice(Doing::ALL).unwrap_or(Doing::Busy);
        let Some((pid, doing)) = self.find(wanted, teams) else {
            return false;
        };
        if !send(pid, signal) {
            return false;
        }
        let kind = match signal {
            Signal::KILL => 0,
            Signal::STOP => 1,
            _ => 2,
        };
        self.sent[kind] += 1;
        self.met[doing as usize] += 1;
        true
    }

    /// A worker that does this; or one that does anything, when there is none for a while.
    fn find(&mut self, wanted: Doing, teams: &[Arc<Team>; 2]) -> Option<(u32, Doing)> {
        let begun = Instant::now();
        loop {
            let mut workers = workers(teams);
            self.random.shuffle(&mut workers);
            let found = workers.iter().find(|(_, doing)| *doing == wanted);
            if found.is_some() || begun.elapsed() >= SEARCH {
                return found.or(workers.first()).copied();
            }
            thread::yield_now();
        }
    }
}

/// All worker processes that have not been reaped, and what each is doing.
fn workers(teams: &[Arc<Team>; 2]) -> Vec<(u32, Doing)> {
    let known: Vec<(u32, Doing)> = teams
        .iter()
        .flat_map(|team| team.stats().workers)
        .filter_map(|worker| {
            let doing = match worker.state {
                WorkerState::Ready if worker.in_flight > 0 => Doing::Busy,
                WorkerState::Ready => Doing::Idle,
                _ => Doing::Dying,
            };
            worker.pid.map(|pid| (pid, doing))
        })
        .collect();
    let doing_of = |pid: u32| {
        let is_known = known.iter().find(|(other, _)| *other == pid);
        match is_known {
            _ if system::has_died(pid) => Doing::Dying,
            Some((_, doing)) => *doing,
            None => Doing::Starting,
        }
    };
    system::children()
        .into_iter()
        .map(|pid| (pid, doing_of(pid)))
        .collect()
}

/// Sends a signal to a child that has not been reaped; returns whether it existed.
fn send(pid: u32, signal: Signal) -> bool {
    let Some(process) = Pid::from_raw(pid.cast_signed()) else {
        return false;
    };
    // The pidfd first and then another look: the number cannot have become another process's in between.
    let pidfd = rustix::process::pidfd_open(process, PidfdFlags::empty());
    let is_ours = || system::children().contains(&pid);
    pidfd.is_ok_and(|pidfd| is_ours() && rustix::process::pidfd_send_signal(&pidfd, signal).is_ok())
}
