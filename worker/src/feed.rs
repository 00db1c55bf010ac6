//! How work comes to the lanes: frame after frame, from the link or the inbox.
//!
//! Owns the link's receiving end, the inbound parcel area and the account of what has been done. The lanes take turns:
//! one that finds the current frame used up receives the next, for all; the others find it here when they come. So a
//! lane never waits for another, and the only lane of a worker receives in its own thread.
//!
//! A lane that waits for a frame does so inside the lock of the source; whoever else waits for that lock has nothing
//! to do either. What must be told to the parent is told before.

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

use crate::{batch::Batch, bell::Bell, failure::Failure};

/// How long a lane looks for the next frame before it sleeps.
const LINGER: Duration = Duration::from_micros(20);

/// Something to do for one lane.
#[derive(Debug)]
pub(crate) enum Work {
    /// Jobs to claim, shared with the other lanes.
    Frame(Arc<Batch>),
    /// One large job, claimed already.
    Large {
        position: u64,
        /// The encoded job, where it lies; or why it cannot be seen.
        payload: Result<MappedPayload, Fault>,
    },
}

/// What a lane has done since it last asked for work.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Stint {
    /// The turn of its last work.
    pub(crate) turn: u64,
    /// Jobs finished.
    pub(crate) done: u64,
    /// Time spent on them.
    pub(crate) busy: Duration,
}

/// Where the lanes get their work.
#[derive(Debug)]
pub(crate) struct Feed<'a> {
    board: &'a Board,
    bell: &'a Bell<'a>,
    progress: Mutex<Progress>,
    source: Mutex<Source>,
    message_limit: u64,
}

#[derive(Debug)]
struct Source {
    frames: FrameReceiver,
    inbound: InboundArea,
    /// How many frames have been received.
    turn: u64,
    /// The last of them, unless it was a parcel's.
    current: Option<Arc<Batch>>,
    /// Whether the last frame came by the link, and perhaps woke this process.
    came_by_link: bool,
    ended: bool,
}

impl<'a> Feed<'a> {
    pub(crate) fn new(
        board: &'a Board,
        bell: &'a Bell<'a>,
        frames: FrameReceiver,
        inbound: InboundArea,
        message_limit: u64,
    ) -> Self {
        Self {
            board,
            bell,
            progress: Mutex::default(),
            source: Mutex::new(Source {
                frames,
                inbound,
                turn: 0,
                current: None,
                came_by_link: true,
                ended: false,
            }),
            message_limit,
        }
    }

    /// Accounts for what the lane has done and gives it its next work, with its turn; `None` at the link's end.
    pub(crate) fn next(&self, mut stint: Stint) -> Result<Option<(u64, Work)>, Failure> {
        let mut source = self.enter(&mut stint);
        loop {
            if source.ended {
                self.account(stint, None);
                return Ok(None);
            }
            if let Some(batch) = source.unseen(stint.turn) {
                self.account(stint, None);
                return Ok(Some((source.turn, Work::Frame(batch))));
            }
            self.account(stint, Some(source.turn));
            stint = Stint::default();
            let work = self.receive(&mut source).inspect_err(|_| source.ended = true)?;
            if let Some(work) = work {
                return Ok(Some((source.turn, work)));
            }
            stint.turn = source.turn;
        }
    }

    /// Locks the source. When that takes waiting, tells the parent before: another lane may be waiting for a frame.
    fn enter(&self, stint: &mut Stint) -> MutexGuard<'_, Source> {
        match self.source.try_lock() {
            Ok(source) => source,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                self.account(*stint, None);
                *stint = Stint {
                    turn: stint.turn,
                    ..Stint::default()
                };
                self.source.lock().unwrap_or_else(PoisonError::into_inner)
            }
        }
    }

    /// Shows what has been done, and that `received` frames have been used up; wakes the parent to see it.
    fn account(&self, stint: Stint, received: Option<u64>) {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        let before = *progress;
        progress.done += stint.done;
        progress.busy += stint.busy;
        progress.received = received.unwrap_or(progress.received);
        if *progress != before {
            self.board.show_progress(*progress);
            drop(progress);
            self.bell.ring();
        }
    }

    /// Receives one frame. `None`: it was a parcel's and has been revoked, or the link has ended.
    fn receive(&self, source: &mut Source) -> Result<Option<Work>, Failure> {
        let seen = self.look(source.turn, source.came_by_link)?;
        source.came_by_link = seen.is_none();
        let bytes = match seen {
            Some(bytes) => bytes,
            None => match source.frames.receive() {
                Ok(bytes) => bytes,
                Err(LinkError::Closed) => {
                    source.ended = true;
                    return Ok(None);
                }
                Err(error) => return Err(error.into()),
            },
        };
        source.turn += 1;
        source.current = None;
        let frame = Frame::parse(&bytes)?;
        if let Some(large) = frame.large() {
            return self.take_large(&mut source.inbound, &frame, large);
        }
        let batch = Arc::new(Batch::new(bytes)?);
        source.current = Some(Arc::clone(&batch));
        Ok(Some(Work::Frame(batch)))
    }

    /// Looks for the next frame for a moment, because it often follows the answer to the last one at once; gives it when it
    /// has come by the inbox. Whoever has woken this process may wait for the answer on the same CPU: he has it first.
    fn look(&self, received: u64, came_by_link: bool) -> Result<Option<Vec<u8>>, Failure> {
        inbox::open(self.board, received);
        if let Some(spin) = Spin::begin(LINGER) {
            spin.yielding_first(came_by_link)
                .run(|| inbox::is_taken(self.board) || self.board.sent() != received);
        }
        Ok(inbox::close(self.board, received).map_err(FrameError::from)?)
    }

    /// Claims a large job and looks at it in the inbound area, which is this worker's from the claim to the record of the
    /// job's result: a large job is sent only to a worker that has no other.
    fn take_large(
        &self,
        inbound: &mut InboundArea,
        frame: &Frame<'_>,
        large: Large<'_>,
    ) -> Result<Option<Work>, Failure> {
        let Some(position) = self.board.claim(frame.epoch, frame.first.saturating_add(1)) else {
            return Ok(None);
        };
        if position != frame.first {
            return Err(Failure::BrokenProtocol(format!(
                "position {position} was claimed for the large job at {}",
                frame.first
            )));
        }
        let payload = match large {
            Large::InArea(contents) => match inbound.receive(contents, self.message_limit) {
                Ok(payload) => Ok(payload),
                Err(error @ MemoryError::System { .. }) => Err(Fault::Undecodable(error.to_string())),
                Err(error) => return Err(Failure::BrokenProtocol(error.to_string())),
            },
            Large::Withdrawn(reason) => Err(Fault::Withdrawn(String::from_utf8_lossy(reason).into_owned())),
        };
        Ok(Some(Work::Large { position, payload }))
    }
}

impl Source {
    /// The current frame, when it came after the given turn.
    fn unseen(&self, turn: u64) -> Option<Arc<Batch>> {
        self.current.clone().filter(|_| self.turn > turn)
    }
}
