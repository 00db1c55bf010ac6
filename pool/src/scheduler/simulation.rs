//! Random histories of whole pools, each made from a seed, and the promises that hold in all of them.
//!
//! A [`world`] of simulated worker processes, claim words, drivers and submitters runs around a real scheduler. A
//! [`ledger`] follows every event with a plain account of its own and says, for each single event, exactly which jobs
//! must be resolved and how. The same histories are run with planted [`fault`]s, to show that they would be noticed.

mod fault;
mod ledger;
mod machine;
mod plan;
mod world;

use std::panic::catch_unwind;
use std::thread;

use super::Counters;
use fault::Fault;

/// The histories of the suite.
const HISTORIES: u64 = 100_000;
/// The histories in which a planted fault must show.
const HISTORIES_FOR_A_FAULT: u64 = 5_000;

/// Says which history it was when one panics.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("in the history of seed {}", self.0);
        }
    }
}

#[test]
fn every_promise_holds_in_a_hundred_thousand_histories() {
    let threads = thread::available_parallelism().map_or(1, |count| count.get() as u64);
    let totals = thread::scope(|scope| {
        let run_share = |thread: u64| {
            (thread..HISTORIES)
                .step_by(threads as usize)
                .map(run)
                .collect::<Vec<_>>()
        };
        let shares: Vec<_> = (0..threads)
            .map(|thread| scope.spawn(move || run_share(thread)))
            .collect();
        shares
            .into_iter()
            .flat_map(|share| share.join().expect("a history has failed"))
            .collect::<Vec<_>>()
    });
    check_variety(&totals);
}

fn run(seed: u64) -> Counters {
    let guard = Seed(seed);
    let counters = world::run(guard.0, None);
    counters.unwrap_or_else(|wrong| panic!("{wrong}"))
}

/// A simulation in which little happens proves little.
fn check_variety(histories: &[Counters]) {
    let total = |count: fn(&Counters) -> u64| histories.iter().map(count).sum::<u64>();
    let figures = [
        ("submitted", total(|counters| counters.submitted)),
        ("finished", total(|counters| counters.finished)),
        ("worker died", total(|counters| counters.worker_died)),
        ("deadline", total(|counters| counters.deadline)),
        ("cancelled", total(|counters| counters.cancelled)),
        ("quarantined", total(|counters| counters.quarantined)),
        ("broken", total(|counters| counters.broken)),
        ("closed", total(|counters| counters.closed)),
        ("abandoned", total(|counters| counters.abandoned)),
        ("deaths", total(|counters| counters.deaths)),
        ("start failures", total(|counters| counters.start_failures)),
        ("revocations", total(|counters| counters.revocations)),
        ("requeued", total(|counters| counters.requeued)),
        ("frames", total(|counters| counters.frames)),
    ];
    println!("{} histories: {figures:?}", histories.len());
    for (name, figure) in figures {
        assert!(
            figure >= histories.len() as u64 / 20,
            "{name} happens only {figure} times"
        );
    }
}

#[test]
fn every_planted_fault_is_noticed() {
    for fault in Fault::ALL {
        // A fault may also run into an assertion of the scheduler or the world, which is noticed as well.
        let is_noticed = |&seed: &u64| !matches!(catch_unwind(|| world::run(seed, Some(fault))), Ok(Ok(_)));
        let first = (0..HISTORIES_FOR_A_FAULT).find(is_noticed);
        println!("{fault:?} is noticed in history {first:?}");
        assert!(first.is_some(), "{fault:?} is not noticed");
    }
}

#[test]
fn a_history_is_the_same_each_time() {
    for seed in 0..200 {
        assert_eq!(world::run(seed, None), world::run(seed, None), "seed {seed}");
    }
}
