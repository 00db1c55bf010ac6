//! How a process may end, and what is reported of it.

use std::time::Duration;

use pool::{Child, Process, failure::Exit, process::JoinErrorKind};
use rustix::process::{Pid, Signal, getpid, kill_process};

fn exit_with(code: i32) {
    std::process::exit(code);
}

#[expect(clippy::needless_pass_by_value, reason = "arguments arrive as values")]
fn panics(message: String) -> u64 {
    panic!("{message}")
}

fn panics_with_a_number() {
    std::panic::panic_any(7_u8);
}

pub(crate) fn panics_are_told() {
    let process = Process::new(panics, ("boom".to_owned(),))
        .name("bomb")
        .start()
        .unwrap();
    assert_eq!(process.wait().code(), Some(101));
    let pid = process.pid();
    let error = process.join().unwrap_err();
    assert_eq!((error.name.as_str(), error.pid), ("bomb", pid));
    let JoinErrorKind::Panicked(panicked) = &error.kind else {
        panic!("{error}")
    };
    assert_eq!(panicked.message, "boom");
    let location = panicked.location.as_deref().unwrap();
    assert!(location.contains("ends.rs:"), "{location}");
    assert_eq!(
        error.to_string(),
        format!("process bomb (pid {pid}) panicked at {location}: boom")
    );
    let long = Process::new(panics, ("x".repeat(1 << 20),))
        .start()
        .unwrap()
        .join()
        .unwrap_err();
    assert!(long.to_string().ends_with("x [cut]"));
    let other = Process::new(panics_with_a_number, ())
        .start()
        .unwrap()
        .join()
        .unwrap_err();
    assert!(matches!(other.kind, JoinErrorKind::Panicked(_)), "{other}");
}

pub(crate) fn every_exit_code_is_told() {
    let started = (0..=255).map(|code| (code, Process::new(exit_with, (code,)).start().unwrap()));
    for (code, process) in started.collect::<Vec<_>>() {
        let error = process.join().unwrap_err();
        assert!(
            matches!(error.kind, JoinErrorKind::Died(Exit::Code(told)) if told == code),
            "{error}"
        );
    }
}

fn raise(number: i32) {
    let signal = Signal::from_named_raw(number).expect("a signal");
    // Twice: Rust's runtime looks at the first SIGSEGV or SIGBUS, and leaves the next one to the system.
    kill_process(getpid(), signal).expect("raised");
    kill_process(getpid(), signal).expect("raised");
}

/// Waits endlessly, and shows that it does by creating a file.
fn wait_for_ever(mark: String) {
    std::fs::write(mark, "").expect("marked");
    loop {
        std::thread::park();
    }
}

pub(crate) fn every_signal_is_told() {
    // The system ignores these, or lets them continue a process.
    let harmless = [Signal::CHILD, Signal::CONT, Signal::URG, Signal::WINCH];
    let stopping = [Signal::STOP, Signal::TSTP, Signal::TTIN, Signal::TTOU];
    let folder = tempfile::tempdir().unwrap();
    let started = (1..=31).map(|number| {
        let mark = folder.path().join(number.to_string());
        let waiting = Process::new(wait_for_ever, (mark.to_str().unwrap().to_owned(),))
            .start()
            .unwrap();
        (
            number,
            Process::new(raise, (number,)).start().unwrap(),
            waiting,
            mark,
        )
    });
    for (number, raising, waiting, mark) in started.collect::<Vec<_>>() {
        let signal = Signal::from_named_raw(number).unwrap();
        if harmless.contains(&signal) || is_ignored(signal) {
            raising.join().unwrap();
            waiting.kill();
            waiting.wait();
            continue;
        }
        if stopping.contains(&signal) {
            // A group whose parent is in another one of the session may be stopped; that cannot be known here.
            raising.kill();
            assert_told(raising, number, true);
            waiting.kill();
            waiting.wait();
            continue;
        }
        while !mark.exists() {
            std::thread::yield_now();
        }
        let pid = Pid::from_raw(waiting.pid().cast_signed()).unwrap();
        while waiting.is_alive() {
            kill_process(pid, signal).unwrap();
            waiting.wait_timeout(Duration::from_millis(10));
        }
        assert_told(raising, number, false);
        assert_told(waiting, number, false);
    }
}

/// Whether this process ignores a signal, and so do its children: SIGPIPE, as Rust's runtime has it, and SIGINT where the
/// tests run in the background of a shell.
fn is_ignored(signal: Signal) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let ignored = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .unwrap();
    let ignored = u64::from_str_radix(ignored.trim(), 16).unwrap();
    ignored >> (signal.as_raw() - 1) & 1 == 1
}

fn assert_told(process: Child<()>, number: i32, was_stopped: bool) {
    match process.join() {
        // Where the signal did not stop it, it returned before it was killed.
        Ok(()) => assert!(was_stopped, "signal {number} did nothing"),
        Err(error) => {
            let expected = if was_stopped { 9 } else { number };
            let JoinErrorKind::Died(exit) = error.kind else {
                panic!("{error}")
            };
            assert_eq!(exit.signal(), Some(expected), "{error}");
        }
    }
}

#[expect(unconditional_recursion, reason = "this is how a stack overflows")]
fn overflow(depth: u64) -> u64 {
    let page = std::hint::black_box([depth; 512]);
    overflow(depth + 1) + page[7]
}

fn segfault() {
    // SAFETY: there is none; it is here to crash.
    unsafe { std::ptr::null_mut::<u8>().write_volatile(1) };
}

fn abort() {
    std::process::abort();
}

pub(crate) fn crashes_are_told() {
    let overflowing = Process::new(overflow, (1,)).start().unwrap();
    let crashing = Process::new(segfault, ()).start().unwrap();
    let aborting = Process::new(abort, ()).start().unwrap();
    assert_eq!(overflowing.wait().signal(), Some(6), "Rust's runtime aborts");
    assert_eq!(crashing.wait().signal(), Some(11));
    assert_eq!(aborting.wait().signal(), Some(6));
    let text = crashing.join().unwrap_err().to_string();
    assert!(text.contains("was killed by signal 11 (SIGSEGV)"), "{text}");
}
