//! Bytes attached to jobs and results, seen where they lie and kept for longer.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
    mpsc,
};

use protocol::{Bytes, Fault, Job, Payload, attachment};
use serde::{Deserialize, Serialize};

use crate::{
    fake_parent::{FakeParent, StartOptions, TEST_TIMEOUT, start_ready},
    service::Service,
};

/// Bytes that come back.
#[derive(Debug, Serialize, Deserialize)]
struct Store(Bytes);

impl Job for Store {
    type Output = Bytes;
    const NAME: &'static str = "store";
}

/// What the handler is asked to do, by the first byte.
const PANIC: u8 = 200;
const OWN: u8 = 201;

const LENGTH: usize = 200_000;

fn options(lanes: u16) -> StartOptions {
    StartOptions {
        job: Store::NAME,
        lanes,
        ..StartOptions::default()
    }
}

/// Gives bytes back, and shows them to the test.
fn showing() -> (Service<'static>, mpsc::Receiver<Bytes>) {
    let (show, shown) = mpsc::channel();
    let show = Mutex::new(show);
    let service = Service::new(move |store: Store, _cx| {
        // A test may look no more.
        drop(show.lock().unwrap().send(store.0.clone()));
        match store.0[0] {
            PANIC => std::panic::panic_any(store.0),
            OWN => vec![OWN; LENGTH].into(),
            _ => store.0,
        }
    });
    (service, shown)
}

fn deliver(parent: &mut FakeParent, byte: u8) {
    let mut job = Payload::default();
    job.encode(|encoding| Store(vec![byte; LENGTH].into()).encode(encoding))
        .unwrap();
    parent.deliver(&job);
}

fn output(parent: &mut FakeParent, position: u64) -> Bytes {
    let encoding = parent.result(position).unwrap();
    let attached = parent.attached.remove(&position).unwrap_or_default();
    attachment::offer(attached, || Store::decode_output(&encoding)).unwrap()
}

#[test]
fn bytes_kept_in_another_thread_stay_while_other_jobs_come() {
    let (service, shown) = showing();
    let mut parent = start_ready(service, &options(1));
    deliver(&mut parent, 1);
    let kept = shown.recv_timeout(TEST_TIMEOUT).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let watching = std::thread::spawn(move || {
        let mut is_whole = true;
        while !stopped.load(Ordering::Relaxed) {
            is_whole &= kept.len() == LENGTH && kept.iter().all(|byte| *byte == 1);
        }
        is_whole
    });
    assert_eq!(output(&mut parent, 0), vec![1; LENGTH]);
    for position in 1..50 {
        let byte = 1 + position as u8;
        deliver(&mut parent, byte);
        assert_eq!(output(&mut parent, position), vec![byte; LENGTH]);
    }
    stop.store(true, Ordering::Relaxed);
    assert!(watching.join().unwrap(), "its bytes changed under it");
    drop(shown);
    parent.close().unwrap();
}

#[test]
fn a_panic_that_carries_the_bytes_away_holds_nothing_up() {
    let (service, shown) = showing();
    let mut parent = start_ready(service, &options(1));
    deliver(&mut parent, PANIC);
    assert!(matches!(parent.fault(0), Fault::Panicked(_)));
    deliver(&mut parent, 3);
    assert_eq!(output(&mut parent, 1), vec![3; LENGTH]);
    assert_eq!(shown.recv_timeout(TEST_TIMEOUT).unwrap()[..], vec![PANIC; LENGTH]);
}

#[test]
fn results_of_the_job_and_of_the_handler_leave_from_every_lane() {
    let (service, shown) = showing();
    let mut parent = start_ready(service, &options(3));
    for position in 0..60 {
        let byte = if position % 2 == 0 { OWN } else { position as u8 };
        deliver(&mut parent, byte);
        assert_eq!(output(&mut parent, position), vec![byte; LENGTH]);
    }
    drop(shown);
}
