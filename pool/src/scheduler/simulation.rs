//! Random histories of whole pools, each made from a seed, and the promises that hold in all of them.
//!
//! A [`world`] of simulated worker processes, claim words, drivers and submitters runs around a real scheduler. A
//! [`checker`] follows every event with a plain account of its own, and says for each event exactly which jobs must be
//! resolved and how. The same histories are run with planted [`fault`]s, to show that they would be noticed.

mod checker;
mod fault;
mod machine;
mod plan;
mod world;

use std::num::NonZero;
use std::panic::catch_unwind;
use std::thread;

use super::Counters;
use checker::Coverage;
use fault::Fault;

/// The number of histories in the suite.
const HISTORIES: u64 = 100_000;
/// The number of histories in which a planted fault must show.
const HISTORIES_FOR_A_FAULT: u64 = 5_000;

/// Prints the seed of a history that panics.
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
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let totals = thread::scope(|scope| {
        let shares = (0..threads).map(|thread| {
            scope.spawn(move || {
                (0..HISTORIES)
                    .skip(thread)
                    .step_by(threads)
                    .map(run)
                    .collect::<Vec<_>>()
            })
        });
        let shares: Vec<_> = shares.collect();
        shares
            .into_iter()
            .flat_map(|share| share.join().expect("a history has failed"))
            .collect::<Vec<_>>()
    });
    check_variety(&totals);
}

fn run(seed: u64) -> (Counters, Coverage) {
    let guard = Seed(seed);
    let summary = world::run(guard.0, None);
    summary.unwrap_or_else(|wrong| panic!("{wrong}"))
}

/// A simulation in which little happens proves little.
fn check_variety(histories: &[(Counters, Coverage)]) {
    let count = |figure: fn(&Counters) -> u64| {
        histories
            .iter()
            .map(|(counters, _)| figure(counters))
            .sum::<u64>()
    };
    let seen = |figure: fn(&Coverage) -> u64| {
        histories
            .iter()
            .map(|(_, coverage)| figure(coverage))
            .sum::<u64>()
    };
    let figures = [
        ("submitted", count(|counters| counters.submitted)),
        ("finished", count(|counters| counters.finished)),
        ("worker died", count(|counters| counters.worker_died)),
        ("deadline", count(|counters| counters.deadline)),
        ("cancelled", count(|counters| counters.cancelled)),
        ("quarantined", count(|counters| counters.quarantined)),
        ("broken", count(|counters| counters.broken)),
        ("closed", count(|counters| counters.closed)),
        ("abandoned", count(|counters| counters.abandoned)),
        ("deaths", count(|counters| counters.deaths)),
        ("start failures", count(|counters| counters.start_failures)),
        ("restarts", count(|counters| counters.restarts)),
        ("revocations", count(|counters| counters.revocations)),
        ("requeued", count(|counters| counters.requeued)),
        ("frames", count(|counters| counters.frames)),
        ("breakdowns", seen(|coverage| coverage.breakdowns)),
        ("halts", seen(|coverage| coverage.halts)),
        ("halted", count(|counters| counters.halted)),
        ("recycled", seen(|coverage| coverage.recycled)),
        ("silences", seen(|coverage| coverage.silences)),
        ("unresponsive workers", seen(|coverage| coverage.unresponsive)),
        (
            "workers over their memory limit",
            seen(|coverage| coverage.over_limit),
        ),
        ("largest frames", seen(|coverage| coverage.largest_frame)),
        ("buffered frames", seen(|coverage| coverage.buffered_frames)),
        ("solitary frames", seen(|coverage| coverage.solitary_frames)),
        ("heavy frames", seen(|coverage| coverage.heavy_frames)),
    ];
    println!("{} histories: {figures:?}", histories.len());
    println!(
        "the largest frame: {:?}",
        histories.iter().map(|(_, coverage)| coverage.largest_frame).max()
    );
    for (name, figure) in figures {
        assert!(
            figure >= histories.len() as u64 / 100,
            "{name} happens only {figure} times"
        );
    }
}

#[test]
fn every_planted_fault_is_noticed() {
    for fault in Fault::ALL {
        // A fault may also fail an assertion of the scheduler or the world, which is noticed as well.
        let wrong = |seed| match catch_unwind(|| world::run(seed, Some(fault))) {
            Ok(Ok(_)) => None,
            Ok(Err(wrong)) => Some((seed, wrong)),
            Err(_) => Some((seed, "an assertion fails".to_owned())),
        };
        let first = (0..HISTORIES_FOR_A_FAULT).find_map(wrong);
        let (seed, wrong) = first.unwrap_or_else(|| panic!("{fault:?} is not noticed"));
        println!("{fault:?} is noticed in history {seed}: {wrong}");
    }
}

#[test]
fn a_history_is_the_same_each_time() {
    for seed in 0..200 {
        assert_eq!(world::run(seed, None), world::run(seed, None), "seed {seed}");
    }
}
