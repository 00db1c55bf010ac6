//! Deadlines kill the late job, and no other.

use std::time::{Duration, Instant};

use pool::JobError;
use rustix::process::{Pid, Signal, kill_process};
use tests::{Answer, Puppet};

use crate::setup::{Folder, assert_works, puppets, run, scenario, signal, submit, wait_for};

const DEADLINE: Duration = Duration::from_millis(200);

/// F26.
#[test]
fn a_spinning_job_ends_at_its_deadline() {
    scenario(|| {
        let pool = puppets(1).job_deadline(DEADLINE).build().expect("a pool");
        let begun = Instant::now();
        let error = run(&pool, Puppet::Stubborn).expect_err("it never ends");
        assert!(
            matches!(error, JobError::DeadlineExceeded(deadline) if deadline == DEADLINE),
            "{error}"
        );
        // The promise is 100 ms; the bound is wider, so that the test does not fail on a busy machine.
        assert!(
            begun.elapsed() >= DEADLINE && begun.elapsed() < DEADLINE * 10,
            "{:?}",
            begun.elapsed()
        );
        assert_works(&pool);
        let stats = pool.stats();
        assert_eq!((stats.deadline_exceeded, stats.worker_died), (1, 0));
    });
}

#[test]
fn the_neighbours_of_a_late_job_run_elsewhere_and_once() {
    scenario(|| {
        let folder = Folder::new();
        // Long enough that no neighbour misses it on a busy machine.
        let pool = puppets(1).job_deadline(DEADLINE * 15).build().expect("a pool");
        // Teaches the pool that jobs are tiny, so that they travel together.
        for answer in pool.map((0..2000).map(Puppet::Number)) {
            answer.expect("an answer");
        }
        let jobs = (0..300).map(|number| {
            let then = if number == 100 {
                Puppet::Stubborn
            } else {
                Puppet::Number(number)
            };
            Puppet::Mark(folder.path(&number.to_string()), Box::new(then))
        });
        for (number, answer) in pool.map(jobs).enumerate() {
            match answer {
                Ok(answer) => assert_eq!(answer, Answer::Number(number as u64)),
                Err(error) => {
                    assert!(
                        number == 100 && matches!(error, JobError::DeadlineExceeded(_)),
                        "{number}: {error}"
                    );
                }
            }
            assert_eq!(
                folder.mark_count(&number.to_string()),
                1,
                "starts of job {number}"
            );
        }
    });
}

/// F27.
#[test]
fn waiting_in_the_queue_does_not_count() {
    scenario(|| {
        // Long enough that no job misses it on a busy machine, and shorter than the last one waits.
        let pool = puppets(1).job_deadline(DEADLINE * 5).build().expect("a pool");
        let handles: Vec<_> = (0..6).map(|_| submit(&pool, Puppet::Sleep(250))).collect();
        for handle in handles {
            handle.wait().expect("each is in time by itself");
        }
    });
}

