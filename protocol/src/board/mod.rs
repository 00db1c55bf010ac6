//! The board: what a worker shows of itself, in memory that it shares with its parent.
//!
//! The board answers, at any instant and also after the worker's death: which jobs were started, which of them are
//! running and since when, and how many are done. This is why a death costs exactly the jobs that were running.
//!
//! Owns the memory and its layout. Results are published behind the board, in the [`ring`]; a small frame may come through
//! the [`inbox`]; [`outbound`] says whether the area for large results is full. The board does not know what a job or a
//! result means, and it starts no job: it records what was started.
//!
//! How the two processes wake each other, and why no wake-up is lost, is in `README.md` beside this file.
//!
//! # The claim word
//! Every job sent to one worker process has a *position*: 0, 1, 2, … in the order of sending. One word holds an epoch
//! (16 bits) and the number of positions claimed (48 bits). A worker claims the next position by a compare-and-swap
//! before it starts that job, and only in the epoch of the job's frame. The parent *revokes* by raising the epoch,
//! in one atomic step that also returns how many positions were claimed. So each position was either claimed before the
//! revocation, or never will be: there is no third case, and no message is needed to find out.
//!
//! The jobs that were started and not finished are exactly the claimed positions without a published result.
//!
//! # Trust
//! The parent trusts nothing here that could harm it. A forged word may misplace this worker's own jobs, but every
//! number is checked against what was really sent.

pub mod inbox;
pub mod outbound;
pub mod ring;
pub mod spin;

use std::{
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
    time::Duration,
};

use rustix::time::ClockId;

use crate::memory::{MemoryError, SharedMemory};

/// The most jobs that can run at once in one worker process.
pub const MAX_LANES: usize = 64;

/// The bytes of the ring of results, which follows the board.
pub const RING_BYTES: usize = 256 * 1024;

const CLAIM: usize = 0;
const RECEIVED: usize = 64;
const DONE: usize = 72;
const BUSY: usize = 80;
const WAKE: usize = 128;
const RING_WRITTEN: usize = 192;
const RING_READ: usize = 256;
const RING_SPACE: usize = 264;
const OUTBOUND_FULL: usize = 320;
const SENT: usize = 384;
const INBOX: usize = 448;
const LANES: usize = 512;
const LANE_BYTES: usize = 64;
const INBOX_START: usize = LANES + MAX_LANES * LANE_BYTES;
const RING_START: usize = INBOX_START + 3584;

/// The bytes of the board and its ring together.
pub const BOARD_BYTES: usize = RING_START + RING_BYTES;

const POSITION_BITS: u32 = 48;
const POSITION_MASK: u64 = (1 << POSITION_BITS) - 1;

/// The board of one worker, as either process sees it.
#[derive(Debug)]
pub struct Board {
    memory: SharedMemory,
}

/// A job that is running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Running {
    /// Its position.
    pub position: u64,
    /// When it started, on the clock of [`now`].
    pub since: Duration,
}

/// What a worker process has done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Frames of which all jobs have been claimed or revoked, from the link or the inbox.
    pub received: u64,
    /// Jobs finished.
    pub done: u64,
    /// The time spent on them, without the time spent waiting for work.
    pub busy: Duration,
}

/// Returns the time on the clock that both processes share. It is cheap enough to read before every job.
///
/// It is the kernel's coarse monotonic clock: [`clock_resolution`] is its step.
pub fn now() -> Duration {
    Duration::from_nanos(now_ns())
}

/// Returns the time of [`now`] in nanoseconds.
#[inline]
fn now_ns() -> u64 {
    let time = rustix::time::clock_gettime(ClockId::MonotonicCoarse);
    // The clock counts from the start of the machine, and does not overflow for centuries.
    time.tv_sec
        .cast_unsigned()
        .wrapping_mul(1_000_000_000)
        .wrapping_add(time.tv_nsec.cast_unsigned())
}

/// Returns the resolution of the clock of [`now`]: one to ten milliseconds, depending on the kernel.
pub fn clock_resolution() -> Duration {
    to_duration(rustix::time::clock_getres(ClockId::MonotonicCoarse))
}

fn to_duration(time: rustix::time::Timespec) -> Duration {
    Duration::try_from(time).unwrap_or_default()
}

impl Board {
    /// Creates the board of a worker that is about to be started.
    ///
    /// # Errors
    /// If there is no descriptor or memory for it.
    pub fn create() -> Result<Self, MemoryError> {
        SharedMemory::create("pool-board", BOARD_BYTES).map(|memory| Self { memory })
    }

