//! Workers with several lanes.

use std::{
    rc::Rc,
    sync::{
        Arc, Barrier, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    thread::{self, ThreadId},
};

use protocol::Fault;

use super::{Turnstile, echo};
use crate::{
    context::Setup,
    error::WorkerError,
    fake_parent::{StartOptions, Task, start_ready},
    service::Service,
};

fn lanes(lanes: u16) -> StartOptions {
    StartOptions {
        lanes,
        ..StartOptions::default()
    }
}

/// A service whose jobs end only if three of them run at once.
fn meeting() -> Service<'static> {
    let barrier = Barrier::new(3);
    Service::new(move |_: Task, cx| {
        barrier.wait();
        cx.lane().to_string()
    })
}

#[test]
fn the_jobs_of_one_frame_run_at_once() {
    let mut parent = start_ready(meeting(), &lanes(3));
    parent.send(&["", "", ""]);
    let mut lanes: Vec<_> = (0..3).map(|position| parent.output(position)).collect();
    lanes.sort();
    assert_eq!(lanes, ["0", "1", "2"]);
    parent.close().unwrap();
}

#[test]
fn the_jobs_of_several_frames_run_at_once() {
    let mut parent = start_ready(meeting(), &lanes(3));
    parent.send(&[""]);
    parent.send(&[""]);
    // A used-up frame counts as received although its job still runs, so the parent may send the next.
    parent.wait_until_received(1);
    parent.send(&[""]);
    for position in 0..3 {
        parent.output(position);
    }
    parent.close().unwrap();
}

#[test]
fn a_long_job_delays_neither_jobs_nor_results_of_other_lanes() {
    let (service, turnstile) = Turnstile::service();
    let mut parent = start_ready(service, &lanes(2));
    parent.send(&["wait", "a", "b"]);
    turnstile.wait_for_arrival();
    assert_eq!([parent.output(1), parent.output(2)], ["a", "b"]);
    parent.send(&["c"]);
    assert_eq!(parent.output(3), "c");
    let large = "d".repeat(100_000);
    parent.send(&[&large]);
    assert_eq!(parent.output(4), large);
    turnstile.release_one();
    assert_eq!(parent.output(0), "wait");
    parent.close().unwrap();
}

#[test]
fn every_job_of_many_frames_has_one_result() {
    let mut parent = start_ready(echo(), &lanes(4));
    let mut expected = Vec::new();
    for round in 0..200 {
        let tasks: Vec<String> = (0..round % 97)
            .map(|index| match index % 50 {
                13 => "bytes 40000".to_owned(),
                _ => format!("{round}.{index}"),
            })
            .collect();
        parent.send(&tasks.iter().map(String::as_str).collect::<Vec<_>>());
        expected.extend(tasks);
        parent.wait_until_received(round);
    }
    for (position, task) in expected.iter().enumerate() {
        let output = parent.output(position as u64);
        assert!(&output == task || task.starts_with("bytes") && output.len() == 40_000);
    }
    // A frame is used up once its last job is claimed; the last lane reports its jobs after that.
    while parent.board.progress().done < expected.len() as u64 {
        parent.wait_for_wake();
    }
    parent.close().unwrap();
}

#[test]
fn a_revocation_divides_exactly_among_lanes() {
    let mut parent = start_ready(echo(), &lanes(3));
    for _ in 0..100 {
        let first = parent.send(&["first"]) - 1;
        parent.send(&["x"; 300]);
        let divided = parent.revoke();
        parent.send(&["last"]);
        for position in first..=divided {
            parent.output(position);
        }
        assert!(parent.unread().is_empty());
    }
}

#[test]
fn a_state_need_not_be_send() {
    struct Native(Rc<ThreadId>, Arc<Mutex<Vec<ThreadId>>>);
    impl Drop for Native {
        fn drop(&mut self) {
            assert_eq!(*self.0, thread::current().id());
            self.1.lock().unwrap().push(*self.0);
        }
    }

    let threads: Arc<Mutex<Vec<ThreadId>>> = Arc::default();
    let dropped = Arc::clone(&threads);
    let service = Service::with_state(
        move |_: &Setup| Ok::<_, String>(Native(Rc::new(thread::current().id()), Arc::clone(&dropped))),
        |task: Task, cx| {
            assert_eq!(*cx.state().0, thread::current().id());
            task.0
        },
    );
    let mut parent = start_ready(service, &lanes(2));
    parent.send(&["a"; 50]);
    for position in 0..50 {
        parent.output(position);
    }
    parent.close().unwrap();
    assert_eq!(threads.lock().unwrap().len(), 2);
}

#[test]
fn a_panic_costs_its_lane_nothing() {
    let mut parent = start_ready(echo(), &lanes(2));
    parent.send(&["panic a", "b", "panic c", "d"]);
    assert!(matches!(parent.fault(0), Fault::Panicked(_)));
    assert!(matches!(parent.fault(2), Fault::Panicked(_)));
    assert_eq!([parent.output(1), parent.output(3)], ["b", "d"]);
}

#[test]
fn a_lane_that_fails_is_the_workers_failure() {
    let initialisations = AtomicU32::new(0);
    let service = Service::with_state(
        move |_: &Setup| match initialisations.fetch_add(1, Ordering::Relaxed) {
            0 | 1 => Ok(()),
            _ => Err("the device is gone"),
        },
        |task: Task, _cx| panic!("{}", task.0),
    );
    let mut parent = start_ready(service, &lanes(2));
    parent.send(&["as asked"]);
    assert!(matches!(parent.fault(0), Fault::Panicked(_)));
    // A real worker exits here at once. In a test, the other lane serves until the link's end.
    assert!(matches!(parent.close(), Err(WorkerError::Reinitialising(_))));
}
