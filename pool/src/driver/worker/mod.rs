//! One living worker: everything the parent holds of it from its handshake to its death.
//!
//! Frames go out and results come in here. Which frames to send, and what a result means, is decided by the
//! scheduler.

pub(super) mod harvest;
mod inbound;
pub(super) mod memory;
mod output;
pub(super) mod process;
pub(super) mod slot;
mod tail;
mod turns;
pub(super) mod watched;

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use protocol::{
    board::{self, Board, inbox},
    message::{
        control, frame,
        link::{FrameSender, LinkError, ParentLink, WakeReceiver},
    },
    payload::area::PayloadArea,
};

use crate::{failure::EndReason, job::jobs::OutgoingFrame};
use harvest::Harvester;
use inbound::Inbound;
use memory::Gauge;
use process::WorkerProcess;

/// A large job is being copied. That takes time that is not the worker's, so no time counts yet.
const UNDER_WAY: u64 = u64::MAX;

/// A worker process after its handshake, with its board, link and areas.
pub(crate) struct Worker {
    /// Which of its slot's workers this is.
    pub(crate) incarnation: u64,
    pub(crate) process: Arc<WorkerProcess>,
    pub(crate) board: Board,
    pub(crate) wakes: Mutex<WakeReceiver>,
    lanes: usize,
    outbox: Mutex<VecDeque<Outgoing>>,
    sender: Mutex<Sender>,
    harvester: Mutex<Harvester>,
    /// Hint for the watch thread: the position after the last one that was sent and not revoked.
    sent_end: AtomicU64,
    /// When something was last sent, in nanoseconds of the board's clock; [`UNDER_WAY`] while a large job is being
    /// copied.
    sent_at: AtomicU64,
    /// The number of frames sent.
    frames_sent: AtomicU64,
    /// The number of received frames that were reported to the scheduler.
    frames_reported: AtomicU64,
    /// When the worker was asked to end, in nanoseconds of the board's clock; 0 before.
    closed_at: AtomicU64,
    gauge: Option<Gauge>,
    /// Whether to read its memory once more although it may have no jobs.
    may_have_grown: AtomicBool,
}

/// A frame in the outbox.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) epoch: u16,
    pub(crate) first: u64,
    pub(crate) count: u32,
    pub(crate) frame: OutgoingFrame,
}

/// `frames` is `None` once the worker was asked to end.
struct Sender {
    frames: Option<FrameSender>,
    inbound: Arc<Inbound>,
}

impl Worker {
    pub(crate) fn new(
        incarnation: u64,
        process: Arc<WorkerProcess>,
        board: Board,
        (inbound, outbound): (PayloadArea, PayloadArea),
        link: ParentLink,
        (lanes, message_limit): (usize, u64),
        gauge: Option<Gauge>,
    ) -> Self {
        process.set_end_listener(link.own_wake);
        let inbound = Arc::new(Inbound::new(inbound));
        Self {
            incarnation,
            process,
            board,
            wakes: Mutex::new(link.wakes),
            lanes,
            outbox: Mutex::default(),
            sender: Mutex::new(Sender {
                frames: Some(link.frames),
                inbound: Arc::clone(&inbound),
            }),
            harvester: Mutex::new(Harvester::new(inbound, outbound, (lanes, message_limit))),
            sent_end: AtomicU64::new(0),
            sent_at: AtomicU64::new(0),
            frames_sent: AtomicU64::new(0),
            frames_reported: AtomicU64::new(0),
            closed_at: AtomicU64::new(0),
            gauge,
            may_have_grown: AtomicBool::new(false),
        }
    }

    /// Puts a frame into the outbox. Called under the scheduler's lock, so that the frames are in the order of their
    /// positions.
    pub(crate) fn enqueue(&self, outgoing: Outgoing) {
        match outgoing.frame {
            OutgoingFrame::Jobs(..) => self.note_sent_now(),
            OutgoingFrame::LargeJob(..) => self.sent_at.store(UNDER_WAY, Ordering::Relaxed),
        }
        self.sent_end
            .store(outgoing.first + u64::from(outgoing.count), Ordering::SeqCst);
        self.frames_sent.fetch_add(1, Ordering::Relaxed);
        lock(&self.outbox).push_back(outgoing);
    }

    /// Sends all frames in the outbox. No send blocks, because the scheduler keeps to the link's credit.
    pub(crate) fn flush(&self) {
        let mut sender = lock(&self.sender);
        loop {
            let Some(outgoing) = lock(&self.outbox).pop_front() else {
                return;
            };
            let is_large = matches!(outgoing.frame, OutgoingFrame::LargeJob(..));
            let sent = sender.send(outgoing, &self.board);
            self.board.show_sent();
            if is_large {
                self.note_sent_now();
            }
            if let Err(error) = sent {
                tracing::debug!(pid = self.process.pid(), "sending a frame: {error}");
                // A closed link means that the process is ending, which is noticed by itself. After any other error
                // the process is killed, so that the jobs in flight are accounted for.
                if !matches!(error, LinkError::Closed) {
                    self.process.kill(EndReason::Protocol(format!(
                        "jobs could not be sent to it: {error}"
                    )));
                }
            }
        }
    }

