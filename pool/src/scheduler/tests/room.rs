//! Bounds, and submitters that wait for room.

use super::*;

#[test]
fn room_is_announced_once_to_submitters_that_were_turned_away() {
    let mut pool = arrange(1).config(|config| config.queue_jobs = 4).ready();
    pool.submit(5);
    pool.worker(0).done(0, 1, 1, SLOW);
    assert!(pool.scheduler.has_room(1, 10), "three of four places are taken");
    pool.submit(1);
    pool.seen.clear();
    assert!(!pool.scheduler.has_room(1, 10), "the queue is full");
    pool.worker(0).done(1, 1, 2, SLOW);
    pool.expect(&["deliver 0 at 1: 1..2", "send 0 epoch 0 at 2: 2", "room"]);
    pool.worker(0).done(2, 1, 3, SLOW);
    pool.expect(&["deliver 0 at 2: 2..3", "send 0 epoch 0 at 3: 3"]);
}

#[test]
fn room_for_a_large_job_that_was_turned_away_is_announced() {
    let mut pool = arrange(1).config(|config| config.queue_bytes = 100).ready();
    pool.submit(7);
    assert!(!pool.scheduler.has_room(1, 60), "60 bytes are queued");
    pool.seen.clear();
    pool.worker(0).done(0, 1, 1, SLOW);
    assert!(
        !std::mem::take(&mut pool.seen).contains(&"room".to_owned()),
        "50 bytes are queued"
    );
    pool.worker(0).done(1, 1, 2, SLOW);
    pool.expect(&["deliver 0 at 1: 1..2", "send 0 epoch 0 at 2: 2", "room"]);
}

#[test]
fn closing_the_pool_ends_the_wait_for_room() {
    let mut pool = arrange(1).config(|config| config.queue_jobs = 1).ready();
    pool.submit(2);
    assert!(!pool.scheduler.has_room(1, 10));
    pool.seen.clear();
    pool.handle(Event::Close);
    pool.expect(&["room"]);
}

#[test]
fn a_job_larger_than_the_bound_enters_an_empty_queue() {
    let mut pool = arrange(1).config(|config| config.queue_bytes = 100).starting();
    assert!(pool.scheduler.has_room(1, 1_000));
    pool.submit(1);
    assert!(pool.scheduler.has_room(1, 90) && !pool.scheduler.has_room(1, 91));
    pool.seen.clear();
    pool.worker(0).ready();
    pool.expect(&["first ready", "send 0 epoch 0 at 0: 0", "room"]);
}

#[test]
fn abandoned_jobs_are_dropped_from_the_queue() {
    let mut pool = arrange(1).ready();
    pool.submit(3);
    pool.owner.has_left.set(true);
    pool.handle(Event::PurgeAbandoned);
    assert_eq!(
        (pool.scheduler.queued(), pool.scheduler.counters().abandoned),
        (0, 2)
    );
    pool.seen.clear();
    pool.worker(0).done(0, 1, 1, FAST);
    pool.expect(&["deliver 0 at 0: 0..1", "drained"]);
}
