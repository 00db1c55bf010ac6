//! Slow jobs and silent workers: what was sent behind them goes elsewhere.

use super::*;

#[test]
fn what_waits_behind_a_slow_job_goes_to_others() {
    let mut pool = with_six_in_flight(|_| {});
    pool.handle(Event::Stalled {
        worker: 0,
        incarnation: 1,
    });
    pool.handle(Event::Stalled {
        worker: 0,
        incarnation: 1,
    });
    pool.expect(&["revoke 0"]);
    pool.handle(Event::Revoked {
        worker: 0,
        incarnation: 1,
        claimed: 2,
    });
    pool.expect(&[]);
    assert_eq!((pool.scheduler.in_flight(), pool.scheduler.queued()), (1, 5));
    pool.submit(100);
    pool.handle(Event::Progress {
        worker: 0,
        incarnation: 1,
        received: 3,
        done: 1,
        busy: FAST,
    });
    pool.expect(&[]);
    pool.handle(Event::Finished {
        worker: 0,
        incarnation: 1,
        first: 1,
        count: 1,
        failed: 0,
    });
    let seen = std::mem::take(&mut pool.seen);
    assert_eq!(seen[..2], ["deliver 0 at 1: 1..2", "send 0 epoch 1 at 2: 2..6"]);
    assert_eq!(seen[2..], ["send 0 epoch 1 at 6: 6..10"], "the hold is lifted");
}

#[test]
fn a_worker_with_nothing_behind_a_slow_job_is_left_alone() {
    let mut pool = Pool::ready(1, |_| {});
    pool.submit(1);
    pool.done(0, 0, 1, 1, FAST);
    pool.submit(1);
    pool.seen.clear();
    pool.handle(Event::Stalled {
        worker: 0,
        incarnation: 1,
    });
    pool.submit(100);
    pool.expect(&[]);
}

#[test]
fn a_silent_worker_loses_its_jobs_and_gets_no_others_before_it_moves() {
    let mut pool = Pool::ready(2, |_| {});
    pool.submit(1);
    pool.expect(&["send 0 epoch 0 at 0: 0"]);
    pool.handle(Event::Silent {
        worker: 0,
        incarnation: 1,
    });
    pool.expect(&["revoke 0"]);
    pool.handle(Event::Revoked {
        worker: 0,
        incarnation: 1,
        claimed: 0,
    });
    pool.expect(&["send 1 epoch 0 at 0: 0"]);
    pool.submit(1);
    pool.expect(&[]);
    pool.handle(Event::Progress {
        worker: 0,
        incarnation: 1,
        received: 1,
        done: 0,
        busy: Duration::ZERO,
    });
    pool.expect(&["send 0 epoch 1 at 0: 1"]);
}