    fn note_sent_now(&self) {
        self.sent_at
            .store(board::now().as_nanos() as u64, Ordering::Relaxed);
    }

    /// Asks the worker to end, by closing its end of the link.
    pub(crate) fn close(&self, reason: EndReason) {
        self.process.set_end_reason(reason);
        self.closed_at
            .store(board::now().as_nanos() as u64, Ordering::Relaxed);
        // If this message cannot be sent, the worker has died, or dies when its control socket closes.
        drop(control::send(self.process.control(), control::LEAVE, &[]));
        lock(&self.sender).frames = None;
    }

    /// Raises the epoch, so that nothing that is not claimed will start. Returns the number of claimed positions.
    pub(crate) fn revoke(&self) -> u64 {
        let claimed = self.board.revoke();
        self.sent_end.store(claimed, Ordering::SeqCst);
        claimed
    }

    /// Whether some sent jobs are not claimed. This is a hint that may be late.
    pub(crate) fn has_unclaimed_jobs(&self) -> bool {
        self.sent_end.load(Ordering::SeqCst) > self.board.claimed()
    }

    /// When something was last sent, on the board's clock; in the far future while a large job is being copied.
    pub(crate) fn sent_at(&self) -> Duration {
        Duration::from_nanos(self.sent_at.load(Ordering::Relaxed))
    }

    /// Whether the worker has not finished all frames. This is a hint that may be late.
    pub(crate) fn has_unfinished_frames(&self) -> bool {
        self.frames_sent.load(Ordering::Relaxed) > self.board.progress().received
    }

    /// Notes that this many received frames were reported to the scheduler.
    pub(crate) fn note_reported(&self, received: u64) {
        self.frames_reported.fetch_max(received, Ordering::Relaxed);
    }

    /// Whether the worker has published results or progress that the scheduler does not know.
    pub(crate) fn has_news(&self) -> bool {
        let reported = self.frames_reported.load(Ordering::Relaxed);
        self.board.has_results() || self.board.progress().received > reported
    }

    /// How far the worker's results and progress were taken. If this does not change although it has news, no thread
    /// takes them.
    pub(crate) fn taken(&self) -> (u64, u64) {
        (
            self.board.bytes_taken(),
            self.frames_reported.load(Ordering::Relaxed),
        )
    }

    /// When the worker was asked to end, on the board's clock.
    pub(crate) fn closed_at(&self) -> Option<Duration> {
        let at = self.closed_at.load(Ordering::Relaxed);
        (at > 0).then(|| Duration::from_nanos(at))
    }

    /// The memory that the worker uses, if it is limited and known. It is read while the worker may have jobs, and
    /// once more after that.
    pub(crate) fn memory_used(&self, may_have_jobs: bool) -> Option<u64> {
        let gauge = self.gauge.as_ref()?;
        let is_worth_a_look = self.may_have_grown.swap(may_have_jobs, Ordering::Relaxed) || may_have_jobs;
        is_worth_a_look.then(|| gauge.used()).flatten()
    }

    /// The jobs that run now.
    pub(crate) fn running(&self) -> impl Iterator<Item = board::Running> {
        (0..self.lanes).filter_map(|lane| self.board.running(lane))
    }

    /// The access to this worker's results. One thread at a time holds it, so that results are reported in the order
    /// in which they were taken.
    pub(crate) fn harvester(&self) -> MutexGuard<'_, Harvester> {
        lock(&self.harvester)
    }
}

impl Sender {
    fn send(&mut self, outgoing: Outgoing, board: &Board) -> Result<(), LinkError> {
        let Outgoing {
            epoch,
            first,
            count,
            frame,
        } = outgoing;
        let Some(frames) = &self.frames else {
            return Err(LinkError::Closed);
        };
        match frame {
            OutgoingFrame::Jobs(form, mut bytes) => {
                frame::finish(&mut bytes, form, epoch, first, count);
                if inbox::put(board, board.sent(), &bytes) {
                    return Ok(());
                }
                frames.send(&bytes)
            }
            OutgoingFrame::LargeJob(job) => match self.inbound.put(first, &job) {
                Ok(contents) => frames.send(&frame::large(epoch, first, contents)),
                Err(error) => frames.send(&frame::withdrawn(epoch, first, &error.to_string())),
            },
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
