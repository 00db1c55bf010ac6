//! The basic promises: every job has one outcome, order is kept, and the caller may wait in any way.

use std::{
    pin::pin,
    sync::{Arc, mpsc},
    task::{Context, Wake, Waker},
    time::Duration,
};

use pool::{JobError, SubmitError};
use tests::{Answer, Puppet};

use crate::setup::{Folder, assert_works, puppet_pool, puppets, run, scenario, submit};

#[test]
fn jobs_of_every_size_come_back_whole() {
    scenario(|| {
        let pool = puppet_pool(2);
        let edges = [
            0,
            1,
            24,
            25,
            64,
            32 * 1024,
            48 * 1024,
            64 * 1024,
            256 * 1024,
            1 << 20,
            64 << 20,
        ];
        let sizes = edges
            .iter()
            .flat_map(|&edge: &usize| [edge.saturating_sub(1), edge, edge + 1]);
        for size in sizes.filter(|size| *size <= (64 << 20)) {
            let bytes: Vec<u8> = (0..size).map(|index| (index % 253) as u8).collect();
            assert!(
                run(&pool, Puppet::Echo(bytes.clone())).expect("echoed") == Answer::Bytes(bytes),
                "{size}"
            );
        }
    });
}

#[test]
fn map_keeps_the_order_whatever_the_jobs_take() {
    scenario(|| {
        let pool = puppet_pool(3);
        let jobs = (0..3000).map(|number| match number % 100 {
            7 => Puppet::Spin(3000),
            _ => Puppet::Number(number),
        });
        for (number, answer) in pool.map(jobs).enumerate() {
            let expected = if number % 100 == 7 {
                Answer::Nothing
            } else {
                Answer::Number(number as u64)
            };
            assert_eq!(answer.expect("an answer"), expected, "job {number}");
        }
    });
}

#[test]
fn map_unordered_gives_each_answer_once_with_its_number() {
    scenario(|| {
        let pool = puppet_pool(2);
        let mut seen: Vec<u64> = pool
            .map_unordered((0..5000).map(Puppet::Number))
            .map(|(number, answer)| {
                assert_eq!(answer.expect("an answer"), Answer::Number(number));
                number
            })
            .collect();
        seen.sort_unstable();
        assert!(seen.into_iter().eq(0..5000));
    });
}

#[test]
fn a_slow_job_does_not_hold_up_the_unordered_ones() {
    scenario(|| {
        let folder = Folder::new();
        let (here, there) = (folder.path("here"), folder.path("there"));
        let pool = puppet_pool(2);
        let jobs = std::iter::once(Puppet::Meet(here, there.clone())).chain((1..1000).map(Puppet::Number));
        let mut seen = 0;
        for (number, answer) in pool.map_unordered(jobs) {
            answer.expect("an answer");
            seen += 1;
            if seen == 999 {
                assert_ne!(number, 0, "the first was to be last");
                std::fs::write(&there, "").expect("written");
            }
        }
        assert_eq!(seen, 1000);
    });
}

#[test]
fn handles_may_be_waited_for_in_any_order() {
    scenario(|| {
        let pool = puppet_pool(2);
        let handles: Vec<_> = (0..2000)
            .map(|number| submit(&pool, Puppet::Number(number)))
            .collect();
        for handle in handles.into_iter().rev() {
            let id = handle.id();
            assert_eq!(handle.wait().expect("an answer"), Answer::Number(id));
        }
    });
}

#[test]
fn waiting_with_a_timeout_returns_the_handle() {
    scenario(|| {
        let folder = Folder::new();
        let pool = puppet_pool(1);
        let (here, there) = (folder.path("here"), folder.path("there"));
        let handle = submit(&pool, Puppet::Meet(here, there.clone()));
        let handle = handle.try_wait().expect_err("not yet");
        let handle = handle
            .wait_timeout(Duration::from_millis(10))
            .expect_err("not yet");
        assert!(!handle.is_finished());
        std::fs::write(there, "").expect("written");
        let answer = handle.wait_timeout(Duration::from_mins(1)).expect("in time");
        assert_eq!(answer.expect("an answer"), Answer::Nothing);
    });
}

struct Channel(mpsc::Sender<()>);

impl Wake for Channel {
    fn wake(self: Arc<Self>) {
        self.0.send(()).expect("somebody waits");
    }
}

#[test]
fn a_handle_is_a_future_without_a_runtime() {
    scenario(|| {
        let pool = puppet_pool(1);
        let (sender, woken) = mpsc::channel();
        let waker = Waker::from(Arc::new(Channel(sender)));
        let mut context = Context::from_waker(&waker);
        let mut future = pin!(submit(&pool, Puppet::Sleep(20)));
        while future
            .as_mut()
            .poll(&mut context)
            .map(|answer| answer.expect("an answer"))
            .is_pending()
        {
            woken.recv().expect("woken");
        }
    });
}

