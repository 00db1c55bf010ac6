//! The watch thread: it notices the ends of processes, reads what they write, and keeps time.
//!
//! It sleeps until a process ends or writes, or until something may be due, such as a job's deadline. While nothing
//! is due it costs nothing. It only observes: what it finds becomes an event of the scheduler.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};

use super::timekeeper::Timekeeper;
use crate::driver::{
    core::Core,
    planted::Place,
    worker::{process::WorkerProcess, watched::Watched},
};

/// What happened to one process.
#[derive(Debug, Clone, Copy, Default)]
struct Activity {
    ended: bool,
    wrote: bool,
    logged: bool,
}

/// How often the watch goes on after a panic, in a pool that is then broken, to reap what is left.
const ATTEMPTS: usize = 3;

/// The body of the watch thread.
pub(super) fn run(core: &Core) {
    for _ in 0..ATTEMPTS {
        match catch_unwind(AssertUnwindSafe(|| watch(core))) {
            Ok(()) => return,
            Err(_) => core.break_down("in the thread that watches its workers"),
        }
    }
}

fn watch(core: &Core) {
    let watched = &core.watched;
    let mut timekeeper = Timekeeper::default();
    loop {
        watched.set_sleeps(true);
        core.planted.trip(Place::Watch);
        let due = timekeeper.look(core);
        if due.is_some() {
            watched.set_sleeps(false);
        }
        let processes: Vec<Arc<WorkerProcess>> = watched.processes().clone();
        // A process that could not be killed may never end.
        if processes.iter().all(|process| process.is_given_up()) && watched.stops() {
            return;
        }
        let given_up = processes.iter().filter_map(|process| process.given_up_in());
        let due = due.into_iter().chain(given_up).min();
        let activity = wait(watched, &processes, due);
        serve(core, &processes, &activity);
    }
}

/// The descriptors of one process in the poll set.
const DESCRIPTORS: usize = 4;

/// Waits until something happens, and returns the activity of each process.
fn wait(watched: &Watched, processes: &[Arc<WorkerProcess>], due: Option<Duration>) -> Vec<Activity> {
    let mut descriptors = vec![PollFd::from_borrowed_fd(watched.wake_requests(), PollFlags::IN)];
    descriptors.extend(processes.iter().flat_map(|process| descriptors_of(process)));
    let timeout = due.map(|due| {
        Timespec::try_from(due).unwrap_or(Timespec {
            tv_sec: 60,
            tv_nsec: 0,
        })
    });
    match poll(&mut descriptors, timeout.as_ref()) {
        Ok(_) => {}
        Err(Errno::INTR) => return vec![Activity::default(); processes.len()],
        Err(errno) => {
            // The kernel is out of memory: check each process a little later.
            tracing::warn!("the pool's watch: {errno}");
            #[expect(
                clippy::disallowed_methods,
                reason = "poll has failed, so there is no event to wait for"
            )]
            std::thread::sleep(Duration::from_millis(10));
            let anything = Activity {
                ended: true,
                wrote: true,
                logged: true,
            };
            return vec![anything; processes.len()];
        }
    }
    watched.reset_wake_requests();
    let is_ready = |descriptor: &PollFd<'_>| !descriptor.revents().is_empty();
    descriptors[1..]
        .chunks_exact(DESCRIPTORS)
        .map(|of_process| Activity {
            ended: is_ready(&of_process[0]),
            wrote: is_ready(&of_process[1]) || is_ready(&of_process[2]),
            logged: is_ready(&of_process[3]),
        })
        .collect()
}

/// The pidfd, two output pipes and the control socket. The pidfd without events takes the place of what is not read.
fn descriptors_of(process: &WorkerProcess) -> [PollFd<'_>; DESCRIPTORS] {
    let none = || PollFd::from_borrowed_fd(process.pidfd(), PollFlags::empty());
    let readable = |descriptor| PollFd::from_borrowed_fd(descriptor, PollFlags::IN);
    // A pipe without writers would stay readable, and so would a closed control socket.
    let mut pipes = process.output_pipes().map(|pipe| {
        if pipe.is_closed() {
            none()
        } else {
            readable(pipe.descriptor())
        }
    });
    let (first, second) = (pipes.next(), pipes.next());
    let log = process.has_log().then(|| readable(process.control()));
    [
        readable(process.pidfd()),
        first.unwrap_or_else(none),
        second.unwrap_or_else(none),
        log.unwrap_or_else(none),
    ]
}

fn serve(core: &Core, processes: &[Arc<WorkerProcess>], activity: &[Activity]) {
    for (process, activity) in processes.iter().zip(activity) {
        process.give_up_if_due();
        if activity.ended && process.has_ended() {
            // First, so that a process that is watched has its number for itself.
            core.watched
                .processes()
                .retain(|other| !Arc::ptr_eq(other, process));
            process.reap();
        } else if activity.wrote {
            process.read_output();
        }
        if activity.logged && process.has_log() {
            forward_log(core, process);
        }
    }
}

/// Forwards what a worker has logged, or stops reading its log if it is no longer served.
fn forward_log(core: &Core, process: &Arc<WorkerProcess>) {
    let served = core
        .workers()
        .find(|(_, worker)| Arc::ptr_eq(&worker.process, process));
    match served {
        Some((slot, worker)) => core.forward_log(slot, &worker),
        None => process.set_log_read(false),
    }
}
