//! What a signal does to this process: ignored, or its default action.
//!
//! Owns the system calls. [`crate::signals`] decides when.

#![expect(
    unsafe_code,
    reason = "the standard library has no interface to signal dispositions"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "the command is the host, and these are its own signals"
)]

use std::{ffi::c_int, mem, ptr};

/// Whether a signal is ignored.
pub(crate) fn is_ignored(signal: c_int) -> bool {
    let mut action = default_action();
    // SAFETY: asks for the disposition and changes nothing; `action` is a place for it.
    let asked = unsafe { libc::sigaction(signal, ptr::null(), &raw mut action) };
    asked == 0 && action.sa_sigaction == libc::SIG_IGN
}

/// Ends this process by the default action of a signal, so that its parent sees that signal. May be called in a signal
/// handler.
pub(crate) fn die_of(signal: c_int) -> ! {
    let action = default_action();
    // SAFETY: all of these may be called in signal handlers. The set is initialised by `sigemptyset` before its use.
    unsafe {
        libc::sigaction(signal, &raw const action, ptr::null_mut());
        libc::raise(signal);
        let mut signals = mem::zeroed();
        libc::sigemptyset(&raw mut signals);
        libc::sigaddset(&raw mut signals, signal);
        libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const signals, ptr::null_mut());
        // The first process of a container survives default actions.
        libc::_exit(128 + signal)
    }
}

/// Lets the default action of a signal stop this process. Returns when it is continued, or at once if the system does not
/// stop it because no shell could continue it. The present handler stays.
pub(crate) fn stop_by(signal: c_int) {
    let (action, mut handled) = (default_action(), default_action());
    // SAFETY: the second call puts back what the first has found, both at valid places; the signal goes to this thread.
    unsafe {
        libc::sigaction(signal, &raw const action, &raw mut handled);
        libc::raise(signal);
        libc::sigaction(signal, &raw const handled, ptr::null_mut());
    }
}

fn default_action() -> libc::sigaction {
    // SAFETY: all zeros are a valid `sigaction`: the default action, no flags and an empty mask.
    unsafe { mem::zeroed() }
}

/// Calls [`die_of`] in the handler of a signal, if `condition` then holds.
///
/// # Errors
/// If the signal cannot be handled.
pub(crate) fn die_in_handler(
    signal: c_int,
    condition: impl Fn() -> bool + Send + Sync + 'static,
) -> std::io::Result<()> {
    let act = move || {
        if condition() {
            die_of(signal);
        }
    };
    // SAFETY: the condition reads an atomic value, and `die_of` may be called in a handler.
    unsafe { signal_hook::low_level::register(signal, act) }.map(drop)
}
