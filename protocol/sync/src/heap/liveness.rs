//! How processes know that another one has ended.
//!
//! Each process has an entry in the table of processes, with a *liveness word*. A thread that does nothing else writes
//! its thread id there and registers the word with the kernel as its robust futex. When the process ends, however it
//! ends, the kernel marks the word, before the process is even a zombie. It also does so if the process replaces itself
//! by another program, which has none of the shared objects either. So any process can check with one load whether any
//! other is alive, whichever process is its parent, without a descriptor, without `/proc`, and without a number that is
//! used again.
//!
//! The kernel marks the word while the last other threads of a killed process may still be stopping: they have been
//! interrupted, but the interrupt may take some microseconds. [`SETTLING`] allows for that.
//!
//! A bare `fork` copies the memory but not the thread. The child notices that it has no identity, by a page that the
//! kernel wipes at a fork. This file does not know what a dead process held.

#![expect(unsafe_code, reason = "names a futex to the kernel as robust")]

use std::{
    ptr,
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    time::Duration,
};

use protocol::{MemoryError, memory::wiped_at_fork};

use super::{
    arena::Arena,
    error::SharedHeapError,
    layout::{LIVENESS, MAX_PROCESSES, PROCESS_BYTES, PROCESSES, PROCESSES_SEEN},
};

/// The kernel's mark on a liveness word.
const ENDED: u64 = rustix::thread::futex::OWNER_DIED as u64;

/// How long after the mark a killed process may still execute instructions, with a wide margin.
const SETTLING: Duration = Duration::from_millis(1);

const STACK_BYTES: usize = 64 * 1024;

/// The bit at which the slot's number begins in an owner's number; below it is the thread's number.
const SLOT_SHIFT: u32 = 20;

/// A thread's number as an owner, from its process's identity and its own number.
pub(crate) fn owner(identity: u64, thread: u32) -> u64 {
    identity | u64::from(thread)
}

/// The slot of an owner's process.
pub(crate) fn slot_of(owner: u64) -> Option<usize> {
    ((owner >> SLOT_SHIFT) as usize).checked_sub(1)
}

/// This process's entry in the table.
#[derive(Debug)]
pub(crate) struct Registration {
    pub(crate) slot: usize,
    /// The slot as part of an owner's number; 0 after a fork.
    identity: &'static AtomicU64,
}

impl Registration {
    /// Registers this process in the table.
    pub(crate) fn new(arena: &'static Arena) -> Result<Self, SharedHeapError> {
        let identity = wiped_at_fork()?;
        let (sender, receiver) = mpsc::sync_channel(1);
        std::thread::Builder::new()
            .name("pool-liveness".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || hold_liveness(arena, &sender))
            .map_err(|source| MemoryError::System {
                step: "starting the thread that shows that this process is alive",
                source,
            })?;
        let slot = receiver
            .recv()
            .unwrap_or(Err(SharedHeapError::TooManyProcesses { limit: MAX_PROCESSES }))?;
        identity.store((slot as u64 + 1) << SLOT_SHIFT, Ordering::Relaxed);
        Ok(Self { slot, identity })
    }

    /// The slot as part of an owner's number.
    pub(crate) fn identity(&self) -> Result<u64, SharedHeapError> {
        match self.identity.load(Ordering::Relaxed) {
            0 => Err(SharedHeapError::Forked),
            identity => Ok(identity),
        }
    }
}

/// Whether the process in this slot has ended, and executes no more instructions.
pub(crate) fn has_ended(arena: &Arena, slot: usize) -> bool {
    let ended = shows_end(arena, slot);
    if ended {
        #[expect(
            clippy::disallowed_methods,
            reason = "the mark precedes the last instruction, and no event follows it"
        )]
        std::thread::sleep(SETTLING);
    }
    ended
}

/// Whether the process in this slot has ended, or is about to.
pub(crate) fn shows_end(arena: &Arena, slot: usize) -> bool {
    slot < MAX_PROCESSES && liveness_word(arena, slot).load(Ordering::Acquire) & ENDED != 0
}

