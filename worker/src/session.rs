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
    bootstrap::{StartRequest, Startup},
    context::{LaneInfo, Setup},
    error::WorkerError,
    frame_source::FrameSource,
    lane::Lane,
    output_marks,
    publisher::{Publisher, ResultWriter},
    ready::{ReadyReply, StartBarrier},
    runner::{ErasedRunner, LaneRunner},
    wake_sender::SharedWakeSender,
};

/// The stack of a lane's thread: what the main thread usually has, so that a job runs alike in every kind of lane.
const LANE_STACK_BYTES: usize = 8 << 20;

/// What only a real process can do.
#[derive(Debug)]
pub(crate) struct Host {
    /// Sees to it that the process does not outlive its parent.
    pub(crate) watch: fn(&OwnedFd) -> Result<(), WorkerError>,
    /// Makes the process a member of its parent's family.
    pub(crate) adopt: fn(OwnedFd) -> Result<(), WorkerError>,
    /// Tells the parent of the process's log, up to this level.
    pub(crate) forward: fn(&OwnedFd, u8) -> Result<(), WorkerError>,
    /// Ends the process because one of several lanes cannot go on.
    pub(crate) fatal: fn(&WorkerError),
}

/// Serves the parent at the other end of the control socket until it closes the link.
pub(crate) fn serve(control: &OwnedFd, serving: &dyn ErasedRunner, host: &Host) -> Result<(), WorkerError> {
    panics::install_hook();
    let reply = ReadyReply::new(control);
    let served = serve_invited(control, serving, host, &reply);
    if let Err(failure) = &served {
        reply.refuse(failure);
    }
    served
}

fn serve_invited(
    control: &OwnedFd,
    serving: &dyn ErasedRunner,
    host: &Host,
    reply: &ReadyReply<'_>,
) -> Result<(), WorkerError> {
    let invited = StartRequest::receive(control, serving.job_name())?;
    // From here on the parent says only one thing more, its end; and the initialiser may take its time.
    (host.watch)(control)?;
    (host.forward)(control, invited.log_level())?;
    if let Some(secret) = invited.capture() {
        output_marks::start(secret).map_err(WorkerError::system("duplicating the standard streams"))?;
    }
    let Startup {
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
    let wake_sender = SharedWakeSender::new(&board, link.wakes);
    let frame_source = FrameSource::new(&board, &wake_sender, link.frames, inbound, message_limit);
    let shared = SharedState {
        serving,
        worker,
        lanes,
        argument,
        start_barrier: StartBarrier::new(reply, lanes),
        board: &board,
        wake_sender: &wake_sender,
        frame_source: &frame_source,
        writer: ResultWriter::new(outbound, message_limit),
    };
    on_every_lane(lanes, host, |lane| shared.run_lane(lane))?;
    shared.start_barrier.outcome()
}

/// What the lanes share.
struct SharedState<'a> {
    serving: &'a dyn ErasedRunner,
    worker: u32,
    lanes: usize,
    argument: Arc<[u8]>,
    start_barrier: StartBarrier<'a>,
    board: &'a Board,
    wake_sender: &'a SharedWakeSender<'a>,
    frame_source: &'a FrameSource<'a>,
    writer: Mutex<ResultWriter>,
}

impl SharedState<'_> {
    /// The life of one lane, in its own thread.
    fn run_lane(&self, number: usize) -> Result<(), WorkerError> {
        let (worker, lanes) = (self.worker, self.lanes);
        let place = LaneInfo {
            worker,
            lane: number,
            lanes,
        };
        let mut runner = self.serving.runner(Setup::new(place, Arc::clone(&self.argument)));
        let served = if self.start_barrier.wait(runner.rebuild()) {
            output_marks::end(BEFORE_JOBS);
            self.lane(number, &mut *runner).serve()
        } else {
            Ok(())
        };
        // The lane has done its part; what the drop panicked with is printed and changes nothing.
        runner.close();
        served
    }

    fn lane<'b>(&'b self, number: usize, runner: &'b mut dyn LaneRunner) -> Lane<'b> {
        Lane {
            number,
            board: self.board,
            wake_sender: self.wake_sender,
            frame_source: self.frame_source,
            publisher: Publisher::new(self.board, self.wake_sender, &self.writer, self.lanes),
            runner,
            output: Payload::default(),
        }
    }
}

/// Runs `work` for each lane at once: the only one in this thread, several in a thread each.
fn on_every_lane(
    lanes: usize,
    host: &Host,
    work: impl Fn(usize) -> Result<(), WorkerError> + Sync,
) -> Result<(), WorkerError> {
    if lanes == 1 {
        return work(0);
    }
    let threads = ThreadPoolBuilder::new()
        .num_threads(lanes)
        .stack_size(LANE_STACK_BYTES)
        .thread_name(|lane| format!("lane {lane}"))
        .build()
        .map_err(|error| WorkerError::Unusable(format!("starting {lanes} lanes: {error}")))?;
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
    fn drop(&mut self) {
        if std::thread::panicking() {
            std::process::abort();
        }
    }
}