    /// Opens the board that the parent created.
    ///
    /// # Errors
    /// If the descriptor is not such memory.
    pub fn open(descriptor: std::os::fd::OwnedFd) -> Result<Self, MemoryError> {
        SharedMemory::from_descriptor(descriptor, BOARD_BYTES).map(|memory| Self { memory })
    }

    /// Returns the memory that holds the board.
    pub fn memory(&self) -> &SharedMemory {
        &self.memory
    }

    fn claim_word(&self) -> &AtomicU64 {
        self.memory.word(CLAIM)
    }

    // ---- the worker's side ----

    /// Claims the next position, if it is below `end` and the epoch is still `epoch`. The caller must then run that job.
    pub fn claim(&self, epoch: u16, end: u64) -> Option<u64> {
        let word = self.claim_word();
        let mut seen = word.load(Ordering::Relaxed);
        loop {
            let (now_epoch, position) = split(seen);
            if now_epoch != epoch || position >= end {
                return None;
            }
            // Acquire and release: a parent that revokes afterwards must see everything that this worker published before.
            match word.compare_exchange_weak(seen, seen + 1, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return Some(position),
                Err(changed) => seen = changed,
            }
        }
    }

    /// Shows that a lane starts the job at `position` now. Returns that time in nanoseconds, on the clock of [`now`].
    #[inline]
    pub fn show_start(&self, lane: usize, position: u64) -> u64 {
        let since_ns = now_ns();
        self.lane_since(lane).store(since_ns, Ordering::Relaxed);
        self.lane_position(lane).store(position + 1, Ordering::Release);
        since_ns
    }

    /// Shows that a lane runs nothing.
    pub fn show_idle(&self, lane: usize) {
        self.lane_position(lane).store(0, Ordering::Release);
    }

    /// Shows what has been done so far.
    pub fn show_progress(&self, progress: Progress) {
        self.memory.word(DONE).store(progress.done, Ordering::Relaxed);
        self.memory
            .word(BUSY)
            .store(progress.busy.as_nanos() as u64, Ordering::Relaxed);
        self.memory
            .word(RECEIVED)
            .store(progress.received, Ordering::Release);
    }

    /// Returns how many frames the parent has sent, so that a worker can see one coming before it sleeps.
    pub fn sent(&self) -> u64 {
        self.memory.word(SENT).load(Ordering::Acquire)
    }

    /// Asks the parent to look. Returns whether that takes a wake-up message; if not, one is under way already, or a thread of
    /// the parent polls.
    pub fn request_wake(&self) -> bool {
        self.memory.half_word(WAKE).swap(1, Ordering::AcqRel) == 0
    }

    // ---- the parent's side ----

    /// Notes that a wake-up was received, or that this thread ends its polling. The caller looks afterwards, so that nothing is
    /// missed.
    pub fn accept_wake(&self) {
        self.memory.half_word(WAKE).swap(0, Ordering::AcqRel);
    }

    /// Takes the place of a wake-up: the caller polls the ring until it calls [`Board::accept_wake`], and then looks at the
    /// ring and the progress once more.
    pub fn start_polling(&self) {
        // Sequentially consistent, so that either the watch thread's next look sees this, or the caller sees that the watch
        // sleeps and wakes it.
        self.memory.half_word(WAKE).swap(1, Ordering::SeqCst);
    }

    /// Whether the parent is certain to look again: a thread of it polls, or a wake-up is under way.
    pub fn parent_will_look(&self) -> bool {
        self.memory.half_word(WAKE).load(Ordering::SeqCst) != 0
    }

    /// Returns how many bytes of results have been taken from the ring so far.
    pub fn bytes_taken(&self) -> u64 {
        self.memory.word(RING_READ).load(Ordering::Relaxed)
    }

    /// Whether the ring holds results that were not taken.
    pub fn has_results(&self) -> bool {
        let written = self.memory.word(RING_WRITTEN).load(Ordering::Acquire);
        written != self.memory.word(RING_READ).load(Ordering::Relaxed)
    }

    /// Shows that one more frame has been sent.
    pub fn show_sent(&self) {
        self.memory.word(SENT).fetch_add(1, Ordering::Release);
    }

    /// Returns how many positions have been claimed.
    pub fn claimed(&self) -> u64 {
        split(self.claim_word().load(Ordering::Acquire)).1
    }

