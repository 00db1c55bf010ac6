//! Alive, waited for, ended: what a handle tells, and what the end of the main code does.

#![expect(clippy::needless_pass_by_value, reason = "arguments arrive as values")]

use std::{
    os::fd::AsFd,
    time::{Duration, Instant},
};

use pool::{Child, Process, failure::Exit, process::JoinErrorKind};
use rustix::process::{Pid, Signal, WaitOptions, kill_process};

use crate::{entries::listed_as, say};

fn wait_for_ever() {
    loop {
        std::thread::park();
    }
}

fn identity(number: u64) -> u64 {
    number
}

pub(crate) fn terminate_is_asynchronous() {
    let process = Process::new(wait_for_ever, ()).start().unwrap();
    assert!(process.is_alive());
    assert_eq!(process.exit_status(), None);
    process.terminate();
    let exit = process.wait();
    assert_eq!(exit.signal(), Some(15));
    assert!(!process.is_alive());
    assert_eq!(process.exit_status(), Some(exit));
    process.terminate();
    process.kill();
    let error = process.join().unwrap_err();
    assert!(matches!(error.kind, JoinErrorKind::Died(_)), "{error}");
    let stopped = Process::new(wait_for_ever, ()).start().unwrap();
    kill_process(Pid::from_raw(stopped.pid().cast_signed()).unwrap(), Signal::STOP).unwrap();
    assert!(stopped.is_alive());
    stopped.kill();
    assert_eq!(stopped.wait().signal(), Some(9));
}

pub(crate) fn waiting_has_a_limit() {
    let process = Process::new(wait_for_ever, ()).start().unwrap();
    let begun = Instant::now();
    assert_eq!(process.wait_timeout(Duration::from_millis(30)), None);
    let process = process.join_timeout(Duration::from_millis(30)).unwrap_err();
    assert!(begun.elapsed() >= Duration::from_millis(60));
    // Two threads wait while a third ends it, and a poll sees it too.
    std::thread::scope(|scope| {
        let waiting = [(); 2].map(|()| scope.spawn(|| process.wait()));
        process.kill();
        assert!(
            waiting
                .into_iter()
                .all(|thread| thread.join().unwrap().signal() == Some(9))
        );
    });
    let mut descriptors = [rustix::event::PollFd::new(&process, rustix::event::PollFlags::IN)];
    assert_eq!(rustix::event::poll(&mut descriptors, None), Ok(1));
    assert!(
        rustix::io::fcntl_getfd(process.as_fd())
            .unwrap()
            .contains(rustix::io::FdFlags::CLOEXEC)
    );
    process.join_timeout(Duration::ZERO).unwrap().unwrap_err();
    let quick = Process::new(identity, (5,)).start().unwrap();
    assert_eq!(quick.join_timeout(Duration::MAX).unwrap().unwrap(), 5);
}

fn what_it_sees(variable: String) -> (String, Option<String>, String, Vec<String>) {
    let folder = std::env::current_dir().unwrap().to_str().unwrap().to_owned();
    let name = Process::current_name();
    (
        name,
        std::env::var(variable).ok(),
        folder,
        std::env::args().skip(1).collect(),
    )
}

pub(crate) fn every_time_is_taken() {
    const LONGEST: u64 = i64::MAX as u64;
    let long = [LONGEST - 1_000_000_000, LONGEST, u64::MAX].map(Duration::from_secs);
    for time in long.into_iter().chain([Duration::MAX]) {
        let process = Process::new(identity, (1,)).start_deadline(time).start().unwrap();
        assert!(process.wait_timeout(time).is_some());
        assert_eq!(process.join_timeout(time).unwrap().unwrap(), 1);
    }
    for time in [Duration::ZERO, Duration::from_nanos(1)] {
        let process = Process::new(identity, (1,)).start_deadline(time).start().unwrap();
        let late = process.join().unwrap_err();
        assert!(
            matches!(late.kind, JoinErrorKind::Silent(after) if after == time),
            "{late}"
        );
        let process = Process::new(std::thread::park, ()).start().unwrap();
        assert!(process.wait_timeout(time).is_none());
        let process = process.join_timeout(time).unwrap_err();
        process.kill();
        process.join().unwrap_err();
    }
}

