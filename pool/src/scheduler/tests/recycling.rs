//! Replacing healthy workers.

use super::*;

#[test]
fn a_worker_that_is_due_is_replaced_before_it_ends() {
    let mut pool = arrange(1)
        .config(|config| {
            config.recycling = Recycling {
                after_jobs: std::num::NonZero::new(2),
                spares: 1,
            };
        })
        .ready();
    pool.submit(2);
    pool.expect(&["send 0 epoch 0 at 0: 0"]);
    pool.worker(0).done(0, 1, 1, SLOW);
    pool.expect(&["deliver 0 at 0: 0..1", "send 0 epoch 0 at 1: 1"]);
    pool.submit(2);
    pool.worker(0).done(1, 1, 2, SLOW);
    pool.expect(&["deliver 0 at 1: 1..2", "start 1/1", "send 0 epoch 0 at 2: 2"]);
    pool.worker(1).ready();
    pool.expect(&["revoke 0", "send 1 epoch 0 at 0: 3"]);
    pool.worker(0).revoked(3);
    pool.expect(&[]);
    pool.worker(0).done(2, 1, 3, SLOW);
    pool.expect(&["deliver 0 at 2: 2..3", "close 0"]);
    pool.worker(0).died(3, 1);
    pool.expect(&[]);
    assert_eq!(pool.scheduler.counters().recycled, 1);
    let numbers: Vec<_> = pool
        .scheduler
        .workers()
        .map(|seen| (seen.number, seen.generation, seen.state))
        .collect();
    assert_eq!(numbers, [(0, 1, WorkerState::Vacant), (0, 2, WorkerState::Ready)]);
}

#[test]
fn a_successor_that_does_not_start_does_no_harm() {
    let mut pool = arrange(1).config(|config| config.recycling.spares = 1).ready();
    pool.worker(0).grown();
    pool.expect(&["start 1/1"]);
    for incarnation in 1..20 {
        pool.incarnation(1, incarnation)
            .start_failed(1, Outlook::Hopeless);
        let next = format!("start 1/{} later", incarnation + 1);
        pool.expect(&[&next]);
    }
    pool.submit(1);
    pool.expect(&["send 0 epoch 0 at 0: 0"]);
}

#[test]
fn a_worker_that_dies_while_its_successor_starts_is_replaced_by_that_one() {
    let mut pool = arrange(1).config(|config| config.recycling.spares = 1).ready();
    pool.worker(0).grown();
    pool.submit(1);
    pool.seen.clear();
    pool.worker(0).died(1, 5);
    pool.expect(&["fail 0..1: died of 5", "drained"]);
    pool.submit(1);
    pool.worker(1).ready();
    pool.expect(&["send 1 epoch 0 at 0: 1"]);
}
