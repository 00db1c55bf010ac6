//! Bytes attached to jobs and results: read where they arrived, and kept for longer.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
    mpsc,
};

use protocol::{Bytes, Fault, Job, Payload, payload::attachment};
use serde::{Deserialize, Serialize};

use crate::{
    fake_parent::{FakeParent, StartOptions, TEST_TIMEOUT, start_ready},
    service::Service,
};

/// A job whose output is its bytes.
#[derive(Debug, Serialize, Deserialize)]
struct Store(Bytes);

impl Job for Store {
    type Output = Bytes;
    const NAME: &'static str = "store";
}

/// First bytes that make the handler panic, or return bytes of its own.
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

/// A service that returns the bytes, and the channel on which it sends them to the test.
fn showing() -> (Service<'static>, mpsc::Receiver<Bytes>) {
    let (show, shown) = mpsc::channel();
    let show = Mutex::new(show);
    let service = Service::new(move |store: Store, _cx| {
        // The test may have dropped the receiver.
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
    parent.send_large(&job);
}

fn output(parent: &mut FakeParent, position: u64) -> Bytes {
    let encoding = parent.result(position).unwrap();
    let attached = parent.attached.remove(&position).unwrap_or_default();
    attachment::offer(attached, || Store::decode_output(&encoding)).unwrap()
}

#[test]
fn bytes_kept_in_another_thread_stay_unchanged_while_other_jobs_run() {
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
    assert!(watching.join().unwrap(), "the kept bytes changed");
    drop(shown);
    parent.close().unwrap();
}

#[test]
fn a_panic_with_the_bytes_as_payload_blocks_no_later_job() {
    let (service, shown) = showing();
    let mut parent = start_ready(service, &options(1));
    deliver(&mut parent, PANIC);
    assert!(matches!(parent.fault(0), Fault::Panicked(_)));
    deliver(&mut parent, 3);
    assert_eq!(output(&mut parent, 1), vec![3; LENGTH]);
    assert_eq!(shown.recv_timeout(TEST_TIMEOUT).unwrap()[..], vec![PANIC; LENGTH]);
}

#[test]
fn every_lane_returns_bytes_of_the_job_and_of_the_handler() {
    let (service, shown) = showing();
    let mut parent = start_ready(service, &options(3));
    for position in 0..60 {
        let byte = if position % 2 == 0 { OWN } else { position as u8 };
        deliver(&mut parent, byte);
        assert_eq!(output(&mut parent, position), vec![byte; LENGTH]);
    }
    drop(shown);
}
