//! What all threads of this process are doing, for whoever finds that nothing goes on.
//!
//! The kernel tells where each thread waits; the thread itself, in the handler of a signal that is sent to it alone,
//! tells how it came there. That is not safe in general (the handler allocates), and good enough for a program that is
//! about to be ended: a thread that cannot answer is given up.

#![expect(unsafe_code, reason = "handles a signal, to have each thread tell its stack")]

use std::{
    backtrace::Backtrace,
    fs,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// How long a thread may take to tell its stack.
const PATIENCE: Duration = Duration::from_secs(2);

/// The stack that a thread has told.
static TOLD: Mutex<Option<String>> = Mutex::new(None);

fn told() -> MutexGuard<'static, Option<String>> {
    TOLD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What each thread of this process is doing, with its stack.
pub fn stacks() -> String {
    // SAFETY: the handler is a function of the right type, and lives as long as the program.
    let before = unsafe { libc::signal(libc::SIGURG, tell as *const () as libc::sighandler_t) };
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let told = tasks.map(|task| {
        let stack = match task.file_name().to_str().and_then(|id| id.parse().ok()) {
            Some(id) if before != libc::SIG_ERR => stack_of(id),
            _ => "its stack cannot be asked for".to_owned(),
        };
        format!("{}{stack}\n", state_of(&task.path()))
    });
    told.collect()
}

/// Where a thread is, by the kernel's account.
fn state_of(task: &Path) -> String {
    let [name, place, call] = ["comm", "wchan", "syscall"].map(|file| {
        let text = fs::read_to_string(task.join(file));
        text.unwrap_or_default().trim().to_owned()
    });
    format!("{name}: waits in {place}, system call {call}\n")
}

fn stack_of(thread: libc::pid_t) -> String {
    *told() = None;
    // SAFETY: sends a signal that is handled to a thread of this process; when that has ended it is an error.
    let sent = unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), thread, libc::SIGURG) };
    let begun = Instant::now();
    while sent == 0 && begun.elapsed() < PATIENCE {
        if let Some(stack) = told().take() {
            return stack;
        }
        std::thread::yield_now();
    }
    "it does not tell its stack".to_owned()
}

/// Runs in each thread in its turn.
extern "C" fn tell(_signal: libc::c_int) {
    let stack = Backtrace::force_capture().to_string();
    *told() = Some(stack);
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
        let told = stacks();
        assert!(
            told.contains("waiting: waits in") && told.contains("waits_for_good"),
            "{told}"
        );
        drop(sender);
        waiting.join().unwrap();
    }
}
