//! Which standard streams were closed when the program started, and whether two of them are one terminal.
//!
//! The runtime of the language opens `/dev/null` in the place of a closed stream before `main`. So the streams are looked
//! at before that, by a function that the loader calls.

#![expect(
    unsafe_code,
    reason = "looks at descriptors before the runtime replaces closed ones"
)]

use std::{
    io::{IsTerminal, stderr, stdout},
    sync::atomic::{AtomicBool, Ordering},
};

/// A standard stream, by the number of its descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    Input = 0,
    Output = 1,
}

static WAS_CLOSED: [AtomicBool; 2] = [AtomicBool::new(false), AtomicBool::new(false)];

extern "C" fn look() {
    for (descriptor, was_closed) in (0..).zip(&WAS_CLOSED) {
        // SAFETY: asks for the flags of a descriptor, which may be closed.
        let flags = unsafe { libc::fcntl(descriptor, libc::F_GETFD) };
        was_closed.store(flags == -1, Ordering::Relaxed);
    }
}

// SAFETY: the loader calls each function in this section once, before `main`, with the C calling convention; `look` needs
// nothing that the runtime sets up.
#[used]
#[unsafe(link_section = ".init_array")]
static LOOK: extern "C" fn() = look;

/// Whether a standard stream was closed when the program started.
pub(crate) fn was_closed(stream: Stream) -> bool {
    WAS_CLOSED[stream as usize].load(Ordering::Relaxed)
}

/// Whether standard output and standard error are the same terminal.
pub(crate) fn is_one_terminal() -> bool {
    let device = |found: rustix::fs::Stat| found.st_rdev;
    let [output, error] =
        [rustix::fs::fstat(stdout()), rustix::fs::fstat(stderr())].map(|stat| stat.map(device));
    stdout().is_terminal() && stderr().is_terminal() && output.is_ok() && output == error
}
