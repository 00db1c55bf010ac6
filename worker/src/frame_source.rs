//! Supplies the lanes with work, frame by frame, from the link or the inbox.
//!
//! Owns the link's receiving end, the inbound payload area and the progress that the parent reads. A lane that finds the
//! current frame used up receives the next one for all lanes; the others find it here. So no lane waits for the jobs of
//! another, no thread is needed to receive, and the only lane of a worker receives in its own thread.
//!
//! A lane waits for a frame while it holds the lock. Another lane that waits for the lock has nothing to do either. Each
//! reports its progress to the parent before it waits.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError},
    time::Duration,
};

use protocol::{
    Fault, MemoryError,
    board::{Board, Progress, inbox, spin::Spin},
    message::{
        frame::{Frame, FrameError, Large},
        link::{FrameReceiver, LinkError},
    },
    payload::mapped::{InboundArea, MappedPayload},
};

use crate::{batch::Batch, error::WorkerError, wake_sender::SharedWakeSender};

/// How long a lane polls for the next frame before it sleeps.
const SPIN_TIME: Duration = Duration::from_micros(20);

/// Work for one lane.
#[derive(Debug)]
pub(crate) enum Work {
    /// Jobs to claim, shared with the other lanes.
    Frame(Arc<Batch>),
    /// One large job, claimed already.
    Large {
        position: u64,
        /// The encoded job, where it arrived; or why it cannot be read.
        payload: Result<MappedPayload, Fault>,
    },
}

/// What a lane has done since it last asked for work.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct WorkReport {
    /// The number of the frame that its last work came from.
    pub(crate) frame: u64,
    /// The number of finished jobs.
    pub(crate) done: u64,
    /// The time spent on them.
    pub(crate) busy: Duration,
}

/// Hands out work to the lanes.
#[derive(Debug)]
pub(crate) struct FrameSource<'a> {
    board: &'a Board,
    wake_sender: &'a SharedWakeSender<'a>,
    progress: Mutex<Progress>,
    receiver: Mutex<Receiver>,
    message_limit: u64,
}

#[derive(Debug)]
struct Receiver {
    frames: FrameReceiver,
    inbound: InboundArea,
    /// The number of frames received, which is also the number of the last one.
    received: u64,
    /// The last frame, unless it announced a large job.
    current: Option<Arc<Batch>>,
    /// Whether the last frame came by the link, and perhaps woke this process.
    came_by_link: bool,
    ended: bool,
}

impl<'a> FrameSource<'a> {
    pub(crate) fn new(
        board: &'a Board,
        wake_sender: &'a SharedWakeSender<'a>,
        frames: FrameReceiver,
        inbound: InboundArea,
        message_limit: u64,
    ) -> Self {
        Self {
            board,
            wake_sender,
            progress: Mutex::default(),
            receiver: Mutex::new(Receiver {
                frames,
                inbound,
                received: 0,
                current: None,
                came_by_link: true,
                ended: false,
            }),
            message_limit,
        }
    }

    /// Publishes the lane's report and returns its next work, with the number of the frame; `None` at the link's end.
    pub(crate) fn next(&self, mut report: WorkReport) -> Result<Option<(u64, Work)>, WorkerError> {
        let mut receiver = self.lock(&mut report);
        loop {
            if receiver.ended {
                self.publish(report, None);
                return Ok(None);
            }
            if let Some(batch) = receiver.frame_after(report.frame) {
                self.publish(report, None);
                return Ok(Some((receiver.received, Work::Frame(batch))));
            }
            self.publish(report, Some(receiver.received));
            report = WorkReport::default();
            let work = self
                .receive(&mut receiver)
                .inspect_err(|_| receiver.ended = true)?;
            if let Some(work) = work {
                return Ok(Some((receiver.received, work)));
            }
            report.frame = receiver.received;
        }
    }

