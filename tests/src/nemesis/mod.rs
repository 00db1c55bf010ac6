//! The nemesis: a storm of signals over two pools, and an independent account of every job.
//!
//! The jobs count their own starts, in memory shared with the workers (`journal`); outcomes are counted here (`account`).
//! What a pool says about itself is only reported, never relied on.

mod account;
mod journal;
mod plan;
mod report;
mod storm;
mod system;
mod team;
mod trial;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

pub use plan::Plan;
pub use report::Report;
pub(crate) use system::children;

use account::Account;
pub use journal::Journal;
use storm::Storm;
use system::Holdings;
use team::Team;

/// If no job ends for this long, the nemesis hangs.
const TIMEOUT: Duration = Duration::from_mins(1);

/// Runs as a worker of the nemesis if a pool started this process as one.
pub fn run_if_worker() {
    trial::service().run_if_worker();
}

/// Runs the plan to its end and returns the counts. Progress goes to standard error.
///
/// # Panics
/// If the system has no memory to share, or the pools cannot be built.
pub fn run(plan: &Plan) -> Report {
    let begun = Instant::now();
    // What the first pool of a process creates for good is not a leak.
    drop(team::warm_up(plan));
    let before = Holdings::now();
    let (report, tags) = {
        let journal = Arc::new(Journal::create(plan.jobs));
        let account = Arc::new(Account::new(plan.clone(), Arc::clone(&journal)));
        let tags = plan.tags();
        (run_signals(plan, &account, &tags), tags)
    };
    let mut report = report;
    report.leftovers(&before, &tags);
    report.seconds = begun.elapsed().as_secs_f64();
    report
}

fn run_signals(plan: &Plan, account: &Arc<Account>, tags: &[String; 2]) -> Report {
    let teams = [
        Arc::new(Team::build(plan, 0, account, &tags[0])),
        Arc::new(Team::build(plan, 1, account, &tags[1])),
    ];
    let is_over = Arc::new(AtomicBool::new(false));
    let watching = {
        let (account, is_over) = (Arc::clone(account), Arc::clone(&is_over));
        thread::spawn(move || watch(&account, &is_over))
    };
    let mut storm = Storm::new(plan);
    thread::scope(|scope| {
        let runs: Vec<_> = teams.iter().map(|team| scope.spawn(|| team.run())).collect();
        while !runs.iter().all(thread::ScopedJoinHandle::is_finished) {
            storm.send_next(&teams, account.ended());
        }
    });
    storm.end_shortage();
    is_over.store(true, Ordering::SeqCst);
    watching.join().expect("the watch does not panic");
    let mut report = Report::new(plan, account, &storm);
    for team in teams {
        report.add_stats(&team.stats());
        let team = Arc::into_inner(team).expect("no other reference");
        team.end();
    }
    report
}

/// Reports progress, and ends the program if there is none.
fn watch(account: &Account, is_over: &AtomicBool) {
    let (mut last, mut since, mut reported) = (0, Instant::now(), Instant::now());
    while !is_over.load(Ordering::SeqCst) {
        thread::park_timeout(Duration::from_millis(20));
        let ended = account.ended();
        if ended != last {
            (last, since) = (ended, Instant::now());
        }
        if reported.elapsed() >= Duration::from_secs(1) {
            reported = Instant::now();
            system::say(format_args!("{ended} of {} jobs have ended", account.jobs()));
        }
        if since.elapsed() >= TIMEOUT {
            system::say(format_args!(
                "nothing has ended for {TIMEOUT:?}; the threads:\n{}",
                crate::threads::stacks()
            ));
            let report = Report::of_hang(account);
            system::print(&report.to_json());
            std::process::exit(1);
        }
    }
}
