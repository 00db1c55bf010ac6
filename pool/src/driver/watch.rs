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

/// What happened to one process.
#[derive(Debug, Clone, Copy, Default)]
struct Happened {
    ended: bool,
    wrote: bool,
    logged: bool,
}

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
        if self.sleeps.load(Ordering::SeqCst) && self.sleeps.swap(false, Ordering::SeqCst) {
            self.nudge();
        }
    }

    /// Whether the thread sleeps without a time to wake up at.
    #[cfg(test)]
    pub(super) fn sleeps(&self) -> bool {
        self.sleeps.load(Ordering::SeqCst)
    }

    /// Ends the thread once the last process has ended.
    pub(crate) fn stop(&self) {
        self.stops.store(true, Ordering::SeqCst);
        self.nudge();
    }

    /// Has the thread look again at what there is to watch.
    pub(crate) fn nudge(&self) {
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
            let happened = self.wait(&watched, due);
            self.serve(&watched, &happened, core);
        }
    }

    /// Waits until something happens; gives what happened to each process.
    fn wait(&self, watched: &[Arc<Process>], due: Option<Duration>) -> Vec<Happened> {
        let mut descriptors = vec![PollFd::new(&self.nudge, PollFlags::IN)];
        for process in watched {
            descriptors.push(PollFd::from_borrowed_fd(process.pidfd(), PollFlags::IN));
            // A pipe whose writers have all gone would be readable for ever; the process's end comes soon enough. Where
            // there is no second pipe, the pidfd once more does no harm.
            let mut channels = process.channels();
            for _ in 0..2 {
                descriptors.push(match channels.next().filter(|channel| !channel.is_silent()) {
                    Some(channel) => PollFd::from_borrowed_fd(channel.descriptor(), PollFlags::IN),
                    None => PollFd::from_borrowed_fd(process.pidfd(), PollFlags::empty()),
                });
            }
            // A closed control socket would be readable for ever too.
            descriptors.push(if process.has_log() {
                PollFd::from_borrowed_fd(process.control(), PollFlags::IN)
            } else {
                PollFd::from_borrowed_fd(process.pidfd(), PollFlags::empty())
            });
        }
        let timeout = due.map(|due| {
            Timespec::try_from(due).unwrap_or(Timespec {
                tv_sec: 60,
                tv_nsec: 0,
            })
        });
        match poll(&mut descriptors, timeout.as_ref()) {
            Ok(_) => {}
            Err(Errno::INTR) => return vec![Happened::default(); watched.len()],
            Err(errno) => {
                // Out of kernel memory: look at every process by hand, a little later.
                tracing::warn!("the pool's watch: {errno}");
                #[expect(
                    clippy::disallowed_methods,
                    reason = "poll has failed, so there is no event to wait for"
                )]
                std::thread::sleep(Duration::from_millis(10));
                let anything = Happened {
                    ended: true,
                    wrote: true,
                    logged: true,
                };
                return vec![anything; watched.len()];
            }
        }
        let mut count = [0; 8];
        let _read = rustix::io::read(&self.nudge, &mut count);
        let happened = |descriptor: &PollFd<'_>| !descriptor.revents().is_empty();
        descriptors[1..]
            .chunks_exact(4)
            .map(|of_process| Happened {
                ended: happened(&of_process[0]),
                wrote: happened(&of_process[1]) || happened(&of_process[2]),
                logged: happened(&of_process[3]),
            })
            .collect()
    }

    fn serve(&self, watched: &[Arc<Process>], happened: &[Happened], core: &Weak<Core>) {
        for (process, happened) in watched.iter().zip(happened) {
            if happened.ended && process.has_ended() {
                process.reap();
                self.processes().retain(|other| !Arc::ptr_eq(other, process));
            } else if happened.wrote {
                process.read_output();
            }
            if happened.logged && process.has_log() {
                tell_log(process, core);
            }
        }
    }
}

/// Tells what a worker has logged; when nobody serves it any more, nobody listens to it either.
fn tell_log(process: &Arc<Process>, core: &Weak<Core>) {
    let core = core.upgrade();
    let served = core
        .as_ref()
        .and_then(|core| core.lives().find(|(_, life)| Arc::ptr_eq(&life.process, process)));
    match (&core, served) {
        (Some(core), Some((seat, life))) => core.tell_log(seat, &life),
        _ => process.listen_to_log(false),
    }
}