pub(crate) fn names_and_environment() {
    assert_eq!(Process::current_name(), "MainProcess");
    let variable = "POOL_TEST_VARIABLE".to_owned();
    let process = Process::new(what_it_sees, (variable.clone(),))
        .env(&variable, "set")
        .current_dir("/");
    let process = process.name("son 1").start().unwrap();
    assert_eq!(process.name(), "son 1");
    let seen = (
        "son 1".to_owned(),
        Some("set".to_owned()),
        "/".to_owned(),
        vec!["--pool-process=son 1".to_owned()],
    );
    assert_eq!(process.join().unwrap(), seen);
    let process = Process::new(what_it_sees, ("PATH".to_owned(),))
        .env_clear()
        .start()
        .unwrap();
    let (name, path, ..) = process.join().unwrap();
    assert_eq!((name.as_str(), path), ("Process-2", None));
    let process = Process::new(what_it_sees, ("PATH".to_owned(),))
        .env_remove("PATH")
        .start()
        .unwrap();
    assert_eq!(process.join().unwrap().1, None);
    let long = "n".repeat(10_000);
    for impossible in ["a\0b", long.as_str()] {
        Process::new(identity, (1,)).name(impossible).start().unwrap_err();
    }
    let process = Process::new(|| listed_as("self"), ()).start().unwrap();
    assert_eq!(process.join().unwrap(), listed_as("self"));
    let stdin = Process::new(|| std::io::read_to_string(std::io::stdin()).unwrap(), ())
        .start()
        .unwrap();
    assert_eq!(stdin.join().unwrap(), "");
}

/// What this process holds: descriptors, threads, children.
fn holdings() -> (usize, usize, usize) {
    let count = |path: &str| std::fs::read_dir(path).map_or(0, Iterator::count);
    let tasks = std::fs::read_dir("/proc/self/task").expect("tasks").flatten();
    let children = tasks.map(|task| {
        let children = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
        children.split_whitespace().count()
    });
    (count("/proc/self/fd"), count("/proc/self/task"), children.sum())
}

pub(crate) fn dropped_handles_leak_nothing() {
    drop(Process::new(identity, (1,)).start().unwrap());
    let before = (holdings().0, holdings().1);
    let ended = Process::new(identity, (1,)).start().unwrap();
    ended.wait();
    drop(ended);
    for number in 0..100 {
        drop(Process::new(identity, (number,)).start().unwrap());
    }
    // Those that have ended are forgotten at the next start.
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        Process::new(identity, (1,)).start().unwrap().join().unwrap();
        if (holdings().0, holdings().1) <= before {
            break;
        }
        assert!(Instant::now() < deadline, "{:?}, before {before:?}", holdings());
    }
}

pub(crate) fn a_thousand_processes_leave_nothing() {
    Process::new(identity, (1,)).start().unwrap().join().unwrap();
    let before = holdings();
    let begun = Instant::now();
    let processes: Vec<Child<u64>> = (0..1000)
        .map(|number| Process::new(identity, (number,)).start().unwrap())
        .collect();
    let started = begun.elapsed();
    let threads = holdings().1;
    assert_eq!(threads, before.1, "no thread for a process");
    for (number, process) in processes.into_iter().enumerate() {
        assert_eq!(process.join().unwrap(), number as u64);
    }
    say(&format!(
        "started in {started:?}, joined after {:?}",
        begun.elapsed()
    ));
    assert_eq!(holdings(), before);
}

