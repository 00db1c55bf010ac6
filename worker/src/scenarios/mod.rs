//! Scenarios of whole workers, each driven by a fake parent.

mod faults;
mod flow;
mod lanes;
mod payloads;
mod sizes;
mod start;

use std::sync::{Arc, Mutex, mpsc};

use crate::{fake_parent::Task, service::Service};

/// A service that returns the task's text; `panic MESSAGE` panics, `bytes N` returns N bytes.
fn echo() -> Service<'static> {
    Service::new(|task: Task, _cx| match task.0.split_once(' ') {
        Some(("panic", message)) => panic!("{message}"),
        Some(("bytes", count)) => "x".repeat(count.parse().unwrap()),
        _ => task.0,
    })
}

/// Holds the jobs `wait` of a worker until the test releases each of them.
struct Turnstile {
    arrived: mpsc::Receiver<()>,
    release: mpsc::Sender<()>,
}

impl Turnstile {
    /// A service that returns the task's text, once it is released if that is `wait`, and the turnstile of the service.
    fn service() -> (Service<'static>, Self) {
        let (arrive, arrived) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let released = Arc::new(Mutex::new(released));
        let service = Service::new(move |task: Task, _cx| {
            if task.0 == "wait" {
                arrive.send(()).unwrap();
                released.lock().unwrap().recv().unwrap();
            }
            task.0
        });
        (service, Self { arrived, release })
    }

    fn wait_for_arrival(&self) {
        self.arrived
            .recv_timeout(crate::fake_parent::TEST_TIMEOUT)
            .expect("a job arrives");
    }

    fn release_one(&self) {
        self.release.send(()).unwrap();
    }
}