/// F28.
#[test]
fn a_result_that_races_its_deadline_has_one_outcome() {
    scenario(|| {
        let pool = puppets(2)
            .job_deadline(Duration::from_millis(20))
            .build()
            .expect("a pool");
        let mut late = 0;
        for answer in pool.map((0..60).map(|number| Puppet::Sleep(10 + number % 25))) {
            match answer {
                Ok(answer) => assert_eq!(answer, Answer::Nothing),
                Err(JobError::DeadlineExceeded(_)) => late += 1,
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!(pool.stats().deadline_exceeded, late);
        assert_eq!(pool.stats().finished, 60 - late);
    });
}

/// F32, a stopped worker: the deadline ends its job, and no other job waits for it.
#[test]
fn a_stopped_worker_delays_no_other_job() {
    scenario(|| {
        let folder = Folder::new();
        let pool = puppets(2)
            .job_deadline(Duration::from_secs(1))
            .build()
            .expect("a pool");
        let (here, there) = (folder.path("here"), folder.path("there"));
        let held = submit(&pool, Puppet::Meet(here, there));
        wait_for("the job to run", || folder.exists("here").then_some(()));
        let busy = wait_for("the busy worker", || {
            pool.stats()
                .workers
                .into_iter()
                .find(|worker| worker.in_flight > 0)
                .and_then(|worker| worker.pid)
        });
        signal(busy, Signal::STOP);
        for number in 0..100 {
            assert_eq!(
                run(&pool, Puppet::Number(number)).expect("an answer"),
                Answer::Number(number)
            );
        }
        let error = held.wait().expect_err("it is stopped");
        assert!(matches!(error, JobError::DeadlineExceeded(_)), "{error}");
    });
}

#[test]
fn with_several_threads_the_others_finish_before_the_kill() {
    scenario(|| {
        // On a busy machine the other job may start after the kill, in another worker, but not every time.
        let was_seen = (0..5).any(|_| another_job_outlasts_a_late_one());
        assert!(was_seen, "no other job was running at the deadline");
    });
}

/// Starts a job half-way to the deadline of another one in the same worker, to end after it; returns whether it did.
fn another_job_outlasts_a_late_one() -> bool {
    const DEADLINE: Duration = Duration::from_secs(2);
    let folder = Folder::new();
    let pool = puppets(1)
        .threads(2)
        .job_deadline(DEADLINE)
        .build()
        .expect("a pool");
    let late = submit(
        &pool,
        Puppet::Mark(folder.path("late"), Box::new(Puppet::Stubborn)),
    );
    wait_for("the late job to run", || folder.exists("late").then_some(()));
    let begun = Instant::now();
    pass(DEADLINE / 2);
    let rest = Box::new(Puppet::Sleep(DEADLINE.as_millis() as u64 * 5 / 8));
    let other = submit(&pool, Puppet::Mark(folder.path("other"), rest));
    wait_for("the other job to run", || folder.exists("other").then_some(()));
    let was_in_time = begun.elapsed() < DEADLINE * 7 / 8;
    assert!(matches!(late.wait(), Err(JobError::DeadlineExceeded(_))));
    assert_eq!(other.wait().expect("it was in time"), Answer::Nothing);
    assert_eq!(folder.mark_count("other"), 1, "it began once");
    assert_works(&pool);
    was_in_time
}

/// F32, the whole program suspended and resumed: the suspended time does not count towards deadlines, all other time does.
#[test]
fn a_suspended_program_misses_no_deadline() {
    scenario(|| {
        let folder = Folder::new();
        let (here, there) = (folder.path("here"), folder.path("there"));
        let mut host = std::process::Command::new(crate::setup::host_program())
            .args([crate::setup::PUPPET, "deadlines", &here, &there])
            .stdout(std::process::Stdio::piped())
            .spawn()
            .expect("a host");
        let output = std::io::BufReader::new(host.stdout.take().expect("its output"));
        let mut lines = std::io::BufRead::lines(output).map(|line| line.expect("a line"));
        let workers: Vec<u32> = lines
            .by_ref()
            .take_while(|line| line != "ready")
            .map(|line| line.parse().expect("a process id"))
            .collect();
        // The job runs until the second file exists.
        wait_for("the job to run", || folder.exists("here").then_some(()));
        for pid in workers.iter().copied().chain([host.id()]) {
            signal(pid, Signal::STOP);
            wait_for("a process to stand still", || is_stopped(pid).then_some(()));
        }
        pass(PATIENT_DEADLINE * 4 / 3);
        // The parent reads the clock several times before the job can end.
        signal(host.id(), Signal::CONT);
        pass(PATIENT_DEADLINE / 8);
        std::fs::write(&there, "").expect("a file");
        for pid in workers {
            // The host reports a missed deadline.
            let pid = Pid::from_raw(pid.cast_signed()).expect("a process id");
            let _goes_on_or_gone = kill_process(pid, Signal::CONT);
        }
        assert_eq!(lines.next().expect("how the job ended"), "in time");
        let late = lines.next().expect("how the job behind it ended");
        assert!(late.contains("deadline"), "{late}");
        assert!(host.wait().expect("it ends").success());
    });
}

/// The host's deadline in its mode `deadlines`.
const PATIENT_DEADLINE: Duration = Duration::from_secs(3);

/// Lets time pass, for tests that wait for time itself.
fn pass(time: Duration) {
    let end = Instant::now() + time;
    while let Some(left) = end.checked_duration_since(Instant::now()) {
        std::thread::park_timeout(left);
    }
}

/// Whether a process has been stopped by a signal.
fn is_stopped(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process is there");
    let (_, rest) = stat.rsplit_once(')').expect("the name of its program");
    rest.trim_start().starts_with('T')
}
