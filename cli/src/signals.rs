//! Ctrl-C and SIGTERM.
//!
//! The first Ctrl-C requests an orderly end. The second one, and SIGTERM, exit inside the signal handler. That works
//! whatever the threads are blocked in, and the workers notice within milliseconds that their parent is gone.

use std::{
    io,
    sync::{Arc, atomic::AtomicBool},
    thread,
};

use signal_hook::{
    consts::{SIGINT, SIGTERM},
    flag,
    iterator::Signals,
};

use crate::exit::Ending;

/// Calls `stop` in a separate thread on the first Ctrl-C; exits on the second, and on SIGTERM.
pub(crate) fn watch(stop: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let is_second = Arc::new(AtomicBool::new(false));
    // The order matters: the first signal finds the flag unset and then sets it.
    flag::register_conditional_shutdown(SIGINT, Ending::Interrupted.code().into(), Arc::clone(&is_second))?;
    flag::register(SIGINT, is_second)?;
    flag::register_conditional_shutdown(
        SIGTERM,
        Ending::Terminated.code().into(),
        Arc::new(AtomicBool::new(true)),
    )?;
    let mut signals = Signals::new([SIGINT])?;
    let wait = move || {
        if signals.forever().next().is_some() {
            stop();
        }
    };
    thread::Builder::new()
        .name("signals".into())
        .spawn(wait)
        .map(drop)
}
