//! Serves one parent, from the start request to the end of the link.
//!
//! Connects the parts: the startup resources, the lanes with their states, the reply to the start request. It neither
//! exits the process nor uses its standard streams, so that a test can be the parent. The [`Host`] does what only a real
//! process can do.

use std::{
    os::fd::OwnedFd,
    sync::{Arc, Mutex},
};

use protocol::{Payload, board::Board, child::panics, message::capture::BEFORE_JOBS};
use rayon::ThreadPoolBuilder;

use crate::{
    bootstrap::{PendingStart, Startup},
    context::{LaneInfo, Setup},
    delimiters,
    error::WorkerError,
    frame_source::FrameSource,
    lane::Lane,
    publisher::{Publisher, ResultWriter},
    ready::{ReadyReply, StartBarrier},
    runner::{ErasedRunner, LaneRunner},
    wake_sender::SharedWakeSender,
};

/// The stack size of a lane's thread. It is that of most main threads, so that a job runs alike in every lane.
const LANE_STACK_BYTES: usize = 8 << 20;

/// What only a real process can do.
#[derive(Debug)]
pub(crate) struct Host {
    /// Starts the watchdog that ends the process when its parent ends.
    pub(crate) watch: fn(&OwnedFd) -> Result<(), WorkerError>,
    /// Maps the shared heap of the parent's process tree.
    pub(crate) adopt: fn(OwnedFd) -> Result<(), WorkerError>,
    /// Starts forwarding the process's log to the parent, up to this level.
    pub(crate) forward: fn(&OwnedFd, u8) -> Result<(), WorkerError>,
    /// Ends the process because one of several lanes has failed.
    pub(crate) fatal: fn(&WorkerError),
}

/// Serves the parent at the other end of the control socket until it closes the link.
pub(crate) fn serve(control: &OwnedFd, runner: &dyn ErasedRunner, host: &Host) -> Result<(), WorkerError> {
    panics::install_hook();
    let reply = ReadyReply::new(control);
    let served = start_and_serve(control, runner, host, &reply);
    if let Err(error) = &served {
        reply.refuse(error);
    }
    served
}

fn start_and_serve(
    control: &OwnedFd,
    runner: &dyn ErasedRunner,
    host: &Host,
    reply: &ReadyReply<'_>,
) -> Result<(), WorkerError> {
    let request = PendingStart::receive(control, runner.job_name())?;
    // From here on the parent only closes the control socket, and the initialiser may take long.
    (host.watch)(control)?;
    (host.forward)(control, request.log_level())?;
    if let Some(secret) = request.capture() {
        delimiters::start(secret).map_err(WorkerError::system("duplicating the standard streams"))?;
    }
    let Startup {
        shared_heap,
        worker,
        lanes,
        message_limit,
        argument,
        board,
        inbound,
        outbound,
        link,
    } = request.accept()?;
    (host.adopt)(shared_heap)?;
    let wake_sender = SharedWakeSender::new(&board, link.wakes);
    let frame_source = FrameSource::new(&board, &wake_sender, link.frames, inbound, message_limit);
    let shared = SharedState {
        runner,
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

/// The state that the lanes share.
struct SharedState<'a> {
    runner: &'a dyn ErasedRunner,
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
    /// Runs one lane in its own thread, from its initialiser to the link's end.
    fn run_lane(&self, number: usize) -> Result<(), WorkerError> {
        let (worker, lanes) = (self.worker, self.lanes);
        let lane = LaneInfo {
            worker,
            lane: number,
            lanes,
        };
        let setup = Setup::new(lane, Arc::clone(&self.argument));
        let mut runner = self.runner.lane_runner(setup);
        let served = if self.start_barrier.wait(runner.initialise()) {
            delimiters::end_job(BEFORE_JOBS);
            self.lane(number, &mut *runner).serve()
        } else {
            Ok(())
        };
        // A panic in the drop is printed and changes nothing: the lane has finished its jobs.
        runner.drop_state();
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

/// Runs `work` for all lanes at once: a single lane in this thread, several lanes in a thread each.
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
    // One broadcast for all frames, not one for each: so a lane with a long job doesn't hold up the others.
    let served = threads.broadcast(|thread| {
        let _abort = AbortOnUnwind;
        work(thread.index()).inspect_err(host.fatal)
    });
    served.into_iter().collect()
}

/// Aborts the process on a panic of our own in one of several lanes, because the other lanes and the parent would wait for
/// that lane. Panics of jobs are caught earlier.
struct AbortOnUnwind;

impl Drop for AbortOnUnwind {
    #[expect(clippy::disallowed_methods, reason = "a worker with a broken lane must end")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            std::process::abort();
        }
    }
}
