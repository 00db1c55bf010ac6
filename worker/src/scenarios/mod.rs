//! Stories of whole workers, told by a stand-in for their parent.

mod faults;
mod flow;
mod lanes;
mod payloads;
mod sizes;
mod start;

use std::sync::{Arc, Mutex, mpsc};

use crate::{fake_parent::Task, service::Service};

/// Answers with what it is asked; `panic why` panics, `bytes n` answers with so many.
fn echo() -> Service<'static> {
    Service::new(|task: Task, _cx| match task.0.split_once(' ') {
        Some(("panic", message)) => panic!("{message}"),
        Some(("bytes", count)) => "x".repeat(count.parse().unwrap()),
        _ => task.0,
    })
}

/// Holds the jobs `wait` of a worker until the test lets each of them go.
struct Turnstile {
    arrived: mpsc::Receiver<()>,
    go: mpsc::Sender<()>,
}

impl Turnstile {
    /// A service that answers with what it is asked, `wait` when it is let go, and the turnstile that lets it.
    fn service() -> (Service<'static>, Self) {
        let (arrive, arrived) = mpsc::channel();
        let (go, gone) = mpsc::channel::<()>();
        let gone = Arc::new(Mutex::new(gone));
        let service = Service::new(move |task: Task, _cx| {
            if task.0 == "wait" {
                arrive.send(()).unwrap();
                gone.lock().unwrap().recv().unwrap();
            }
            task.0
        });
        (service, Self { arrived, go })
    }

    fn wait_for_arrival(&self) {
        self.arrived
            .recv_timeout(crate::fake_parent::TEST_TIMEOUT)
            .expect("a job arrives");
    }

    fn let_one_go(&self) {
        self.go.send(()).unwrap();
    }
}