pub(crate) fn many_threads_start_processes() {
    let sum: u64 = std::thread::scope(|scope| {
        let starting = (0..8).map(|thread| {
            scope.spawn(move || {
                let numbers = thread * 10..thread * 10 + 10;
                let started: Vec<_> = numbers
                    .map(|number| Process::new(identity, (number,)).start().unwrap())
                    .collect();
                started
                    .into_iter()
                    .map(|process| process.join().unwrap())
                    .sum::<u64>()
            })
        });
        let starting: Vec<_> = starting.collect();
        starting.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(sum, (0..80).sum::<u64>());
}

fn say_and_wait_for_ever(word: String) {
    say(&word);
    wait_for_ever();
}

fn wait_for_file(path: String, word: String) {
    while !std::path::Path::new(&path).exists() {
        std::thread::sleep(Duration::from_millis(1));
    }
    say(&word);
}

fn a_daemon_and_a_son() {
    let folder = tempfile::tempdir().unwrap().keep();
    let go = folder.join("go").to_str().unwrap().to_owned();
    let daemon = Process::new(say_and_wait_for_ever, (String::new(),))
        .daemon(true)
        .name("son1")
        .start()
        .unwrap();
    assert!(daemon.is_daemon());
    let son = Process::new(wait_for_file, (go.clone(), "son2 has done".to_owned()))
        .name("son2")
        .start()
        .unwrap();
    say(&format!("daemon {}", daemon.pid()));
    say(&format!("son {}", son.pid()));
    // The son gets its file only after the daemon has gone, which the main code's end brings about.
    let seen = Process::new(wait_until_gone, (daemon.pid(), go))
        .name("witness")
        .start()
        .unwrap();
    assert!(daemon.is_alive() && son.is_alive() && seen.is_alive());
    say("the main code ends");
}

fn wait_until_gone(pid: u32, path: String) {
    while std::path::Path::new(&format!("/proc/{pid}")).exists() {
        std::thread::sleep(Duration::from_millis(1));
    }
    say("the daemon has gone");
    std::fs::write(&path, "").unwrap();
}

pub(crate) fn daemons_end_with_the_main_code() {
    a_daemon_and_a_son();
}

pub(crate) fn daemons_end_with_a_panic() {
    a_daemon_and_a_son();
    panic!("the main code panics, on purpose");
}

pub(crate) fn a_stubborn_daemon_is_killed() {
    let daemon = Process::new(wait_for_ever, ()).daemon(true).start().unwrap();
    kill_process(Pid::from_raw(daemon.pid().cast_signed()).unwrap(), Signal::STOP).unwrap();
}

fn tower(height: u64) -> Vec<String> {
    let mut names = vec![Process::current_name()];
    if height > 0 {
        names.extend(
            Process::new(tower, (height - 1,))
                .start()
                .unwrap()
                .join()
                .unwrap(),
        );
    }
    names
}

pub(crate) fn three_deep() {
    let names = Process::new(tower, (2,))
        .name("top")
        .start()
        .unwrap()
        .join()
        .unwrap();
    assert_eq!(names, ["top", "top:1", "top:1:1"]);
    // A child's own children are waited for at the end of its function, although no call joins them.
    let folder = tempfile::tempdir().unwrap();
    let [go, done] = ["go", "done"].map(|name| folder.path().join(name).to_str().unwrap().to_owned());
    let process = Process::new(start_and_leave, (go.clone(), done.clone()))
        .start()
        .unwrap();
    assert!(process.wait_timeout(Duration::from_millis(50)).is_none());
    std::fs::write(&go, "").unwrap();
    assert_eq!(process.join().unwrap(), "left");
    assert!(std::path::Path::new(&done).exists());
}

fn start_and_leave(go: String, done: String) -> String {
    Process::new(wait_and_mark, (go, done)).start().unwrap();
    "left".to_owned()
}

fn wait_and_mark(go: String, done: String) {
    while !std::path::Path::new(&go).exists() {
        std::thread::sleep(Duration::from_millis(1));
    }
    std::fs::write(done, "").unwrap();
}

fn exit_with_three() {
    std::process::exit(3);
}

pub(crate) fn ends_under_an_ignored_sigchld() {
    // SAFETY: the signal is ignored; no handler is installed.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
    let process = Process::new(identity, (7,)).start().unwrap();
    let exit = process.wait();
    assert_eq!(exit, Exit::Unknown, "is SIGCHLD ignored?");
    assert_eq!(process.join().unwrap(), 7, "the value is reported nevertheless");
    let error = Process::new(exit_with_three, ())
        .start()
        .unwrap()
        .join()
        .unwrap_err();
    assert!(
        matches!(error.kind, JoinErrorKind::Died(Exit::Unknown)),
        "{error}"
    );
}

pub(crate) fn other_children_are_left_alone() {
    let mut other = std::process::Command::new("sh")
        .args(["-c", "exit 5"])
        .spawn()
        .unwrap();
    let process = Process::new(identity, (7,)).start().unwrap();
    assert_eq!(process.join().unwrap(), 7);
    assert_eq!(
        other.wait().unwrap().code(),
        Some(5),
        "it was not reaped by another"
    );
    // And the other way round: the host reaps all that there is.
    let process = Process::new(identity, (8,)).start().unwrap();
    let reaped = rustix::process::wait(WaitOptions::empty()).unwrap().unwrap().0;
    assert_eq!(reaped.as_raw_nonzero().get().cast_unsigned(), process.pid());
    assert_eq!(process.wait(), Exit::Unknown);
    assert_eq!(process.join().unwrap(), 8);
}
