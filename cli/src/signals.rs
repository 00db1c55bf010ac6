//! Ctrl-C, Ctrl-Z and SIGTERM.
//!
//! The first Ctrl-C requests an orderly end. The second one, and SIGTERM, end the process inside the signal handler. That
//! works whatever the threads are blocked in, and the workers notice within milliseconds that their parent is gone.
//!
//! A signal that was ignored when the command started stays ignored, as shells and `nohup` want it.

use std::{
    ffi::c_int,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use signal_hook::{
    consts::{SIGINT, SIGTERM, SIGTSTP},
    flag,
    iterator::Signals,
};

use crate::disposition;

/// Calls `interrupt` in a separate thread on the first Ctrl-C and ends on the second, and on SIGTERM. On Ctrl-Z, calls
/// `suspend` there with a function that stops this process until it is continued.
pub(crate) fn watch(
    interrupt: impl Fn() + Send + 'static,
    suspend: impl Fn(&dyn Fn()) + Send + 'static,
) -> io::Result<()> {
    let is_wanted = |signal: &c_int| !disposition::is_ignored(*signal);
    let watched: Vec<c_int> = [SIGINT, SIGTSTP].into_iter().filter(is_wanted).collect();
    if is_wanted(&SIGTERM) {
        // The default action is the same, except for the first process of a container.
        disposition::die_in_handler(SIGTERM, || true)?;
    }
    if watched.contains(&SIGINT) {
        let is_second = Arc::new(AtomicBool::new(false));
        let second = Arc::clone(&is_second);
        // The order matters: the first signal finds the flag unset and then sets it.
        disposition::die_in_handler(SIGINT, move || second.load(Ordering::SeqCst))?;
        flag::register(SIGINT, is_second)?;
    }
    let mut signals = Signals::new(watched)?;
    let react = move || {
        for signal in signals.forever() {
            match signal {
                SIGINT => interrupt(),
                _ => suspend(&|| disposition::stop_by(signal)),
            }
        }
    };
    thread::Builder::new()
        .name("signals".into())
        .spawn(react)
        .map(drop)
}
