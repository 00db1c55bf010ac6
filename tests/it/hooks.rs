//! Callbacks: hooks on a worker's start and end, and what they may do with the pool.

use std::sync::{
    Arc, Mutex, OnceLock, Weak,
    mpsc::{self, Sender},
};

use pool::{
    Pool,
    failure::{Cause, EndReason, Exit},
};
use rustix::process::Signal;
use tests::{Answer, Puppet};

use crate::setup::{a_pid, assert_works, puppets, run, scenario, signal, wait_for};

fn sending<T: Send + 'static>(sender: Sender<T>) -> impl Fn(T) + Send + Sync {
    let sender = Mutex::new(sender);
    move |value| {
        let _closed = sender.lock().expect("a sender").send(value);
    }
}

#[test]
fn starts_and_ends_are_reported_with_their_causes() {
    scenario(|| {
        let ((starts, started), (ends, ended)) = (mpsc::channel(), mpsc::channel());
        let (send_start, send_end) = (sending(starts), sending(ends));
        let pool = puppets(1)
            .on_worker_start(move |start| send_start((start.worker, start.pid)))
            .on_worker_end(move |cause| send_end(cause.clone()))
            .build()
            .expect("a pool");
        let (worker, pid) = started.recv().expect("a start");
        assert_eq!((worker, pid), (0, a_pid(&pool)));
        signal(pid, Signal::KILL);
        let Cause::Died(death) = ended.recv().expect("an end") else {
            panic!("it had started")
        };
        assert_eq!(
            (death.pid, death.exit.signal(), &death.reason),
            (pid, Some(9), &None)
        );
        let (_, second) = started.recv().expect("another start");
        assert_ne!(second, pid);
        assert_works(&pool);
        drop(pool);
        let Cause::Died(death) = ended.recv().expect("an end") else {
            panic!("it had started")
        };
        assert_eq!((death.pid, &death.reason), (second, &Some(EndReason::Closed)));
    });
}

#[test]
fn an_orderly_exit_is_reported_as_such() {
    scenario(|| {
        let (ends, ended) = mpsc::channel();
        let send_end = sending(ends);
        let pool = puppets(1)
            .on_worker_end(move |cause| send_end(cause.clone()))
            .build()
            .expect("a pool");
        assert_works(&pool);
        pool.shutdown(std::time::Duration::from_mins(1));
        let Cause::Died(death) = ended.recv().expect("an end") else {
            panic!("it had started")
        };
        assert_eq!(
            (death.exit, &death.reason),
            (Exit::Code(0), &Some(EndReason::Closed))
        );
    });
}

/// F44: callbacks that panic, and callbacks that use the pool.
#[test]
fn hooks_may_panic_and_may_use_the_pool() {
    scenario(|| {
        let shared: Arc<OnceLock<Weak<Pool<Puppet>>>> = Arc::default();
        let (answers, answered) = mpsc::channel();
        let send = sending(answers);
        let seen = Arc::clone(&shared);
        let pool = puppets(2)
            .on_worker_start(|_| panic!("in a hook, on purpose"))
            .on_worker_end(|_| panic!("in a hook, on purpose"))
            .on_worker_end(move |_| {
                // A hook runs in the thread of the worker that ended, so another worker must answer.
                if let Some(pool) = seen.get().and_then(Weak::upgrade) {
                    send(pool.submit(Puppet::Number(5)).map(pool::JobHandle::wait));
                }
            })
            .build()
            .expect("a pool");
        let pool = Arc::new(pool);
        shared.set(Arc::downgrade(&pool)).expect("once");
        wait_for("both workers", || {
            let stats = pool.stats();
            stats
                .workers
                .iter()
                .all(|worker| worker.pid.is_some())
                .then_some(())
        });
        run(&pool, Puppet::Abort).expect_err("it aborts");
        let answer = answered.recv().expect("the hook ran");
        assert_eq!(answer.expect("accepted").expect("an answer"), Answer::Number(5));
        assert_works(&pool);
    });
}
