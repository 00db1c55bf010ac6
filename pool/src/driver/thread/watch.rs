//! The pool's watch: one thread that sees workers end, reads what they write, and keeps the time.
//!
//! It sleeps until a process ends or writes, or until something may be due: a job's deadline, or a job that has run so
//! long that those behind it should go elsewhere. While nothing is due it costs nothing. It decides nothing itself;
//! what it sees becomes an event of the scheduler.

use std::{sync::Arc, time::Duration};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};

use super::timekeeper::Timekeeper;
use crate::driver::{
    core::Core,
    worker::{process::WorkerProcess, watched::Watched},
};

/// What happened to one process.
#[derive(Debug, Clone, Copy, Default)]
struct Happened {
    ended: bool,
    wrote: bool,
    logged: bool,
}

/// The thread.
pub(super) fn run(core: &Core) {
    let watched = &core.watched;
    let mut timekeeper = Timekeeper::default();
    loop {
        watched.set_sleeps(true);
        let due = timekeeper.look(core);
        if due.is_some() {
            watched.set_sleeps(false);
        }
        let processes: Vec<Arc<WorkerProcess>> = watched.processes().clone();
        if processes.is_empty() && watched.stops() {
            return;
        }
        let happened = wait(watched, &processes, due);
        serve(core, &processes, &happened);
    }
}

/// Waits until something happens; gives what happened to each process.
fn wait(watched: &Watched, processes: &[Arc<WorkerProcess>], due: Option<Duration>) -> Vec<Happened> {
    let mut descriptors = vec![PollFd::from_borrowed_fd(watched.nudged(), PollFlags::IN)];
    for process in processes {
        descriptors.push(PollFd::from_borrowed_fd(process.pidfd(), PollFlags::IN));
        // A pipe whose writers have all gone would be readable for ever; the process's end comes soon enough. Where
        // there is no second pipe, the pidfd once more does no harm.
        let mut output_pipes = process.output_pipes();
        for _ in 0..2 {
            descriptors.push(match output_pipes.next().filter(|pipe| !pipe.is_closed()) {
                Some(pipe) => PollFd::from_borrowed_fd(pipe.descriptor(), PollFlags::IN),
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
        Err(Errno::INTR) => return vec![Happened::default(); processes.len()],
        Err(errno) => {
            // Out of kernel memory: look at every process by hand, a little later.
            tracing::warn!("the pool's watch: {errno}");
            std::thread::sleep(Duration::from_millis(10));
            let anything = Happened {
                ended: true,
                wrote: true,
                logged: true,
            };
            return vec![anything; processes.len()];
        }
    }
    watched.take_nudges();
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

fn serve(core: &Core, processes: &[Arc<WorkerProcess>], happened: &[Happened]) {
    for (process, happened) in processes.iter().zip(happened) {
        if happened.ended && process.has_ended() {
            process.reap();
            core.watched
                .processes()
                .retain(|other| !Arc::ptr_eq(other, process));
        } else if happened.wrote {
            process.read_output();
        }
        if happened.logged && process.has_log() {
            forward_log(core, process);
        }
    }
}

/// Tells what a worker has logged; when nobody serves it any more, nobody listens to it either.
fn forward_log(core: &Core, process: &Arc<WorkerProcess>) {
    let served = core
        .workers()
        .find(|(_, worker)| Arc::ptr_eq(&worker.process, process));
    match served {
        Some((slot, worker)) => core.forward_log(slot, &worker),
        None => process.listen_to_log(false),
    }
}
