//! Jobs that have no output, and parents that send nonsense.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use protocol::{Fault, Job, message::frame, payload::layout::Contents};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _, ser::Error as _};

use super::{Turnstile, echo};
use crate::{
    context::Setup,
    error::WorkerError,
    fake_parent::{StartOptions, Task, encoded, start_ready},
    service::Service,
};

/// A service that counts its jobs in the state; the task `panic` panics. The initialiser fails after `most` calls.
fn counting(initialisations: &Arc<AtomicU32>, most: u32) -> Service<'static> {
    let initialisations = Arc::clone(initialisations);
    Service::with_state(
        move |_: &Setup| match initialisations.fetch_add(1, Ordering::Relaxed) {
            count if count < most => Ok(0_u32),
            _ => Err("the device is gone"),
        },
        |task: Task, cx| {
            *cx.state() += 1;
            assert_ne!(task.0, "panic", "as asked");
            cx.state().to_string()
        },
    )
}

#[test]
fn a_panic_reaches_the_parent_and_the_next_job_runs() {
    let mut parent = start_ready(echo(), &StartOptions::default());
    parent.send(&["panic boom", "a"]);
    let Fault::Panicked(panicked) = parent.fault(0) else {
        panic!("another fault")
    };
    assert_eq!(panicked.message, "boom");
    assert!(panicked.location.unwrap().contains("scenarios/mod.rs:"));
    assert_eq!(parent.output(1), "a");
}

#[test]
fn a_panic_message_of_any_length_is_published() {
    let mut parent = start_ready(echo(), &StartOptions::default());
    parent.send_encoded(&[encoded(&format!("panic {}", "é".repeat(1 << 20)))]);
    assert!(matches!(parent.fault(0), Fault::Panicked(_)));
}

#[test]
fn the_state_is_replaced_after_a_panic() {
    let initialisations = Arc::default();
    let mut parent = start_ready(counting(&initialisations, 10), &StartOptions::default());
    parent.send(&["a", "b", "panic", "c"]);
    assert_eq!(
        [parent.output(0), parent.output(1), parent.output(3)],
        ["1", "2", "1"]
    );
    assert_eq!(initialisations.load(Ordering::Relaxed), 2);
}

#[test]
fn a_state_that_cannot_be_replaced_ends_the_worker_after_the_fault_is_published() {
    let mut parent = start_ready(counting(&Arc::default(), 1), &StartOptions::default());
    parent.send(&["panic", "never"]);
    assert!(matches!(parent.fault(0), Fault::Panicked(_)));
    let error = parent.worker.outcome().unwrap_err();
    assert!(error.to_string().contains("the device is gone"), "{error}");
    assert_eq!((error.exit_code(), parent.board.claimed()), (1, 1));
    assert_eq!(parent.board.running(0), None);
}

/// A job whose byte decides what goes wrong with it.
#[derive(Debug)]
struct Awkward(u8);

#[derive(Debug)]
struct AwkwardOutput(u8);

impl Serialize for Awkward {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Awkward {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u8::deserialize(deserializer)? {
            1 => Err(D::Error::custom("one cannot be read")),
            2 => panic!("two panics while it is read"),
            other => Ok(Self(other)),
        }
    }
}

impl Serialize for AwkwardOutput {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            3 => Err(S::Error::custom("three cannot be written")),
            4 => panic!("four panics while it is written"),
            other => other.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for AwkwardOutput {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u8::deserialize(deserializer).map(Self)
    }
}

impl Job for Awkward {
    type Output = AwkwardOutput;
    const NAME: &'static str = "awkward";
}

#[test]
fn a_codec_error_is_a_fault_of_its_job_alone() {
    let options = StartOptions {
        job: Awkward::NAME,
        ..StartOptions::default()
    };
    let mut parent = start_ready(Service::new(|job: Awkward, _cx| AwkwardOutput(job.0)), &options);
    parent.send_encoded(&[vec![1], vec![2], vec![3], vec![4], vec![], vec![5, 5], vec![5]]);
    let faults: Vec<_> = (0..6).map(|position| parent.fault(position)).collect();
    for (fault, decodes) in faults.iter().zip([false, false, true, true, false, false]) {
        let as_expected = match fault {
            Fault::Undecodable(_) => !decodes,
            Fault::Unencodable(_) => decodes,
            _ => false,
        };
        assert!(as_expected, "{fault:?}");
    }
    assert!(faults[1].to_string().contains("two panics while it is read"));
    assert!(faults[3].to_string().contains("four panics while it is written"));
    assert_eq!(parent.result(6).unwrap(), [5]);
}

#[test]
fn a_broken_frame_ends_the_worker_before_any_of_its_jobs_runs() {
    let whole = {
        let mut bytes = Vec::new();
        frame::begin(&mut bytes);
        frame::append_job(&mut bytes, &encoded("a"));
        frame::append_job(&mut bytes, &encoded("b"));
        frame::finish(&mut bytes, frame::Form::Counted, 0, 0, 2);
        bytes
    };
    let mut with_flags = whole.clone();
    with_flags[3] = 0x40;
    let broken = [&whole[..whole.len() - 1], &whole[..7], &with_flags, b""];
    for frame in broken {
        let mut parent = start_ready(echo(), &StartOptions::default());
        parent.send_bytes(frame);
        let error = parent.worker.outcome().unwrap_err();
        assert!(matches!(error, WorkerError::BrokenFrame(_)), "{error}");
        assert_eq!(error.exit_code(), 70);
        parent.harvest();
        assert_eq!((parent.unread(), parent.board.claimed()), (vec![], 0));
    }
}

#[test]
fn a_frame_for_positions_that_were_never_sent_ends_the_worker() {
    let mut skipping = Vec::new();
    frame::begin(&mut skipping);
    frame::append_job(&mut skipping, &encoded("a"));
    frame::finish(&mut skipping, frame::Form::Counted, 0, 7, 1);
    let large = |position, encoding, attached| frame::large(0, position, Contents { encoding, attached });
    for bytes in [
        skipping,
        large(7, 3, 0),
        large(0, 1 << 40, 0),
        large(0, 1 << 20, 0),
        large(0, 0, 1),
        large(0, 0, 1 << 60),
    ] {
        let parent = start_ready(echo(), &StartOptions::default());
        parent.send_bytes(&bytes);
        let error = parent.worker.outcome().unwrap_err();
        assert!(matches!(error, WorkerError::BrokenProtocol(_)), "{error}");
        assert_eq!(error.exit_code(), 70);
    }
}

#[test]
fn a_parent_that_ends_while_a_job_runs_is_noticed_after_the_job() {
    let (service, turnstile) = Turnstile::service();
    let mut parent = start_ready(service, &StartOptions::default());
    parent.send(&["wait"]);
    turnstile.wait_for_arrival();
    parent.link = None;
    turnstile.release_one();
    parent.worker.outcome().unwrap();
}
