//! The pool's watch: one thread that sees workers end, reads what they write, and keeps the time.
//!
//! It sleeps until a process ends or writes, or until something may be due: a job's deadline, or a job that has run so
//! long that those behind it should go elsewhere. While nothing is due it costs nothing. It decides nothing itself;
//! what it sees becomes an event of the scheduler.

use std::{
    os::fd::OwnedFd,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rustix::{
    event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll},
    io::Errno,
};

use super::{Core, process::Process, timekeeper::Timekeeper};

/// The state shared with the watch thread.
#[derive(Debug)]
pub(crate) struct Watch {
    processes: Mutex<Vec<Arc<Process>>>,
    nudge: OwnedFd,
    /// The thread sleeps without a time to wake up at.
    sleeps: AtomicBool,
    stops: AtomicBool,
}

impl Watch {
    pub(crate) fn new() -> rustix::io::Result<Self> {
        Ok(Self {
            processes: Mutex::default(),
            nudge: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
            sleeps: AtomicBool::new(false),
            stops: AtomicBool::new(false),
        })
    }

    fn processes(&self) -> MutexGuard<'_, Vec<Arc<Process>>> {
        self.processes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Watches one more process until it has ended.
    pub(crate) fn add(&self, process: Arc<Process>) {
        self.processes().push(process);
        self.nudge();
    }

    /// Has the thread look at the clock, if it sleeps without one.
    pub(crate) fn keep_time(&self) {
        if self.sleeps.swap(false, Ordering::SeqCst) {
            self.nudge();
        }
    }

    /// Ends the thread once the last process has ended.
    pub(crate) fn stop(&self) {
        self.stops.store(true, Ordering::SeqCst);
        self.nudge();
    }

    fn nudge(&self) {
        // A full counter is as good as one more: the thread will wake.
        let _written = rustix::io::write(&self.nudge, &1_u64.to_ne_bytes());
    }

    /// The thread. It holds the core only while it looks at the clock, so that a dropped pool can go.
    pub(crate) fn run(&self, core: &Weak<Core>) {
        let mut timekeeper = Timekeeper::default();
        loop {
            self.sleeps.store(true, Ordering::SeqCst);
            let due = core.upgrade().and_then(|core| timekeeper.look(&core));
            if due.is_some() {
                self.sleeps.store(false, Ordering::SeqCst);
            }
            let watched: Vec<Arc<Process>> = self.processes().clone();
            if watched.is_empty() && self.stops.load(Ordering::SeqCst) {
                return;
            }
            let events = self.wait(&watched, due);
            self.serve(&watched, &events);
        }
    }

    /// Waits until something happens; gives what happened to each process.
    fn wait(&self, watched: &[Arc<Process>], due: Option<Duration>) -> Vec<(bool, bool)> {
        let mut descriptors = vec![PollFd::new(&self.nudge, PollFlags::IN)];
        for process in watched {
            descriptors.push(PollFd::from_borrowed_fd(process.pidfd(), PollFlags::IN));
            // A pipe whose writers have all gone would be readable for ever; the process's end comes soon enough.
            let interest = if process.is_silent() {
                PollFlags::empty()
            } else {
                PollFlags::IN
            };
            descriptors.push(PollFd::from_borrowed_fd(process.output(), interest));
        }
        let timeout = due.map(|due| {
            Timespec::try_from(due).unwrap_or(Timespec {
                tv_sec: 60,
                tv_nsec: 0,
            })
        });
        match poll(&mut descriptors, timeout.as_ref()) {
            Ok(_) => {}
            Err(Errno::INTR) => return vec![(false, false); watched.len()],
            Err(errno) => {
                // Out of kernel memory: look at every process by hand, a little later.
                tracing::warn!("the pool's watch: {errno}");
                std::thread::sleep(Duration::from_millis(10));
                return vec![(true, true); watched.len()];
            }
        }
        let mut count = [0; 8];
        let _read = rustix::io::read(&self.nudge, &mut count);
        let events = descriptors[1..].chunks_exact(2);
        events
            .map(|pair| (!pair[0].revents().is_empty(), !pair[1].revents().is_empty()))
            .collect()
    }

    fn serve(&self, watched: &[Arc<Process>], events: &[(bool, bool)]) {
        for (process, &(ended, wrote)) in watched.iter().zip(events) {
            if ended && process.has_ended() {
                process.reap();
                self.processes().retain(|other| !Arc::ptr_eq(other, process));
            } else if wrote {
                process.read_output();
            }
        }
    }
}
