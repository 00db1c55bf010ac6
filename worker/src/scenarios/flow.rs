//! Frames, claims, wake-ups and the end of a worker.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use protocol::board;

use super::{Turnstile, echo};
use crate::{
    context::Setup,
    fake_parent::{StartOptions, Task, encoded, start_ready},
    service::Service,
};

#[test]
fn jobs_run_in_order_and_the_worker_ends_without_error() {
    let mut parent = start_ready(echo(), &StartOptions::default());
    parent.send(&["a", "", "b"]);
    parent.send(&["c"]);
    let outputs: Vec<_> = (0..4).map(|position| parent.output(position)).collect();
    assert_eq!(outputs, ["a", "", "b", "c"]);
    let progress = parent.wait_until_received(2);
    assert_eq!(progress.done, 4);
    assert!(progress.busy > Duration::ZERO);
    assert_eq!(parent.board.running(0), None);
    parent.close().unwrap();
}

#[test]
fn a_handler_knows_where_it_runs() {
    let service = Service::new(|_: Task, cx| {
        format!(
            "worker {} lane {} of {} job {}",
            cx.worker(),
            cx.lane(),
            cx.lanes(),
            cx.position()
        )
    });
    let mut parent = start_ready(service, &StartOptions::default());
    parent.send(&["", ""]);
    assert_eq!(parent.output(1), "worker 5 lane 0 of 1 job 1");
}

#[test]
fn the_board_shows_the_running_job_and_its_start() {
    let (service, turnstile) = Turnstile::service();
    let mut parent = start_ready(service, &StartOptions::default());
    let before = board::now();
    parent.send(&["a", "wait"]);
    turnstile.wait_for_arrival();
    let running = parent.board.running(0).unwrap();
    assert_eq!(running.position, 1);
    assert!(running.since >= before);
    turnstile.release_one();
    assert_eq!(parent.output(1), "wait");
}

#[test]
fn a_revocation_divides_the_frame_after_the_running_job() {
    let (service, turnstile) = Turnstile::service();
    let mut parent = start_ready(service, &StartOptions::default());
    parent.send(&["a", "wait", "never", "never"]);
    parent.send(&["never"]);
    turnstile.wait_for_arrival();
    assert_eq!(parent.revoke(), 2);
    parent.send(&["b"]);
    turnstile.release_one();
    let progress = parent.wait_until_received(3);
    assert_eq!((parent.unread(), progress.done), (vec![0, 1, 2], 3));
    assert_eq!(parent.output(2), "b");
}

#[test]
fn a_revoked_large_job_leaves_its_area_to_the_next() {
    let (service, turnstile) = Turnstile::service();
    let mut parent = start_ready(service, &StartOptions::default());
    parent.send(&["wait"]);
    turnstile.wait_for_arrival();
    parent.send(&[&"old".repeat(50_000)]);
    assert_eq!(parent.revoke(), 1);
    let new = "new".repeat(40_000);
    parent.send(&[&new]);
    turnstile.release_one();
    assert_eq!(parent.output(1), new);
    assert_eq!(parent.wait_until_received(3).done, 2);
}

#[test]
fn an_empty_frame_and_a_wholly_revoked_one_are_reported_too() {
    let mut parent = start_ready(echo(), &StartOptions::default());
    parent.send(&[]);
    assert_eq!(parent.wait_until_received(1).done, 0);
    let stale = parent.frame(&[encoded("never")]);
    parent.revoke();
    parent.send_bytes(&stale);
    assert_eq!(parent.wait_until_received(2).done, 0);
    parent.send(&["after"]);
    assert_eq!(parent.output(0), "after");
}

#[test]
fn a_frame_costs_one_wake_up_unless_it_takes_long() {
    let mut parent = start_ready(echo(), &StartOptions::default());
    let tasks = vec!["task"; 2000];
    let start = Instant::now();
    parent.send(&tasks);
    assert_eq!(parent.wait_until_received(1).done, 2000);
    // The clock for what takes long is coarse: it may tick at any moment, and then counts as a millisecond or more.
    let most = 2 + start.elapsed().as_millis() as u64;
    assert!(parent.wakes <= most, "{} wake-ups, {most} at most", parent.wakes);
}

#[test]
fn a_parent_that_does_not_read_is_woken_once() {
    let mut parent = start_ready(echo(), &StartOptions::default());
    parent.send(&["a"]);
    parent.send(&["b"]);
    let deadline = Instant::now() + crate::fake_parent::TEST_TIMEOUT;
    while parent.board.progress().received < 2 {
        assert!(Instant::now() < deadline, "the worker is stuck");
        std::thread::yield_now();
    }
    parent.wait_for_wake();
    let wakes = &parent.link.as_ref().unwrap().wakes;
    // The second frame may have ended after the fake parent accepted the first wake-up, which justifies a second one.
    let second = wakes.receive(Some(Duration::from_millis(1))).unwrap();
    assert!(second.is_none() || parent.wakes == 1);
    assert_eq!(parent.unread(), [0, 1]);
}

#[test]
fn results_do_not_wait_for_the_slow_job_behind_them() {
    let (service, turnstile) = Turnstile::service();
    let mut parent = start_ready(service, &StartOptions::default());
    parent.send(&["wait", "a", "wait"]);
    turnstile.wait_for_arrival();
    // The first job has to run for longer than the interval between wake-ups.
    let until = board::now() + 2 * board::clock_resolution().max(Duration::from_millis(1));
    while board::now() < until {
        std::hint::spin_loop();
    }
    turnstile.release_one();
    assert_eq!(parent.output(0), "wait");
    turnstile.wait_for_arrival();
    turnstile.release_one();
    assert_eq!(parent.output(2), "wait");
}

#[test]
fn a_full_ring_stops_the_worker_until_it_is_read() {
    let mut parent = start_ready(echo(), &StartOptions::default());
    let tasks = vec!["bytes 30000"; 100];
    parent.send(&tasks);
    // Read nothing until the worker has no room left and stops claiming.
    let deadline = Instant::now() + crate::fake_parent::TEST_TIMEOUT;
    while parent.board.claimed() < 9 {
        assert!(Instant::now() < deadline, "the worker is stuck");
        std::thread::yield_now();
    }
    assert_eq!(
        parent.board.claimed(),
        9,
        "the ring has room for eight such results"
    );
    for position in 0..100 {
        assert_eq!(parent.output(position).len(), 30_000);
    }
}

#[test]
fn the_state_is_dropped_at_the_end_even_when_its_drop_panics() {
    struct State(Arc<AtomicU32>);
    impl Drop for State {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
            panic!("a drop that panics");
        }
    }
    let drops = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&drops);
    let service = Service::with_state(
        move |_: &Setup| Ok::<_, String>(State(Arc::clone(&count))),
        |task: Task, _cx| task.0,
    );
    let mut parent = start_ready(service, &StartOptions::default());
    parent.send(&["a"]);
    assert_eq!(parent.output(0), "a");
    parent.close().unwrap();
    assert_eq!(drops.load(Ordering::Relaxed), 1);
}

#[test]
fn jobs_sent_before_the_end_still_run() {
    let mut parent = start_ready(echo(), &StartOptions::default());
    parent.send(&["a", "b"]);
    parent.send(&["c"]);
    parent.link = None;
    parent.worker.outcome().unwrap();
    parent.harvest();
    assert_eq!(parent.unread(), [0, 1, 2]);
}
