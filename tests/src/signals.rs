//! Signal handling in a test's own process, as a careless host might do it.

#![expect(
    unsafe_code,
    reason = "installs signal handlers and reaps children as a careless host does"
)]

extern "C" fn nothing(_signal: libc::c_int) {}

/// Handles a signal with an empty handler, so that it interrupts system calls (without `SA_RESTART`).
///
/// # Panics
/// If the signal cannot be handled.
pub fn interrupt_on(signal: libc::c_int) {
    // SAFETY: an all-zero `sigaction` is a valid one with no flags and an empty mask; the handler is async-signal-safe.
    let handled = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = nothing as *const () as libc::sighandler_t;
        libc::sigaction(signal, &raw const action, std::ptr::null_mut())
    };
    assert_eq!(handled, 0, "signal {signal} can be handled");
}

/// Ignores SIGCHLD, so that the system reaps children at once.
pub fn ignore_children() {
    // SAFETY: ignoring a signal runs no code.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
}

/// Reaps any child that has ended, like `waitpid(-1)`; returns whether there was one.
pub fn reap_any() -> bool {
    let mut status = 0;
    // SAFETY: `status` is a place for the result.
    unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) > 0 }
}

/// Sends a signal to this process.
pub fn raise(signal: libc::c_int) {
    // SAFETY: sends a signal that is handled or ignored.
    unsafe { libc::kill(libc::getpid(), signal) };
}
