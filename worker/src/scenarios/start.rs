//! Start requests and answers.

use std::{
    fmt::Display,
    os::fd::AsFd,
    sync::atomic::{AtomicBool, Ordering},
};

use protocol::message::{
    control,
    handshake::{self, Answer, HandshakeError},
};

use super::echo;
use crate::{
    context::Setup,
    error::WorkerError,
    fake_parent::{StartOptions, Task, Worker, encode_argument, start, start_ready},
    service::Service,
};

fn answer_of(service: Service<'static>, options: &StartOptions) -> (Answer, WorkerError) {
    match start(service, options) {
        Ok(_) => panic!("the worker is ready"),
        Err((answer, worker)) => (answer, worker.outcome().unwrap_err()),
    }
}

fn with_initialiser<E: Display + 'static>(
    initialiser: impl Fn(&Setup) -> Result<String, E> + Sync + 'static,
) -> Service<'static> {
    Service::with_state(initialiser, |task: Task, cx| format!("{} {}", cx.state(), task.0))
}

#[test]
fn the_argument_reaches_every_initialiser() {
    let options = StartOptions {
        argument: encode_argument(&("hello", 7_u8)),
        ..StartOptions::default()
    };
    let service = with_initialiser(|setup: &Setup| {
        let lane = (setup.worker(), setup.lane(), setup.lanes());
        setup
            .argument::<(String, u8)>()
            .map(|argument| format!("{argument:?} {lane:?}"))
    });
    let mut parent = start_ready(service, &options);
    parent.send(&["you"]);
    assert_eq!(parent.output(0), r#"("hello", 7) (5, 0, 1) you"#);
    // The argument's area is free again for a job.
    parent.send(&[&"x".repeat(50_000)]);
    assert!(parent.output(1).ends_with("xxx"));
}

#[test]
fn a_failed_initialiser_of_any_lane_is_reported() {
    for lanes in [1, 3] {
        let options = StartOptions {
            lanes,
            ..StartOptions::default()
        };
        let service = with_initialiser(|setup: &Setup| match setup.lane() {
            last if last + 1 == setup.lanes() => Err("no licence"),
            _ => Ok(String::new()),
        });
        let (answer, error) = answer_of(service, &options);
        let message = "no licence".to_owned();
        assert_eq!(answer, Answer::InitialiserFailed { message });
        assert_eq!(error.exit_code(), 1);
    }
}

#[test]
fn a_panicking_initialiser_is_reported_with_its_location() {
    let service = with_initialiser::<String>(|_: &Setup| panic!("no such library"));
    let (Answer::InitialiserFailed { message }, _) = answer_of(service, &StartOptions::default()) else {
        panic!("another answer")
    };
    assert!(
        message.contains("start.rs:") && message.ends_with("no such library"),
        "{message}"
    );
}

#[test]
fn a_missing_argument_and_a_wrong_one_are_reported() {
    for (argument, why) in [
        (Vec::new(), "the pool has no argument for its workers"),
        (vec![1, 0xff], ""),
    ] {
        let service = with_initialiser(|setup: &Setup| setup.argument::<String>());
        let options = StartOptions {
            argument,
            ..StartOptions::default()
        };
        let (Answer::InitialiserFailed { message }, _) = answer_of(service, &options) else {
            panic!("another answer")
        };
        assert!(message.contains(why), "{message}");
    }
}

#[test]
fn another_type_of_job_is_refused_by_name_and_initialises_nothing() {
    static INITIALISED: AtomicBool = AtomicBool::new(false);
    let options = StartOptions {
        job: "resize",
        ..StartOptions::default()
    };
    let service = with_initialiser(|_: &Setup| {
        INITIALISED.store(true, Ordering::Relaxed);
        Ok::<_, String>(String::new())
    });
    let (answer, error) = answer_of(service, &options);
    let serves = "task".to_owned();
    assert_eq!(answer, Answer::WrongJob { serves });
    assert!(error.to_string().contains("resize"), "{error}");
    assert!(!INITIALISED.load(Ordering::Relaxed));
}

#[test]
fn an_invalid_number_of_lanes_is_refused() {
    for lanes in [0, 65] {
        let options = StartOptions {
            lanes,
            ..StartOptions::default()
        };
        let (answer, _) = answer_of(echo(), &options);
        assert!(matches!(answer, Answer::Unusable { .. }), "{answer:?}");
    }
}

#[test]
fn foreign_messages_and_other_versions_are_answered_and_end_the_worker() {
    let mut other_version = handshake::encode(&Answer::ready()).unwrap();
    other_version[8] = 99;
    for bytes in [&other_version[..], b"GET / HTTP/1.1\r\n\r\n"] {
        let (ours, theirs) = control::pair().unwrap();
        let worker = Worker::start(echo(), theirs);
        control::send(&ours, bytes, &[ours.as_fd()]).unwrap();
        let answer = handshake::decode(&control::receive(&ours, None).unwrap()).unwrap();
        assert!(matches!(answer, Answer::Unusable { .. }), "{answer:?}");
        let error = worker.outcome().unwrap_err();
        assert!(matches!(
            error,
            WorkerError::Handshake(HandshakeError::Version { .. } | HandshakeError::NotAHandshake)
        ));
    }
}

#[test]
fn a_parent_that_closes_the_control_socket_ends_the_worker() {
    let (ours, theirs) = control::pair().unwrap();
    let worker = Worker::start(echo(), theirs);
    drop(ours);
    assert!(matches!(worker.outcome(), Err(WorkerError::Control(_))));
}
