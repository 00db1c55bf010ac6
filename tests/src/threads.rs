//! The stacks of all threads of this process, to show why a program hangs.
//!
//! The kernel says where each thread waits; the thread itself captures its stack in the handler of a signal that is sent to
//! it alone. That is not safe in general, since the handler allocates, but good enough for a program that is about to
//! abort: a thread that does not answer is skipped.

#![expect(
    unsafe_code,
    reason = "handles a signal, in which each thread captures its stack"
)]

use std::{
    backtrace::Backtrace,
    fs,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// How long a thread may take to capture its stack.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The stack that a thread has captured.
static CAPTURED: Mutex<Option<String>> = Mutex::new(None);

fn captured() -> MutexGuard<'static, Option<String>> {
    CAPTURED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What each thread of this process is doing, with its stack.
pub fn stacks() -> String {
    // SAFETY: the handler is a function of the right type, and lives as long as the program.
    let before = unsafe { libc::signal(libc::SIGURG, capture as *const () as libc::sighandler_t) };
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let stacks = tasks.map(|task| {
        let stack = match task.file_name().to_str().and_then(|id| id.parse().ok()) {
            Some(id) if before != libc::SIG_ERR => stack_of(id),
            _ => "its stack cannot be captured".to_owned(),
        };
        format!("{}{stack}\n", state_of(&task.path()))
    });
    stacks.collect()
}

/// Where the kernel says a thread is.
fn state_of(task: &Path) -> String {
    let [name, place, call] = ["comm", "wchan", "syscall"].map(|file| {
        let text = fs::read_to_string(task.join(file));
        text.unwrap_or_default().trim().to_owned()
    });
    format!("{name}: waits in {place}, system call {call}\n")
}

fn stack_of(thread: libc::pid_t) -> String {
    *captured() = None;
    // SAFETY: sends a signal that is handled to a thread of this process; when that has ended it is an error.
    let sent = unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), thread, libc::SIGURG) };
    let begun = Instant::now();
    while sent == 0 && begun.elapsed() < TIMEOUT {
        if let Some(stack) = captured().take() {
            return stack;
        }
        std::thread::yield_now();
    }
    "its stack was not captured in time".to_owned()
}

/// Runs in each thread in turn.
extern "C" fn capture(_signal: libc::c_int) {
    let stack = Backtrace::force_capture().to_string();
    *captured() = Some(stack);
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[inline(never)]
    fn waits_for_good(receiver: &mpsc::Receiver<()>) -> bool {
        std::hint::black_box(receiver.recv()).is_err()
    }

    #[test]
    fn a_waiting_thread_shows_where() {
        let (sender, receiver) = mpsc::channel();
        let (ready, is_ready) = mpsc::channel();
        let waiting = std::thread::Builder::new().name("waiting".into());
        let waiting = waiting
            .spawn(move || {
                ready.send(()).unwrap();
                assert!(std::hint::black_box(waits_for_good(&receiver)));
            })
            .unwrap();
        is_ready.recv().unwrap();
        let stacks = stacks();
        assert!(
            stacks.contains("waiting: waits in") && stacks.contains("waits_for_good"),
            "{stacks}"
        );
        drop(sender);
        waiting.join().unwrap();
    }
}
