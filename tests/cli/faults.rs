//! Workers that die, hang, are missing or cannot be kept alive.

use std::{
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    sync::mpsc,
    thread,
};

use crate::command::{
    ENDLESS, NO_FUEL_LIMIT, PROGRAM, Running, eval, kill, run, try_kill, wait_until, wait_until_busy,
};

/// A command of one worker, which runs an endless job between two short ones.
fn running_endless(arguments: &[&str]) -> (Running, u32) {
    let mut running = Running::start(&mut eval([&NO_FUEL_LIMIT[..], &["-j", "1"], arguments].concat()));
    running.write("1+1\n");
    assert!(running.read_line().contains('2'));
    running.write(&format!("{ENDLESS}\n2+2\n"));
    running.end_input();
    let worker = running.workers()[0];
    wait_until_busy(worker);
    (running, worker)
}

#[test]
fn a_killed_worker_costs_the_job_it_ran_and_is_named() {
    let (running, worker) = running_endless(&[]);
    kill(worker);
    let ended = running.end();
    let died = format!(
        "WorkerDied: while it ran this job, worker 0 (pid {worker}) was killed by signal 9 (SIGKILL)"
    );
    ended.expect(1, &format!("{died}\n4\n"));
    ended.expect_stderr(&died);
    ended.expect_stderr("<stdin>:2:1");
}

#[test]
fn a_killed_worker_is_reported_in_json() {
    let (running, worker) = running_endless(&["--json"]);
    kill(worker);
    let ended = running.end();
    assert!(
        ended
            .stdout
            .contains("\"seq\":1,\"ok\":false,\"error\":{\"kind\":\"WorkerDied\""),
        "{ended:?}"
    );
    assert!(ended.stdout.contains("\"column\":null"), "{ended:?}");
}

/// How many blocks of jobs are written; after every fourth, a worker is killed.
const BLOCKS: usize = 40;
const BLOCK_JOBS: usize = 5000;

#[test]
fn workers_killed_under_load_cost_one_job_each_and_every_other_line_is_right() {
    let mut running = Running::start(&mut eval(["-j", "2"]));
    let mut stdin = running.take_stdin();
    let (asked, kill_now) = mpsc::channel();
    let writer = thread::spawn(move || {
        for block in 0..BLOCKS {
            let jobs = block * BLOCK_JOBS..(block + 1) * BLOCK_JOBS;
            let lines = jobs.fold(String::new(), |lines, job| lines + &format!("{job} * 2 + 1\n"));
            stdin.write_all(lines.as_bytes()).expect("the command reads");
            if block % 4 == 3 {
                asked.send(()).expect("the test goes on");
            }
        }
    });
    let mut kills = 0;
    for job in 0..BLOCKS * BLOCK_JOBS {
        if kill_now.try_recv().is_ok()
            && let Some(worker) = running.workers().first()
        {
            kills += usize::from(try_kill(*worker));
        }
        let line = running.read_line();
        if line != format!("{}\n", job * 2 + 1) {
            assert!(
                line.starts_with("WorkerDied: ") && line.contains("SIGKILL"),
                "line {job}: {line}"
            );
            kills = kills.checked_sub(1).expect("no more jobs are lost than workers");
        }
    }
    writer.join().expect("all was written");
    assert_eq!(running.read_line(), "");
}

#[test]
fn a_job_past_its_deadline_fails_alone() {
    let arguments = [&NO_FUEL_LIMIT[..], &["-j", "1", "--timeout", "200ms"]].concat();
    let ended = run(arguments, format!("1+1\n{ENDLESS}\n2+2\n"));
    assert_eq!(ended.code, Some(1));
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert!(
        lines[1].starts_with("DeadlineExceeded: ") && lines[1].contains("200ms"),
        "{lines:?}"
    );
    assert_eq!((lines.len(), lines[0], lines[2]), (3, "2", "4"));
}

#[test]
fn a_job_that_may_be_tried_again_is() {
    let (running, worker) = running_endless(&["--attempts", "2"]);
    kill(worker);
    let mut second = 0;
    wait_until("another worker runs the job", || {
        second = running.workers().first().copied().unwrap_or(worker);
        second != worker
    });
    wait_until_busy(second);
    kill(second);
    let ended = running.end();
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.stdout.starts_with("Quarantined: ") && ended.stdout.ends_with("\n4\n"),
        "{ended:?}"
    );
    assert_eq!(ended.stdout.lines().count(), 2);
}

#[test]
fn a_missing_worker_program_is_the_pools_failure() {
    let ended = run(["--worker", "/no/such/worker", "1"], "");
    ended.expect(3, "");
    ended.expect_stderr("/no/such/worker could not be started: No such file or directory");
}

#[test]
fn a_program_that_is_no_worker_is_reported() {
    let ended = run(["--worker", "/bin/false", "1"], "");
    ended.expect(3, "");
    ended.expect_stderr("/bin/false");
}

#[test]
fn another_worker_program_serves() {
    run(["--worker", PROGRAM, "-D", "x=2", "x+1"], "").expect(0, "3\n");
}

/// A worker program that can be started once.
fn fragile_worker(folder: &Path) -> PathBuf {
    let (script, mark) = (folder.join("worker"), folder.join("started"));
    let text = format!(
        "#!/bin/sh\nmkdir '{}' 2>&- && exec '{PROGRAM}' \"$@\"\nexit 1\n",
        mark.display()
    );
    fs::write(&script, text).expect("the folder takes a script");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("the script is ours");
    script
}

#[test]
fn a_pool_that_breaks_in_mid_run_says_so_on_the_lines_of_its_jobs() {
    let folder = tempfile::tempdir().unwrap();
    let script = fragile_worker(folder.path());
    let mut running = Running::start(&mut eval(["-j", "1", "--worker", script.to_str().unwrap()]));
    running.write("1+1\n");
    assert_eq!(running.read_line(), "2\n");
    kill(running.workers()[0]);
    running.write("2+2\n");
    // The input stays open: the command ends without it.
    let line = running.read_line();
    assert!(line.starts_with("Broken: the pool is broken"), "{line}");
    let ended = running.end();
    ended.expect(3, "");
    ended.expect_stderr("pool: the pool is broken");
}

/// Each number of descriptors runs out at another point, and in each run at another one, since workers start in parallel.
#[test]
fn with_hardly_any_descriptors_the_command_works_or_says_why_not() {
    let input = "1+1\n".repeat(100);
    for few in (4..64).flat_map(|few| [few; 3]) {
        let mut limited = Command::new("sh");
        limited
            .args([
                "-c",
                &format!("ulimit -n {few} && exec \"$0\" eval -j 4"),
                PROGRAM,
            ])
            .env("RUST_BACKTRACE", "0");
        let mut running = Running::start(&mut limited);
        // It may end before it has read everything.
        drop(running.take_stdin().write_all(input.as_bytes()));
        let ended = running.end();
        let works = ended.code == Some(0) && ended.stdout == "2\n".repeat(100);
        // A worker without room for the descriptors in a message finds the message cut.
        let whys = ["Too many open files", "a control message was cut"];
        let says_why = ended.code != Some(0) && whys.iter().any(|why| ended.stderr.contains(why));
        assert!(works || says_why, "{few} descriptors: {ended:?}");
        assert!(!ended.stderr.contains("panicked"), "{few} descriptors: {ended:?}");
        assert!(works || few < 60, "{few} descriptors: {ended:?}");
    }
}
