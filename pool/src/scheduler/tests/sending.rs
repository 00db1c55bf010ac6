//! Sending: frames, lanes, and jobs that travel alone.

use super::*;

#[test]
fn a_lone_job_is_sent_at_once() {
    let mut pool = arrange(1).starting();
    pool.submit(1);
    pool.expect(&["start 0/1"]);
    pool.worker(0).ready();
    pool.expect(&["first ready", "send 0 epoch 0 at 0: 0"]);
    pool.worker(0).done(0, 1, 1, FAST);
    pool.expect(&["deliver 0 at 0: 0..1", "drained"]);
}

#[test]
fn frames_grow_and_a_second_one_follows_while_there_is_plenty() {
    let mut pool = arrange(1).ready();
    pool.submit(64);
    pool.expect(&["send 0 epoch 0 at 0: 0"]);
    pool.worker(0).done(0, 1, 1, FAST);
    // The first job's result frees the worker before the wake-up has reported how long it took.
    pool.expect(&[
        "deliver 0 at 0: 0..1",
        "send 0 epoch 0 at 1: 1",
        "send 0 epoch 0 at 2: 2..6",
    ]);
    pool.worker(0).done(1, 5, 3, FAST);
    pool.expect(&[
        "deliver 0 at 1: 1..2",
        "deliver 0 at 2: 2..6",
        "send 0 epoch 0 at 6: 6..26",
        "send 0 epoch 0 at 26: 26..45",
    ]);
}

#[test]
fn a_worker_that_is_busy_gets_nothing_while_little_is_queued() {
    let mut pool = arrange(1).warm().jobs(1).ready();
    pool.submit(3);
    pool.expect(&[]);
    pool.submit(1);
    pool.expect(&["send 0 epoch 0 at 2: 2..6"]);
}

#[test]
fn slow_jobs_are_not_sent_behind_each_other() {
    let mut pool = arrange(2).ready();
    pool.submit(5);
    pool.expect(&["send 0 epoch 0 at 0: 0", "send 1 epoch 0 at 0: 1"]);
    pool.worker(0).done(0, 1, 1, SLOW);
    pool.expect(&["deliver 0 at 0: 0..1", "send 0 epoch 0 at 1: 2"]);
    pool.worker(1).done(0, 1, 1, SLOW);
    pool.expect(&["deliver 1 at 0: 1..2", "send 1 epoch 0 at 1: 3"]);
}

#[test]
fn the_lanes_of_all_workers_are_filled_evenly() {
    let mut pool = arrange(2).config(|config| config.lanes = 3).starting();
    pool.submit(7);
    pool.worker(0).ready();
    pool.worker(1).ready();
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
    let mut pool = arrange(1).config(|config| config.lanes = 2).ready();
    pool.submit(1);
    pool.worker(0).stalled();
    pool.submit(2);
    pool.expect(&["send 0 epoch 0 at 0: 0", "send 0 epoch 0 at 1: 1"]);
}

#[test]
fn a_free_lane_does_not_make_frames_small_while_there_are_plenty_of_fast_jobs() {
    let mut pool = arrange(1).config(|config| config.lanes = 2).warm().ready();
    pool.submit(102);
    pool.worker(0).finished(1, 1);
    pool.seen.clear();
    pool.worker(0).progress(3, 2, FAST * 2);
    pool.expect(&["send 0 epoch 0 at 3: 3..7"]);
}

#[test]
fn a_frame_is_bounded_in_bytes_and_a_larger_job_travels_in_its_own() {
    let mut pool = arrange(1).config(|config| config.lanes = 9).starting();
    for bytes in [30_000, 18_000, 2_000, 60_000, 10] {
        pool.submit_sized(bytes, false);
    }
    pool.worker(0).ready();
    pool.expect(&[
        "start 0/1",
        "first ready",
        "send 0 epoch 0 at 0: 0..2",
        "send 0 epoch 0 at 2: 2",
    ]);
    pool.worker(0).progress(2, 0, FAST);
    pool.expect(&["send 0 epoch 0 at 3: 3", "send 0 epoch 0 at 4: 4"]);
}

#[test]
fn a_large_payload_waits_for_an_idle_worker_and_travels_alone() {
    let mut pool = arrange(1).config(|config| config.lanes = 3).ready();
    pool.submit(1);
    pool.submit_sized(10, true);
    pool.submit(1);
    pool.expect(&["send 0 epoch 0 at 0: 0"]);
    pool.worker(0).done(0, 1, 1, FAST);
    pool.expect(&["deliver 0 at 0: 0..1", "send 0 epoch 0 at 1: 1"]);
    pool.worker(0).done(1, 1, 2, FAST);
    pool.expect(&["deliver 0 at 1: 1..2", "send 0 epoch 0 at 2: 2"]);
}
