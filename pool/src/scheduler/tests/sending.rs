//! Jobs on their way: frames, lanes, and what travels alone.

use super::*;

#[test]
fn a_lone_job_is_sent_at_once() {
    let mut pool = Pool::new(1, |_| {});
    pool.submit(1);
    pool.expect(&["start 0/1"]);
    pool.handle(Event::Ready {
        worker: 0,
        incarnation: 1,
    });
    pool.expect(&["first ready", "send 0 epoch 0 at 0: 0"]);
    pool.done(0, 0, 1, 1, FAST);
    pool.expect(&["deliver 0 at 0: 0..1", "drained"]);
}

#[test]
fn frames_grow_and_a_second_one_follows_while_there_is_plenty() {
    let mut pool = Pool::ready(1, |_| {});
    pool.submit(64);
    pool.expect(&["send 0 epoch 0 at 0: 0"]);
    pool.done(0, 0, 1, 1, FAST);
    // The first job's result frees the worker before the wake-up has told how long it took.
    pool.expect(&[
        "deliver 0 at 0: 0..1",
        "send 0 epoch 0 at 1: 1",
        "send 0 epoch 0 at 2: 2..6",
    ]);
    pool.done(0, 1, 5, 3, FAST);
    pool.expect(&[
        "deliver 0 at 1: 1..2",
        "deliver 0 at 2: 2..6",
        "send 0 epoch 0 at 6: 6..26",
        "send 0 epoch 0 at 26: 26..45",
    ]);
}

#[test]
fn a_worker_that_is_busy_gets_nothing_while_little_is_queued() {
    let mut pool = Pool::ready(1, |_| {});
    pool.submit(1);
    pool.done(0, 0, 1, 1, FAST);
    pool.submit(1);
    pool.seen.clear();
    pool.submit(3);
    pool.expect(&[]);
    pool.submit(1);
    pool.expect(&["send 0 epoch 0 at 2: 2..6"]);
}

#[test]
fn slow_jobs_are_not_sent_behind_each_other() {
    let mut pool = Pool::ready(2, |_| {});
    pool.submit(5);
    pool.expect(&["send 0 epoch 0 at 0: 0", "send 1 epoch 0 at 0: 1"]);
    pool.done(0, 0, 1, 1, SLOW);
    pool.expect(&["deliver 0 at 0: 0..1", "send 0 epoch 0 at 1: 2"]);
    pool.done(1, 0, 1, 1, SLOW);
    pool.expect(&["deliver 1 at 0: 1..2", "send 1 epoch 0 at 1: 3"]);
}

#[test]
fn the_lanes_of_all_workers_are_filled_evenly() {
    let mut pool = Pool::new(2, |config| config.lanes = 3);
    pool.submit(7);
    pool.handle(Event::Ready {
        worker: 0,
        incarnation: 1,
    });
    pool.handle(Event::Ready {
        worker: 1,
        incarnation: 1,
    });
    pool.seen.drain(..2);
    pool.expect(&[
        "first ready",
        "send 0 epoch 0 at 0: 0..3",
        "send 1 epoch 0 at 0: 3",
        "send 1 epoch 0 at 1: 4",
    ]);
}

#[test]
fn a_free_lane_is_filled_beside_a_slow_job() {
    let mut pool = Pool::ready(1, |config| config.lanes = 2);
    pool.submit(1);
    pool.handle(Event::Stalled {
        worker: 0,
        incarnation: 1,
    });
    pool.submit(2);
    pool.expect(&["send 0 epoch 0 at 0: 0", "send 0 epoch 0 at 1: 1"]);
}

#[test]
fn a_free_lane_does_not_make_frames_small_while_there_are_plenty_of_fast_jobs() {
    let mut pool = Pool::ready(1, |config| config.lanes = 2);
    pool.submit(1);
    pool.done(0, 0, 1, 1, FAST);
    pool.submit(102);
    pool.handle(Event::Finished {
        worker: 0,
        incarnation: 1,
        first: 1,
        count: 1,
        failed: 0,
    });
    pool.seen.clear();
    pool.handle(Event::Progress {
        worker: 0,
        incarnation: 1,
        received: 3,
        done: 2,
        busy: FAST * 2,
    });
    pool.expect(&["send 0 epoch 0 at 3: 3..7"]);
}

#[test]
fn a_frame_is_bounded_in_bytes_and_a_larger_job_travels_in_its_own() {
    let mut pool = Pool::new(1, |config| config.lanes = 9);
    for bytes in [30_000, 18_000, 2_000, 60_000, 10] {
        pool.submit_sized(bytes, false);
    }
    pool.handle(Event::Ready {
        worker: 0,
        incarnation: 1,
    });
    pool.expect(&[
        "start 0/1",
        "first ready",
        "send 0 epoch 0 at 0: 0..2",
        "send 0 epoch 0 at 2: 2",
    ]);
    pool.handle(Event::Progress {
        worker: 0,
        incarnation: 1,
        received: 2,
        done: 0,
        busy: FAST,
    });
    pool.expect(&["send 0 epoch 0 at 3: 3", "send 0 epoch 0 at 4: 4"]);
}

#[test]
fn a_large_payload_waits_for_an_idle_worker_and_travels_alone() {
    let mut pool = Pool::ready(1, |config| config.lanes = 3);
    pool.submit(1);
    pool.submit_sized(10, true);
    pool.submit(1);
    pool.expect(&["send 0 epoch 0 at 0: 0"]);
    pool.done(0, 0, 1, 1, FAST);
    pool.expect(&["deliver 0 at 0: 0..1", "send 0 epoch 0 at 1: 1"]);
    pool.done(0, 1, 1, 2, FAST);
    pool.expect(&["deliver 0 at 1: 1..2", "send 0 epoch 0 at 2: 2"]);
}
