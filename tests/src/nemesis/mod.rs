//! The nemesis: a storm of signals over two pools, and an account of every job that does not trust them.
//!
//! Starts are counted by the jobs themselves, in memory shared with the workers (`journal`); ends are counted here
//! (`account`). Whatever a pool says of itself is only reported, never relied upon.

mod account;
mod journal;
mod plan;
mod report;
mod storm;
mod team;
mod trial;
mod weather;

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
pub(crate) use weather::children;

use account::Account;
pub use journal::Journal;
use storm::Storm;
use team::Team;
use weather::Holdings;

/// No job may keep everything waiting for so long.
const PATIENCE: Duration = Duration::from_mins(1);

/// Turns the process into a worker of the nemesis when a pool started it as one.
pub fn run_if_worker() {
    trial::service().run_if_worker();
}

/// Runs the plan to its end and tells what was counted. Progress goes to standard error.
///
/// # Panics
/// When the system does not let it begin: no memory to share, no pool.
pub fn run(plan: &Plan) -> Report {
    let begun = Instant::now();
    // What the first pool of a process makes for good is no leak.
    drop(team::warm_up(plan));
    let before = Holdings::now();
    let (report, marks) = {
        let journal = Arc::new(Journal::create(plan.jobs));
        let account = Arc::new(Account::new(plan.clone(), Arc::clone(&journal)));
        let marks = plan.marks();
        (storm_over(plan, &account, &marks), marks)
    };
    let mut report = report;
    report.leftovers(&before, &marks);
    report.seconds = begun.elapsed().as_secs_f64();
    report
}

fn storm_over(plan: &Plan, account: &Arc<Account>, marks: &[String; 2]) -> Report {
    let teams = [
        Arc::new(Team::build(plan, 0, account, &marks[0])),
        Arc::new(Team::build(plan, 1, account, &marks[1])),
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
            storm.blow(&teams, account.ended());
        }
    });
    storm.calm();
    is_over.store(true, Ordering::SeqCst);
    watching.join().expect("the watch does not panic");
    let mut report = Report::new(plan, account, &storm);
    for team in teams {
        report.add_stats(&team.stats());
        let team = Arc::into_inner(team).expect("nobody else has it any more");
        team.end();
    }
    report
}

/// Tells the progress, and ends the program when there is none.
fn watch(account: &Account, is_over: &AtomicBool) {
    let (mut last, mut since, mut told) = (0, Instant::now(), Instant::now());
    while !is_over.load(Ordering::SeqCst) {
        thread::park_timeout(Duration::from_millis(20));
        let ended = account.ended();
        if ended != last {
            (last, since) = (ended, Instant::now());
        }
        if told.elapsed() >= Duration::from_secs(1) {
            told = Instant::now();
            weather::tell(format_args!("{ended} of {} jobs have ended", account.jobs()));
        }
        if since.elapsed() >= PATIENCE {
            weather::tell(format_args!(
                "nothing has ended for {PATIENCE:?}; the threads:\n{}",
                crate::threads::stacks()
            ));
            let report = Report::of_hang(account);
            weather::print(&report.to_json());
            std::process::exit(1);
        }
    }
}
