//! Logs of workers reach the parent's subscriber with worker, process and job, including the last before a death.

use std::{
    collections::BTreeMap,
    fmt::Debug,
    sync::{Arc, Mutex},
};

use pool::JobError;
use tests::Puppet;
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    Layer,
    filter::LevelFilter,
    layer::{Context, SubscriberExt},
};

use crate::setup::{Folder, alone, assert_works, puppets, run, scenario, submit, wait_for};

/// One event as the subscriber received it.
#[derive(Debug, Clone)]
struct Logged {
    level: Level,
    fields: BTreeMap<&'static str, String>,
}

/// Keeps the events that come from workers.
#[derive(Clone, Default)]
struct Listener {
    logged: Arc<Mutex<Vec<Logged>>>,
    /// Holding it blocks the listener.
    attention: Arc<Mutex<()>>,
}

impl Listener {
    fn install() -> Self {
        let listener = Self::default();
        let subscriber = tracing_subscriber::registry().with(listener.clone().with_filter(LevelFilter::INFO));
        tracing::subscriber::set_global_default(subscriber).expect("the only one");
        listener
    }

    fn logged(&self) -> Vec<Logged> {
        self.logged.lock().expect("it").clone()
    }

    fn wait_for(&self, words: &str) -> Logged {
        wait_for(words, || {
            let mut logged = self.logged().into_iter();
            logged.find(|logged| logged.fields["message"].contains(words))
        })
    }
}

impl<S: Subscriber> Layer<S> for Listener {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        if event.metadata().target() == "pool::worker" {
            let mut logged = Logged {
                level: *event.metadata().level(),
                fields: BTreeMap::new(),
            };
            event.record(&mut logged);
            // A test that panics while it holds the lock must not break the pool too.
            let _attention = self.attention.lock();
            self.logged.lock().expect("it").push(logged);
        }
    }
}

impl Visit for Logged {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.fields.insert(field.name(), format!("{value:?}"));
    }
}

#[test]
fn events_of_workers_have_their_place_and_job() {
    if !alone("logs::events_of_workers_have_their_place_and_job") {
        return;
    }
    scenario(|| {
        let listener = Listener::install();
        let pool = puppets(1).build().expect("a pool");
        let begun = listener.wait_for("the puppet begins");
        assert_eq!((begun.level, begun.fields.get("job")), (Level::INFO, None));
        assert_works(&pool);
        let job = submit(&pool, Puppet::Log("careful now".into(), Box::new(Puppet::Pid)));
        let id = job.id();
        let tests::Answer::Number(pid) = job.wait().expect("a process id") else {
            panic!("no process id")
        };
        // It arrived before the job's outcome.
        let logged = listener.logged();
        let logged = logged
            .iter()
            .find(|logged| logged.fields["message"].contains("careful now"));
        let logged = logged.expect("the event arrives");
        assert_eq!(logged.level, Level::WARN);
        assert_eq!(logged.fields["message"], "puppet: careful now number=7");
        assert_eq!(logged.fields["job"], id.to_string());
        assert_eq!(logged.fields["pid"], pid.to_string());
        assert_eq!(logged.fields["worker"], "0");
        assert_eq!(logged.fields["origin"], "\"puppet\"");
        assert!(logged.fields["file"].contains("puppet.rs"), "{logged:?}");
    });
}

#[test]
fn the_last_events_before_a_crash_arrive_and_those_of_a_running_job_at_once() {
    if !alone("logs::the_last_events_before_a_crash_arrive_and_those_of_a_running_job_at_once") {
        return;
    }
    scenario(|| {
        let listener = Listener::install();
        let pool = puppets(1).build().expect("a pool");
        for round in 0..10 {
            let words = format!("last words {round}");
            let job = submit(&pool, Puppet::Log(words.clone(), Box::new(Puppet::Segfault)));
            let id = job.id().to_string();
            let error = job.wait().expect_err("it dies");
            assert!(matches!(error, JobError::WorkerDied(_)), "{error}");
            assert_eq!(listener.wait_for(&words).fields["job"], id);
        }
        let running = submit(
            &pool,
            Puppet::Log("still running".into(), Box::new(Puppet::Stubborn)),
        );
        listener.wait_for("still running");
        running.cancel();
    });
}

#[test]
fn a_worker_that_logs_too_much_loses_events_and_no_time() {
    if !alone("logs::a_worker_that_logs_too_much_loses_events_and_no_time") {
        return;
    }
    scenario(|| {
        const EVENTS: u64 = 50_000;
        let listener = Listener::install();
        let pool = puppets(1).build().expect("a pool");
        let folder = Folder::new();
        let chatter = Puppet::Chatter(
            EVENTS,
            Box::new(Puppet::Mark(folder.path("through"), Box::new(Puppet::Number(1)))),
        );
        std::thread::scope(|scope| {
            let attention = listener.attention.lock().expect("it");
            // A thread that submits or waits may deliver events, and then blocks too.
            let chatting = scope.spawn(|| run(&pool, chatter));
            // Until now the listener has received no event, and far more are under way than the system buffers: a worker that
            // waited for room would never finish.
            wait_for("the worker to be through with its events", || {
                folder.exists("through").then_some(())
            });
            drop(attention);
            chatting.join().expect("no panic").expect("an answer");
        });
        // The number of lost events is reported with the next event that finds room.
        run(&pool, Puppet::Log("the end".into(), Box::new(Puppet::Number(1)))).expect("an answer");
        // Two threads may deliver events at the same time, so the last one may arrive before earlier ones.
        wait_for("all events, received or counted as lost", || {
            let logged = listener.logged();
            let chatter = logged
                .iter()
                .filter(|logged| logged.fields["message"].contains("chatter"));
            let lost: u64 = logged
                .iter()
                .filter_map(|logged| logged.fields.get("lost")?.parse::<u64>().ok())
                .sum();
            (lost > 0 && chatter.count() as u64 + lost == EVENTS).then_some(())
        });
    });
}
