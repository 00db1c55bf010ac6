//! How the command ends: deadlines, killed workers, signals, a pool that fails.

use std::io::{BufRead, BufReader, Write};

use rustix::process::Signal;

use crate::stage::{children, eval, finish, pool, signal};

/// An expression that takes some seconds, within limits that allow it.
const SLOW: &str = "sum(sum(range(9999)) for i in range(9999999))";

#[test]
fn a_late_expression_fails_alone() {
    let ran = eval(
        &["--timeout", "300ms", "--max-fuel", "100000000000", "1", SLOW, "2"],
        b"",
    );
    let lines = ran.lines();
    assert_eq!((ran.code(), lines[0], lines[2]), (Some(1), "1", "2"));
    assert!(lines[1].starts_with("DeadlineExceeded: "), "{}", lines[1]);
}

#[test]
fn a_missing_worker_program_is_named() {
    let ran = eval(&["--worker", "/nowhere/worker", "1"], b"");
    assert_eq!((ran.code(), ran.stdout.as_str()), (Some(3), ""));
    assert!(ran.stderr.contains("/nowhere/worker"), "{}", ran.stderr);
}

#[test]
fn killed_workers_cost_what_they_ran_and_every_other_line_is_right() {
    let mut child = pool(&["eval", "-j", "2"]).spawn().expect("the command starts");
    let pid = child.id();
    let mut stdin = child.stdin.take().expect("its input");
    let (half, reached_half) = std::sync::mpsc::channel();
    let feeding = std::thread::spawn(move || {
        let mut kills = 0;
        for block in 0..40_u64 {
            let numbers = block * 5000..(block + 1) * 5000;
            let lines: Vec<String> = numbers.map(|number| format!("{number} * 2 + 1\n")).collect();
            let lines = lines.concat();
            stdin.write_all(lines.as_bytes()).expect("written");
            if let Some(worker) = children(pid).first().filter(|_| block % 4 == 3) {
                signal(*worker, Signal::KILL);
                kills += 1;
            }
        }
        half.send(kills).expect("somebody listens");
    });
    let ran = finish(child);
    feeding.join().expect("fed");
    let kills: usize = reached_half.recv().expect("the number of kills");
    let mut lost = 0;
    for (number, line) in ran.lines().into_iter().enumerate() {
        if line != (number * 2 + 1).to_string() {
            assert!(
                line.starts_with("WorkerDied: ") && line.contains("SIGKILL"),
                "line {number}: {line}"
            );
            lost += 1;
        }
    }
    assert_eq!(ran.lines().len(), 200_000);
    assert!(lost <= kills, "{lost} lines were lost with {kills} workers");
}

#[test]
fn the_first_interrupt_drains_and_the_code_says_so() {
    let mut child = pool(&["eval", "-j", "1"]).spawn().expect("the command starts");
    let mut stdin = child.stdin.take().expect("its input");
    let mut stdout = BufReader::new(child.stdout.take().expect("its output"));
    stdin.write_all(b"1+1\n").expect("written");
    let mut line = String::new();
    stdout.read_line(&mut line).expect("a result");
    assert_eq!(line, "2\n");
    // The input stays open: only the signal can end it.
    signal(child.id(), Signal::INT);
    assert_eq!(finish(child).code(), Some(130));
    drop(stdin);
}

#[test]
fn the_second_interrupt_kills() {
    let mut child = pool(&["eval", "-j", "1", "--max-fuel", "100000000000", "-v"])
        .spawn()
        .expect("the command starts");
    let pid = child.id();
    let mut stdin = child.stdin.take().expect("its input");
    let mut stdout = BufReader::new(child.stdout.take().expect("its output"));
    writeln!(stdin, "1\n{SLOW}").expect("written");
    let mut line = String::new();
    stdout.read_line(&mut line).expect("a result");
    let workers = children(pid);
    signal(pid, Signal::INT);
    let waiting = std::thread::spawn(move || finish(child));
    // The slow expression keeps the first from ending it. Whenever the second comes, it ends.
    while !waiting.is_finished() {
        let alive = rustix::process::Pid::from_raw(pid.cast_signed()).expect("a process id");
        let _gone_or_not = rustix::process::kill_process(alive, Signal::INT);
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert_eq!(waiting.join().expect("it ends").code(), Some(130));
    assert!(!workers.is_empty());
    for worker in workers {
        let stat = std::fs::read_to_string(format!("/proc/{worker}/stat")).unwrap_or_default();
        assert!(stat.is_empty() || stat.contains(") Z"), "{stat}");
    }
    drop(stdin);
}

#[test]
fn help_and_version_say_what_it_is() {
    let help = finish(pool(&["eval", "--help"]).spawn().expect("the command starts"));
    assert!(help.code() == Some(0) && help.stdout.contains("--skip-blank"));
    let version = finish(pool(&["--version"]).spawn().expect("the command starts"));
    assert!(version.code() == Some(0) && version.stdout.contains(env!("CARGO_PKG_VERSION")));
}
