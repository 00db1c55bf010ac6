//! How payloads end: their worker dies in the middle of one, or they are revoked; no memory is left behind.

use std::{
    os::unix::fs::MetadataExt,
    sync::mpsc,
    time::{Duration, Instant},
};

use pool::{JobError, Pool};
use protocol::payload::area::KEPT_BYTES;
use rustix::process::Signal;
use tests::{Answer, Puppet};

use crate::{
    payloads::{carried, gathered, pattern},
    setup::{a_pid, alone, assert_works, holdings, puppet_pool, puppets, run, scenario, signal, submit},
};

/// The resident bytes of shared memory that this process holds under a name.
fn shared_memory(name: &str) -> u64 {
    let descriptors = std::fs::read_dir("/proc/self/fd").expect("descriptors").flatten();
    let ours = descriptors.filter(|descriptor| {
        std::fs::read_link(descriptor.path()).is_ok_and(|target| target.to_string_lossy().contains(name))
    });
    ours.filter_map(|descriptor| Some(std::fs::metadata(descriptor.path()).ok()?.blocks() * 512))
        .sum()
}

/// A worker may be killed at any point of a payload: its job has one outcome, the next payload is intact, and nothing is
/// left behind.
#[test]
fn a_worker_killed_in_the_middle_of_a_payload_costs_that_job() {
    const OWN_BYTES: usize = 2 << 20;
    if !alone("payload_ends::a_worker_killed_in_the_middle_of_a_payload_costs_that_job") {
        return;
    }
    scenario(|| {
        let pool = puppets(2)
            .restart_limit(1000, Duration::from_secs(1))
            .build()
            .expect("a pool");
        let bytes = pattern(1, 20 << 20);
        let begun = Instant::now();
        for _ in 0..4 {
            assert!(carried(run(&pool, Puppet::Carry(bytes.clone()))) == bytes);
        }
        // Kills at fixed times would leave a slow machine no time to finish anything.
        let time = begun.elapsed() / 4;
        let before = holdings();
        std::thread::scope(|scope| {
            let (doom, doomed) = mpsc::channel();
            scope.spawn(|| kill_in_the_middle(&pool, doomed, time));
            let (mut killed, mut whole, mut round) = (0, 0, 0_u32);
            let mut random = fastrand::Rng::with_seed(5);
            while killed < 5 || whole < 20 {
                round += 1;
                if round.is_multiple_of(2) {
                    doom.send(()).expect("somebody kills");
                }
                let bytes = bytes.slice(random.usize(..bytes.len() / 2)..);
                let job = match round % 3 {
                    0 => Puppet::Gather(vec![bytes.clone()]),
                    1 => Puppet::Carry(bytes.clone()),
                    // The other jobs spend hardly any time in the worker; this one spends much of its time there.
                    _ => Puppet::Bear(bytes.clone(), Box::new(Puppet::Flood(OWN_BYTES))),
                };
                match run(&pool, job) {
                    Ok(Answer::Carried(back)) => assert!(back == bytes),
                    Ok(Answer::Gathered(back)) => assert!(back[0] == bytes),
                    Ok(Answer::Bytes(own)) => assert!(own == vec![7; OWN_BYTES]),
                    Err(JobError::WorkerDied(_)) => {
                        killed += 1;
                        continue;
                    }
                    other => panic!("{other:?}"),
                }
                whole += 1;
            }
            drop(doom);
        });
        assert!(carried(run(&pool, Puppet::Carry(bytes.clone()))) == bytes);
        assert!(matches!(
            run(&pool, Puppet::Bear(bytes.clone(), Box::new(Puppet::Raise(9)))),
            Err(JobError::WorkerDied(_))
        ));
        assert!(carried(run(&pool, Puppet::Carry(bytes.clone()))) == bytes);
        // Both workers have been replaced, and nothing of the old ones is held.
        a_pid(&pool);
        let areas = crate::setup::wait_for("the areas of the dead to go", || {
            let areas = shared_memory("pool-inbound") + shared_memory("pool-outbound");
            (holdings() <= before && areas <= 4 * (KEPT_BYTES as u64 + 4096)).then_some(areas)
        });
        assert!(areas > 0, "the measure measures");
        drop(pool);
        assert_eq!(shared_memory("pool-inbound") + shared_memory("pool-outbound"), 0);
    });
}

