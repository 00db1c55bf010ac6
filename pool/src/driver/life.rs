//! One worker that takes jobs: everything the parent holds of it from its handshake to its death.
//!
//! Frames go out and results come in here. What is sent, and what a result means, is the scheduler's affair.

use std::{
    collections::VecDeque,
    os::fd::OwnedFd,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use protocol::{
    board::{self, Board},
    control, frame,
    link::{FrameSender, LinkError, ParentLink, WakeReceiver},
    parcel::Parcel,
};

use super::{harvest::Harvester, process::Process};
use crate::load::Cargo;

/// A worker's life from its handshake on.
pub(crate) struct Life {
    pub(crate) number: u64,
    pub(crate) process: Arc<Process>,
    pub(crate) board: Board,
    pub(crate) wakes: Mutex<WakeReceiver>,
    lanes: usize,
    outbox: Mutex<VecDeque<Outgoing>>,
    sender: Mutex<Sender>,
    harvester: Mutex<Harvester>,
    /// Its closing tells the worker that the parent has gone.
    lifeline: OwnedFd,
    /// The position behind the last that was sent and not revoked: a hint for the watch.
    sent_end: AtomicU64,
    /// When something was last sent, in nanoseconds of the board's clock.
    sent_at: AtomicU64,
}

/// A frame that is decided and not yet sent.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) epoch: u16,
    pub(crate) first: u64,
    pub(crate) count: u32,
    pub(crate) cargo: Cargo,
}

/// `frames` is `None` once the worker has been asked to end.
struct Sender {
    frames: Option<FrameSender>,
    inbound: Parcel,
}

impl Life {
    pub(crate) fn new(
        number: u64,
        process: Arc<Process>,
        board: Board,
        (inbound, outbound): (Parcel, Parcel),
        link: ParentLink,
        (lanes, message_limit): (usize, u64),
        lifeline: OwnedFd,
    ) -> Self {
        process.tell_end_to(link.own_wake);
        Self {
            number,
            process,
            board,
            wakes: Mutex::new(link.wakes),
            lanes,
            outbox: Mutex::default(),
            sender: Mutex::new(Sender {
                frames: Some(link.frames),
                inbound,
            }),
            harvester: Mutex::new(Harvester::new(outbound, message_limit)),
            lifeline,
            sent_end: AtomicU64::new(0),
            sent_at: AtomicU64::new(0),
        }
    }

    /// Puts a frame in line. Called under the scheduler's lock, so that the line has the order of the positions.
    pub(crate) fn put_in_line(&self, outgoing: Outgoing) {
        self.sent_at
            .store(board::now().as_nanos() as u64, Ordering::Relaxed);
        self.sent_end
            .store(outgoing.first + u64::from(outgoing.count), Ordering::SeqCst);
        lock(&self.outbox).push_back(outgoing);
    }

    /// Sends what is in line. No send blocks: the scheduler keeps to the link's credit.
    pub(crate) fn send_line(&self) {
        let mut sender = lock(&self.sender);
        loop {
            let Some(outgoing) = lock(&self.outbox).pop_front() else {
                return;
            };
            let sent = sender.send(outgoing);
            self.board.show_sent();
            if let Err(error) = sent {
                tracing::debug!(pid = self.process.pid(), "sending a frame: {error}");
                // A closed link means a death, of which the process itself will tell. Anything else must become one,
                // so that the jobs in flight are accounted for.
                if !matches!(error, LinkError::Closed) {
                    self.process
                        .kill(Some(format!("jobs could not be sent to it: {error}")));
                }
            }
        }
    }

    /// Asks the worker to end, by ending what it reads from.
    pub(crate) fn close(&self) {
        // When it cannot be told it has died, or will when its lifeline is cut.
        drop(control::send(&self.lifeline, control::LEAVE, &[]));
        lock(&self.sender).frames = None;
    }

    /// Makes sure that nothing which was sent and not claimed will start; says how many positions were claimed.
    pub(crate) fn revoke(&self) -> u64 {
        let claimed = self.board.revoke();
        self.sent_end.store(claimed, Ordering::SeqCst);
        claimed
    }

    /// Whether jobs were sent that have not been claimed, by a hint that may be late.
    pub(crate) fn has_followers(&self) -> bool {
        self.sent_end.load(Ordering::SeqCst) > self.board.claimed()
    }

    /// How long ago something was last sent.
    pub(crate) fn since_sending(&self) -> Duration {
        board::now().saturating_sub(Duration::from_nanos(self.sent_at.load(Ordering::Relaxed)))
    }

    /// The jobs that run now.
    pub(crate) fn running(&self) -> impl Iterator<Item = board::Running> {
        (0..self.lanes).filter_map(|lane| self.board.running(lane))
    }

    /// The way to this worker's results. One thread at a time holds it, so that results are accounted for in the order
    /// in which they were taken.
    pub(crate) fn harvester(&self) -> MutexGuard<'_, Harvester> {
        lock(&self.harvester)
    }
}

impl Sender {
    fn send(&mut self, outgoing: Outgoing) -> Result<(), LinkError> {
        let Outgoing {
            epoch,
            first,
            count,
            cargo,
        } = outgoing;
        let Some(frames) = &self.frames else {
            return Err(LinkError::Closed);
        };
        match cargo {
            Cargo::Frame(form, mut bytes) => {
                frame::finish(&mut bytes, form, epoch, first, count);
                frames.send(&bytes)
            }
            Cargo::Parcel(bytes) => match self.inbound.put(&bytes) {
                Ok(()) => frames.send(&frame::parcel(epoch, first, bytes.len() as u64)),
                Err(error) => frames.send(&frame::withdrawn(epoch, first, &error.to_string())),
            },
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