    /// Locks the receiver. Publishes the report first if it has to wait: another lane may be waiting for a frame.
    fn lock(&self, report: &mut WorkReport) -> MutexGuard<'_, Receiver> {
        match self.receiver.try_lock() {
            Ok(receiver) => receiver,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                self.publish(*report, None);
                *report = WorkReport {
                    frame: report.frame,
                    ..WorkReport::default()
                };
                self.receiver.lock().unwrap_or_else(PoisonError::into_inner)
            }
        }
    }

    /// Adds a report to the progress on the board, and that `received` frames are used up. Wakes the parent if the
    /// progress changes.
    fn publish(&self, report: WorkReport, received: Option<u64>) {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        let before = *progress;
        progress.done += report.done;
        progress.busy += report.busy;
        progress.received = received.unwrap_or(progress.received);
        if *progress != before {
            self.board.show_progress(*progress);
            drop(progress);
            self.wake_sender.wake();
        }
    }

    /// Receives one frame. `None` if it announced a large job that has been revoked, or if the link has ended.
    fn receive(&self, receiver: &mut Receiver) -> Result<Option<Work>, WorkerError> {
        let polled = self.poll_inbox(receiver.received, receiver.came_by_link)?;
        receiver.came_by_link = polled.is_none();
        let bytes = match polled {
            Some(bytes) => bytes,
            None => match receiver.frames.receive() {
                Ok(bytes) => bytes,
                Err(LinkError::Closed) => {
                    receiver.ended = true;
                    return Ok(None);
                }
                Err(error) => return Err(error.into()),
            },
        };
        receiver.received += 1;
        receiver.current = None;
        let frame = Frame::parse(&bytes)?;
        if let Some(large) = frame.large() {
            return self.claim_large(&mut receiver.inbound, &frame, large);
        }
        let batch = Arc::new(Batch::new(bytes)?);
        receiver.current = Some(Arc::clone(&batch));
        Ok(Some(Work::Frame(batch)))
    }

    /// Polls for the next frame for a short time, because it often follows the answer to the last one at once. Returns it
    /// if it came by the inbox. If the last frame came by the link, the thread that sent it may wait for the answer on
    /// this CPU, so it gets the CPU first.
    fn poll_inbox(&self, received: u64, came_by_link: bool) -> Result<Option<Vec<u8>>, WorkerError> {
        inbox::open(self.board, received);
        if let Some(spin) = Spin::begin(SPIN_TIME) {
            spin.yielding_first(came_by_link)
                .run(|| inbox::is_taken(self.board) || self.board.sent() != received);
        }
        Ok(inbox::close(self.board, received).map_err(FrameError::from)?)
    }

    /// Claims a large job and opens it in the inbound area. The area belongs to this worker from the claim to the record of
    /// the job's result: the parent sends a large job only to a worker that has no other.
    fn claim_large(
        &self,
        inbound: &mut InboundArea,
        frame: &Frame<'_>,
        large: Large<'_>,
    ) -> Result<Option<Work>, WorkerError> {
        let Some(position) = self.board.claim(frame.epoch, frame.first.saturating_add(1)) else {
            return Ok(None);
        };
        if position != frame.first {
            return Err(WorkerError::BrokenProtocol(format!(
                "position {position} was claimed for the large job at {}",
                frame.first
            )));
        }
        let payload = match large {
            Large::InArea(contents) => match inbound.receive(contents, self.message_limit) {
                Ok(payload) => Ok(payload),
                Err(error @ MemoryError::System { .. }) => Err(Fault::Undecodable(error.to_string())),
                Err(error) => return Err(WorkerError::BrokenProtocol(error.to_string())),
            },
            Large::Withdrawn(reason) => Err(Fault::Withdrawn(String::from_utf8_lossy(reason).into_owned())),
        };
        Ok(Some(Work::Large { position, payload }))
    }
}

impl Receiver {
    /// The current frame, if its number is higher than `number`.
    fn frame_after(&self, number: u64) -> Option<Arc<Batch>> {
        self.current.clone().filter(|_| self.received > number)
    }
}