/// Kills a worker on each message, within twice the time that a job takes: the one that has a job, if any.
fn kill_in_the_middle(pool: &Pool<Puppet>, kills: mpsc::Receiver<()>, time: Duration) {
    let mut random = fastrand::Rng::with_seed(11);
    for () in kills {
        // Not waiting for an event: a random delay, so that each kill comes at a different point.
        std::thread::sleep(time.mul_f64(2.0 * random.f64()));
        let mut workers = pool.stats().workers;
        workers.sort_by_key(|worker| worker.in_flight == 0);
        if let Some(pid) = workers.into_iter().find_map(|worker| worker.pid)
            && let Some(pid) = rustix::process::Pid::from_raw(pid.cast_signed())
        {
            // It may have ended already.
            let _killed_or_gone = rustix::process::kill_process(pid, Signal::KILL);
        }
    }
}

#[test]
fn payload_areas_shrink_after_a_large_payload() {
    if !alone("payload_ends::payload_areas_shrink_after_a_large_payload") {
        return;
    }
    scenario(|| {
        let pool = puppet_pool(1);
        let kept = KEPT_BYTES as u64 + 4096;
        assert!(carried(run(&pool, Puppet::Carry(pattern(1, 64 << 20)))).len() == 64 << 20);
        assert!(shared_memory("pool-inbound") <= kept, "inbound");
        let outbound = shared_memory("pool-outbound");
        assert!(
            outbound <= 64 << 10,
            "what comes back of a job is not copied there: {outbound}"
        );
        assert_eq!(
            gathered(run(&pool, Puppet::Gather(vec![pattern(1, 64 << 20)]))).len(),
            2
        );
        assert!(shared_memory("pool-inbound") <= kept, "inbound");
        // An output that the worker created travels through the outbound area.
        assert_eq!(
            run(&pool, Puppet::Flood(64 << 20)).expect("flooded"),
            Answer::Bytes(vec![7; 64 << 20])
        );
        assert!((1..=kept).contains(&shared_memory("pool-outbound")), "outbound");
        assert_works(&pool);
    });
}

#[test]
fn a_payload_that_is_taken_back_runs_elsewhere() {
    scenario(|| {
        let pool = puppets(2).build().expect("a pool");
        // One of two workers is stopped while the other is busy; its jobs are revoked and go to the other.
        let folder = crate::setup::Folder::new();
        let (here, there) = (folder.path("here"), folder.path("there"));
        let blocker = submit(&pool, Puppet::Meet(here, there.clone()));
        let Ok(Answer::Number(pid)) = run(&pool, Puppet::Pid) else {
            panic!("no process id")
        };
        let pid = pid as u32;
        signal(pid, Signal::STOP);
        let before = pool.stats().requeued;
        let bytes = pattern(4, 3 << 20);
        let handles: Vec<_> = (0..4)
            .map(|_| submit(&pool, Puppet::Carry(bytes.clone())))
            .collect();
        crate::setup::wait_for("a payload to be taken back", || {
            (pool.stats().requeued > before).then_some(())
        });
        std::fs::write(&there, "").expect("a mark");
        blocker.wait().expect("the blocking job ends");
        for handle in handles {
            assert!(carried(handle.wait()) == bytes);
        }
        signal(pid, Signal::CONT);
        for _ in 0..4 {
            assert!(carried(run(&pool, Puppet::Carry(bytes.clone()))) == bytes);
        }
    });
}
