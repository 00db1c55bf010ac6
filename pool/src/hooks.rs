//! The caller's functions that run when workers start and end.
//!
//! They run with nothing locked, in the thread that serves the worker. A panic in one is logged. They observe, and decide
//! nothing.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use crate::failure::Cause;

/// A worker that has started and takes jobs: the argument of
/// [`Builder::on_worker_start`](crate::Builder::on_worker_start).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkerStart {
    /// The worker's number in its pool, from 0.
    pub worker: u32,
    /// The worker's process id.
    pub pid: u32,
}

type Hook<T> = Arc<dyn Fn(&T) + Send + Sync>;

/// The functions to run.
#[derive(Clone, Default)]
pub(crate) struct Hooks {
    start: Vec<Hook<WorkerStart>>,
    end: Vec<Hook<Cause>>,
}

impl Hooks {
    pub(crate) fn on_start(&mut self, hook: impl Fn(&WorkerStart) + Send + Sync + 'static) {
        self.start.push(Arc::new(hook));
    }

    pub(crate) fn on_end(&mut self, hook: impl Fn(&Cause) + Send + Sync + 'static) {
        self.end.push(Arc::new(hook));
    }

    pub(crate) fn started(&self, worker: u32, pid: u32) {
        run(&self.start, &WorkerStart { worker, pid });
    }

    pub(crate) fn ended(&self, cause: &Cause) {
        run(&self.end, cause);
    }
}

fn run<T>(hooks: &[Hook<T>], told: &T) {
    for hook in hooks {
        if catch_unwind(AssertUnwindSafe(|| hook(told))).is_err() {
            tracing::warn!("a hook of a worker's start or end panicked");
        }
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Hooks")
            .field("start", &self.start.len())
            .field("end", &self.end.len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn a_panicking_hook_keeps_none_of_the_others_from_running() {
        let pids = Arc::new(AtomicU32::new(0));
        let mut hooks = Hooks::default();
        hooks.on_start(|_| panic!("in a hook, on purpose"));
        let seen = Arc::clone(&pids);
        hooks.on_start(move |start| {
            seen.fetch_add(start.pid, Ordering::Relaxed);
        });
        hooks.started(0, 7);
        hooks.started(1, 8);
        assert_eq!(pids.load(Ordering::Relaxed), 15);
    }
}