    /// Raises the epoch by one, so that nothing sent before can be claimed any more. Returns how many positions were claimed.
    pub fn revoke(&self) -> u64 {
        let word = self.claim_word();
        let mut seen = word.load(Ordering::Acquire);
        loop {
            let (epoch, position) = split(seen);
            let raised = u64::from(epoch.wrapping_add(1)) << POSITION_BITS | position;
            match word.compare_exchange_weak(seen, raised, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return position,
                Err(changed) => seen = changed,
            }
        }
    }

    /// Returns the job that a lane is running, if any.
    pub fn running(&self, lane: usize) -> Option<Running> {
        let position = self.lane_position(lane).load(Ordering::Acquire).checked_sub(1)?;
        let since = Duration::from_nanos(self.lane_since(lane).load(Ordering::Acquire));
        // The start is written before the position. If the position is still the same, the start is that of this job, or
        // already that of the next one: never an earlier one, so that no job looks older than it is.
        let still = self.lane_position(lane).load(Ordering::Acquire) == position + 1;
        still.then_some(Running { position, since })
    }

    /// Returns what has been done so far.
    pub fn progress(&self) -> Progress {
        Progress {
            received: self.memory.word(RECEIVED).load(Ordering::Acquire),
            done: self.memory.word(DONE).load(Ordering::Relaxed),
            busy: Duration::from_nanos(self.memory.word(BUSY).load(Ordering::Relaxed)),
        }
    }

    fn lane_position(&self, lane: usize) -> &AtomicU64 {
        assert!(lane < MAX_LANES, "lane {lane} of {MAX_LANES}");
        self.memory.word(LANES + lane * LANE_BYTES)
    }

    fn lane_since(&self, lane: usize) -> &AtomicU64 {
        self.memory.word(LANES + lane * LANE_BYTES + 8)
    }

    fn space(&self) -> &AtomicU32 {
        self.memory.half_word(RING_SPACE)
    }
}

fn split(word: u64) -> (u16, u64) {
    ((word >> POSITION_BITS) as u16, word & POSITION_MASK)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;

    #[test]
    fn positions_are_claimed_once_each_in_order_up_to_the_end() {
        let board = Board::create().unwrap();
        assert_eq!(
            (board.claim(0, 2), board.claim(0, 2), board.claim(0, 2)),
            (Some(0), Some(1), None)
        );
        assert_eq!(board.claimed(), 2);
    }

    #[test]
    fn nothing_of_an_earlier_epoch_is_claimed_after_a_revocation() {
        let board = Board::create().unwrap();
        board.claim(0, 10);
        assert_eq!(board.revoke(), 1);
        assert_eq!(board.claim(0, 10), None);
        assert_eq!(board.claim(1, 10), Some(1));
    }

    /// All accounting rests on this, here with real threads: in every interleaving a position is claimed by one lane only,
    /// and the number that a revocation returns divides the claimed positions from the others exactly.
    #[test]
    fn a_revocation_divides_exactly_under_contention() {
        for round in 0..200_u16 {
            let board = Board::create().unwrap();
            let stop = AtomicBool::new(false);
            let (claims, divided) = std::thread::scope(|scope| {
                let lanes: Vec<_> = (0..2)
                    .map(|_| {
                        scope.spawn(|| {
                            std::iter::from_fn(|| board.claim(0, POSITION_MASK))
                                .take_while(|_| !stop.load(Ordering::Relaxed))
                                .collect::<Vec<_>>()
                        })
                    })
                    .collect();
                for _ in 0..u32::from(round) * 20 {
                    std::hint::spin_loop();
                }
                let divided = board.revoke();
                let mut claims: Vec<u64> = lanes.into_iter().flat_map(|lane| lane.join().unwrap()).collect();
                stop.store(true, Ordering::Relaxed);
                claims.sort_unstable();
                (claims, divided)
            });
            assert_eq!(claims, (0..divided).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_running_job_is_seen_with_its_start() {
        let board = Board::create().unwrap();
        assert_eq!(board.running(3), None);
        let before = now();
        board.show_start(3, 17);
        let running = board.running(3).unwrap();
        assert_eq!(running.position, 17);
        assert!(running.since >= before && running.since <= now());
        board.show_idle(3);
        assert_eq!(board.running(3), None);
    }

    #[test]
    fn one_wake_up_is_sent_until_it_is_accepted() {
        let board = Board::create().unwrap();
        assert!(board.request_wake());
        assert!(!board.request_wake());
        board.accept_wake();
        assert!(board.request_wake());
    }

    #[test]
    fn the_layout_has_room_for_every_lane() {
        const { assert!(INBOX_START < RING_START) }
        const { assert!(BOARD_BYTES.is_multiple_of(4096)) }
    }
}
