//! A storm of kills over batches of hundreds of jobs, with every start counted.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rustix::process::Signal;
use tests::{Answer, Puppet, nemesis::Journal};

use crate::{
    deaths::death,
    setup::{puppets, scenario, signal},
};

/// Batches of hundreds of jobs, and a SIGKILL every 20 ms: each death costs the running job, or none if the worker was
/// idle, and every other job starts once.
#[test]
fn deaths_are_suspects_and_workers_killed_idle_exactly() {
    const JOBS: u64 = 400_000;
    scenario(|| {
        let journal = Journal::create(JOBS);
        let (path, jobs) = journal.place();
        let ended = Arc::new(Mutex::new(BTreeSet::new()));
        let recorded = Arc::clone(&ended);
        let pool = puppets(2)
            .initialiser_argument(&format!("journal {jobs} {path}"))
            .restart_limit(10_000, Duration::from_mins(1))
            .on_worker_end(move |cause| {
                if let pool::failure::Cause::Died(death) = cause {
                    recorded.lock().expect("it").insert(death.pid);
                }
            })
            .build()
            .expect("a pool");
        let is_over = AtomicBool::new(false);
        let (killed, suspects) = std::thread::scope(|scope| {
            let killing = scope.spawn(|| {
                let mut random = fastrand::Rng::with_seed(20);
                let mut killed = BTreeSet::new();
                while !is_over.load(Ordering::Relaxed) {
                    std::thread::park_timeout(Duration::from_millis(20));
                    let workers = pool.stats().workers;
                    let mut pids = workers.into_iter().filter_map(|worker| worker.pid);
                    let pid = pids
                        .nth(random.usize(..2))
                        .filter(|pid| crate::setup::is_alive(*pid));
                    if let Some(pid) = pid.filter(|pid| !killed.contains(pid)) {
                        signal(pid, Signal::KILL);
                        killed.insert(pid);
                    }
                }
                killed
            });
            let mut suspects = BTreeSet::new();
            for (number, answer) in (0..).zip(pool.map((0..JOBS).map(Puppet::Tally))) {
                match answer {
                    Ok(answer) => {
                        assert_eq!(answer, Answer::Number(number));
                        assert_eq!(journal.starts(number), 1, "starts of job {number}");
                    }
                    Err(error) => {
                        let death = death(error);
                        assert!(suspects.insert(death.pid), "{death} costs another job");
                        assert!(journal.starts(number) <= 1, "starts of job {number}");
                    }
                }
            }
            is_over.store(true, Ordering::Relaxed);
            (killing.join().expect("it ends"), suspects)
        });
        let stats = pool.stats();
        drop(pool);
        let ended = ended.lock().expect("it");
        assert!(
            killed.is_subset(&ended),
            "a killed worker's death was not reported"
        );
        assert!(
            suspects.is_subset(&killed),
            "a job was lost with a worker that was not killed"
        );
        let idle = killed.len() - suspects.len();
        println!(
            "{} deaths: {} suspects and {idle} workers killed idle; {} jobs in {} frames",
            killed.len(),
            suspects.len(),
            JOBS,
            stats.frames
        );
        assert_eq!(stats.worker_died, suspects.len() as u64);
        assert_eq!(stats.finished + stats.worker_died, JOBS);
        assert!(killed.len() >= 10, "only {} deaths", killed.len());
        assert!(stats.frames < JOBS / 100, "{} frames", stats.frames);
    });
}