#[test]
fn a_full_queue_gives_the_job_back() {
    scenario(|| {
        let folder = Folder::new();
        let pool = puppets(1).queue(3).build().expect("a pool");
        let (here, there) = (folder.path("here"), folder.path("there"));
        let mut handles = vec![submit(&pool, Puppet::Meet(here, there.clone()))];
        let rejected = loop {
            match pool.try_submit(Puppet::Number(5)) {
                Ok(handle) => handles.push(handle),
                Err(rejected) => break rejected,
            }
            assert!(handles.len() < 100, "the queue is not bounded");
        };
        assert!(matches!(rejected.error, SubmitError::Full));
        assert_eq!(rejected.job, Puppet::Number(5));
        let late = pool
            .submit_timeout(Puppet::Number(6), Duration::from_millis(20))
            .expect_err("still full");
        assert!(matches!(late.error, SubmitError::Full));
        std::fs::write(there, "").expect("written");
        assert_works(&pool);
        for handle in handles {
            handle.wait().expect("an answer");
        }
    });
}

#[test]
fn several_threads_of_a_worker_run_jobs_at_once() {
    scenario(|| {
        let folder = Folder::new();
        let pool = puppets(1).threads(2).build().expect("a pool");
        let (one, two) = (folder.path("one"), folder.path("two"));
        let meetings = [Puppet::Meet(one.clone(), two.clone()), Puppet::Meet(two, one)];
        let handles = meetings.map(|job| submit(&pool, job));
        for handle in handles {
            assert_eq!(handle.wait().expect("they met"), Answer::Nothing);
        }
        let answers: Vec<_> = pool
            .map((0..5000).map(Puppet::Number))
            .map(Result::unwrap)
            .collect();
        assert!(answers.into_iter().eq((0..5000).map(Answer::Number)));
    });
}

#[test]
fn the_initialiser_gets_its_argument_and_the_state_stays() {
    scenario(|| {
        let pool = puppets(1)
            .initialiser_argument(&"hello")
            .env("PUPPET", "strings")
            .build()
            .expect("a pool");
        assert_eq!(
            run(&pool, Puppet::Argument).expect("text"),
            Answer::Text("hello".into())
        );
        assert_eq!(run(&pool, Puppet::Count).expect("a count"), Answer::Number(2));
        let variable = run(&pool, Puppet::Variable("PUPPET".into())).expect("text");
        assert_eq!(variable, Answer::Text("strings".into()));
    });
}

#[test]
fn submitting_from_many_threads_loses_nothing() {
    scenario(|| {
        let pool = puppet_pool(2);
        std::thread::scope(|scope| {
            for thread in 0..4_u64 {
                let pool = &pool;
                scope.spawn(move || {
                    let numbers = (0..2000).map(|number| thread << 32 | number);
                    let handles: Vec<_> = numbers
                        .map(|number| (number, submit(pool, Puppet::Number(number))))
                        .collect();
                    for (number, handle) in handles {
                        assert_eq!(handle.wait().expect("an answer"), Answer::Number(number));
                    }
                });
            }
        });
        let stats = pool.stats();
        assert_eq!((stats.submitted, stats.finished), (8000, 8000));
    });
}

#[test]
fn an_unwaited_job_runs_all_the_same() {
    scenario(|| {
        let folder = Folder::new();
        let pool = puppet_pool(1);
        for _ in 0..10 {
            drop(submit(
                &pool,
                Puppet::Mark(folder.path("mark"), Box::new(Puppet::Number(1))),
            ));
        }
        pool.drain();
        assert_eq!(folder.mark_count("mark"), 10);
    });
}

#[test]
fn the_kind_of_an_error_says_whose_fault_it_is() {
    scenario(|| {
        let pool = puppet_pool(1);
        let fault = run(&pool, Puppet::Panic("boom".into())).expect_err("it panics");
        assert_eq!(
            (fault.layer(), fault.kind()),
            (pool::failure::Layer::Job, "Panicked")
        );
        let death = run(&pool, Puppet::Exit(3)).expect_err("it exits");
        assert_eq!(
            (death.layer(), death.kind()),
            (pool::failure::Layer::Worker, "WorkerDied")
        );
        assert!(matches!(death, JobError::WorkerDied(_)));
    });
}

/// A thread that waits polls the workers' memory in place of their wake-ups. It must also see news other than results, such
/// as a frame that a worker received after all its jobs were revoked; otherwise that worker gets no more jobs.
#[test]
fn workers_that_lose_jobs_during_a_spin_wait_stay_in_service() {
    scenario(|| {
        let folder = Folder::new();
        let pool = puppet_pool(2);
        for _ in 0..150 {
            let jobs = [
                Puppet::Sleep(6),
                Puppet::Number(1),
                Puppet::Number(2),
                Puppet::Number(3),
            ];
            for handle in jobs.map(|job| submit(&pool, job)) {
                handle.wait().expect("its answer");
            }
        }
        let [here, there] = ["here", "there"].map(|name| folder.path(name));
        let meeting = [
            submit(&pool, Puppet::Meet(here.clone(), there.clone())),
            submit(&pool, Puppet::Meet(there, here)),
        ];
        for handle in meeting {
            handle.wait().expect("both workers ran at once");
        }
    });
}
