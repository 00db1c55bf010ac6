//! The life of a worker from the invitation to the link's end.
//!
//! Joins the parts: the equipment that the parent gave, the lanes with their states, the one answer. It neither exits
//! the process nor touches its standard streams, so that a test can be its parent; what differs in a real process is
//! its [`Host`].

use std::{
    os::fd::OwnedFd,
    sync::{Arc, Mutex},
};

use protocol::{Payload, board::Board, capture::BEFORE_JOBS, child::panics};
use rayon::ThreadPoolBuilder;

use crate::{
    bell::Bell,
    bootstrap::{Equipment, Invited},
    context::{Place, Setup},
    failure::Failure,
    feed::Feed,
    gate::{Gate, Opening},
    lane::Lane,
    marks,
    publisher::{Outlet, Publisher},
    runner::{Bench, Serving},
};

/// The stack of a lane's thread: what the main thread usually has, so that a job runs alike in every kind of lane.
const LANE_STACK_BYTES: usize = 8 << 20;

/// What only a real process can do.
#[derive(Debug)]
pub(crate) struct Host {
    /// Sees to it that the process does not outlive its parent.
    pub(crate) watch: fn(&OwnedFd) -> Result<(), Failure>,
    /// Makes the process a member of its parent's family.
    pub(crate) adopt: fn(OwnedFd) -> Result<(), Failure>,
    /// Tells the parent of the process's log, up to this level.
    pub(crate) forward: fn(&OwnedFd, u8) -> Result<(), Failure>,
    /// Ends the process because one of several lanes cannot go on.
    pub(crate) fatal: fn(&Failure),
}

/// Serves the parent at the other end of the control socket until it closes the link.
pub(crate) fn serve(control: &OwnedFd, serving: &dyn Serving, host: &Host) -> Result<(), Failure> {
    panics::install_hook();
    let gate = Gate::new(control);
    let served = serve_invited(control, serving, host, &gate);
    if let Err(failure) = &served {
        gate.refuse(failure);
    }
    served
}

fn serve_invited(
    control: &OwnedFd,
    serving: &dyn Serving,
    host: &Host,
    gate: &Gate<'_>,
) -> Result<(), Failure> {
    let invited = Invited::receive(control, serving.job_name())?;
    // From here on the parent says only one thing more, its end; and the initialiser may take its time.
    (host.watch)(control)?;
    (host.forward)(control, invited.log_level())?;
    if let Some(secret) = invited.capture() {
        marks::start(secret).map_err(Failure::system("duplicating the standard streams"))?;
    }
    let Equipment {
        family,
        worker,
        lanes,
        message_limit,
        argument,
        board,
        inbound,
        outbound,
        link,
    } = invited.accept()?;
    (host.adopt)(family)?;
    let bell = Bell::new(&board, link.wakes);
    let feed = Feed::new(&board, &bell, link.frames, inbound, message_limit);
    let hall = Hall {
        serving,
        worker,
        lanes,
        argument,
        opening: Opening::new(gate, lanes),
        board: &board,
        bell: &bell,
        feed: &feed,
        outlet: Outlet::new(outbound, message_limit),
    };
    on_every_lane(lanes, host, |lane| hall.run_lane(lane))?;
    hall.opening.outcome()
}

/// What the lanes share.
struct Hall<'a> {
    serving: &'a dyn Serving,
    worker: u32,
    lanes: usize,
    argument: Arc<[u8]>,
    opening: Opening<'a>,
    board: &'a Board,
    bell: &'a Bell<'a>,
    feed: &'a Feed<'a>,
    outlet: Mutex<Outlet>,
}

impl Hall<'_> {
    /// The life of one lane, in its own thread.
    fn run_lane(&self, number: usize) -> Result<(), Failure> {
        let (worker, lanes) = (self.worker, self.lanes);
        let place = Place {
            worker,
            lane: number,
            lanes,
        };
        let mut bench = self.serving.bench(Setup::new(place, Arc::clone(&self.argument)));
        let served = if self.opening.meet(bench.rebuild()) {
            marks::end(BEFORE_JOBS);
            self.lane(number, &mut *bench).serve()
        } else {
            Ok(())
        };
        // The lane has done its part; what the drop panicked with is printed and changes nothing.
        bench.close();
        served
    }

    fn lane<'b>(&'b self, number: usize, bench: &'b mut dyn Bench) -> Lane<'b> {
        Lane {
            number,
            board: self.board,
            bell: self.bell,
            feed: self.feed,
            publisher: Publisher::new(self.board, self.bell, &self.outlet, self.lanes),
            bench,
            output: Payload::default(),
        }
    }
}

/// Runs `work` for each lane at once: the only one in this thread, several in a thread each.
fn on_every_lane(
    lanes: usize,
    host: &Host,
    work: impl Fn(usize) -> Result<(), Failure> + Sync,
) -> Result<(), Failure> {
    if lanes == 1 {
        return work(0);
    }
    let threads = ThreadPoolBuilder::new()
        .num_threads(lanes)
        .stack_size(LANE_STACK_BYTES)
        .thread_name(|lane| format!("lane {lane}"))
        .build()
        .map_err(|error| Failure::Unusable(format!("starting {lanes} lanes: {error}")))?;
    // One broadcast for the worker's whole life, not one for each frame: a lane with a long job then holds up no other.
    let served = threads.broadcast(|thread| {
        let _whole = AbortOnUnwind;
        work(thread.index()).inspect_err(host.fatal)
    });
    served.into_iter().collect()
}

/// A panic of our own in one of several lanes would leave the others waiting for it, and the parent too: it ends the
/// process. (Panics of jobs do not come here.)
struct AbortOnUnwind;

impl Drop for AbortOnUnwind {
    #[expect(clippy::disallowed_methods, reason = "a worker with a broken lane must end")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            std::process::abort();
        }
    }
}