/// The slots whose processes have ended.
pub(crate) fn ended(arena: &Arena) -> impl Iterator<Item = usize> {
    let seen = arena.word(PROCESSES_SEEN).load(Ordering::Relaxed) as usize;
    (0..seen.min(MAX_PROCESSES)).filter(|slot| shows_end(arena, *slot))
}

/// Frees the slot of a process that has ended, and of which nothing is left to reclaim.
pub(crate) fn free_slot(arena: &Arena, slot: usize) {
    liveness_word(arena, slot).store(0, Ordering::Release);
}

fn entry(slot: usize) -> u64 {
    PROCESSES + slot as u64 * PROCESS_BYTES
}

fn liveness_word(arena: &Arena, slot: usize) -> &AtomicU64 {
    arena.word(entry(slot) + LIVENESS)
}

#[repr(C)]
struct RobustNode {
    next: *const RobustNode,
}

/// What the kernel walks when a thread ends (`struct robust_list_head`).
#[repr(C)]
struct RobustHead {
    list: RobustNode,
    /// From a node to its futex.
    futex_offset: libc::c_long,
    pending: *const RobustNode,
}

/// Runs the thread that shows that the process is alive: registers the liveness word, and sleeps.
fn hold_liveness(arena: &'static Arena, sender: &mpsc::SyncSender<Result<usize, SharedHeapError>>) {
    ignore_signals();
    let node: &mut RobustNode = Box::leak(Box::new(RobustNode { next: ptr::null() }));
    let head: *mut RobustHead = Box::leak(Box::new(RobustHead {
        list: RobustNode { next: node },
        futex_offset: 0,
        pending: ptr::null(),
    }));
    // SAFETY: `head` was leaked just now and is reached by this thread and the kernel alone.
    node.next = unsafe { &raw const (*head).list };
    let point_to = |slot: usize| {
        let offset = liveness_word(arena, slot).as_ptr().addr().cast_signed()
            - (&raw const *node).addr().cast_signed();
        // SAFETY: as above; volatile, because the kernel reads it when the thread ends, which no compiler sees.
        unsafe { (&raw mut (*head).futex_offset).write_volatile(offset as libc::c_long) };
    };
    point_to(0);
    // SAFETY: the list that `head` names is whole and is never freed; its one node's futex is in the shared
    // heap, which stays mapped. This thread uses no robust mutex of the C library, whose list this one replaces.
    let set = unsafe {
        libc::syscall(
            libc::SYS_set_robust_list,
            head.cast_const(),
            size_of::<RobustHead>(),
        )
    };
    if set != 0 {
        let source = std::io::Error::last_os_error();
        let what = "robust futexes (set_robust_list)";
        let _received_or_not = sender.send(Err(SharedHeapError::Missing { what, source }));
        return;
    }
    let slot = take_slot(arena, point_to);
    let has_slot = slot.is_some();
    let _received_or_not =
        sender.send(slot.ok_or(SharedHeapError::TooManyProcesses { limit: MAX_PROCESSES }));
    if has_slot {
        loop {
            std::thread::park();
        }
    }
}

/// Takes the first free slot. The word is registered with the kernel before it is written, so that a process that is
/// killed in between does not leave the slot taken; the kernel leaves a word alone that another thread has written.
fn take_slot(arena: &Arena, point_to: impl Fn(usize)) -> Option<usize> {
    let thread = rustix::thread::gettid().as_raw_nonzero().get();
    (0..MAX_PROCESSES).find(|slot| {
        let liveness = liveness_word(arena, *slot);
        if liveness.load(Ordering::Relaxed) != 0 {
            return false;
        }
        point_to(*slot);
        let number = u64::from(thread.cast_unsigned());
        let is_ours = liveness
            .compare_exchange(0, number, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok();
        if is_ours {
            arena
                .word(PROCESSES_SEEN)
                .fetch_max(*slot as u64 + 1, Ordering::AcqRel);
        }
        is_ours
    })
}

/// Blocks all signals, so that the program's handlers do not run on this thread.
fn ignore_signals() {
    // SAFETY: the set is filled before it is used, and only this thread's mask is changed.
    unsafe {
        let mut all = std::mem::zeroed::<libc::sigset_t>();
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, ptr::null_mut());
    }
}
