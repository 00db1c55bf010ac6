//! After the parent is killed, nothing of it is left within a second.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::setup::{Folder, PUPPET, host_program, is_alive, scenario, wait_for};

/// Starts a host, kills it, and returns how long its workers survived it.
fn kill_a_host(what: &str, folder: &Folder) -> Duration {
    let mut host = Command::new(host_program())
        .args([PUPPET, what])
        .env("TMPDIR", folder.path(""))
        .stdout(Stdio::piped())
        .spawn()
        .expect("a host");
    let output = BufReader::new(host.stdout.take().expect("its output"));
    let lines = output
        .lines()
        .map(|line| line.expect("a line"))
        .take_while(|line| line != "ready");
    let workers: Vec<u32> = lines.map(|line| line.parse().expect("a process id")).collect();
    assert!(
        workers.len() >= 2 && workers.iter().all(|pid| is_alive(*pid)),
        "{workers:?}"
    );
    host.kill().expect("killed");
    let killed = Instant::now();
    host.wait().expect("reaped");
    wait_for("the workers to go", || {
        workers.iter().all(|pid| !is_alive(*pid)).then_some(())
    });
    killed.elapsed()
}

/// F41.
#[test]
fn no_worker_outlives_its_parent() {
    scenario(|| {
        let folder = Folder::new();
        for what in ["idle", "busy", "grandchildren", "starting"] {
            for _ in 0..13 {
                let lived = kill_a_host(what, &folder);
                assert!(
                    lived < Duration::from_secs(1),
                    "{what} workers lived on for {lived:?}"
                );
            }
        }
        let left: Vec<_> = std::fs::read_dir(folder.path(""))
            .expect("the folder")
            .flatten()
            .collect();
        assert!(left.is_empty(), "{left:?}");
    });
}
