//! The threads of a pool: one that watches all processes and the time, and one for each worker slot.

mod serve;
mod start;
mod timekeeper;
mod watch;

use std::{sync::Arc, thread::JoinHandle};

use super::{
    core::{Actions, Core},
    settings::Settings,
    worker::harvest::Harvest,
};
use crate::{BuildError, scheduler::Config};

impl Core {
    /// Makes a pool and starts its workers. Returns the threads to join at the end.
    pub(crate) fn start(
        config: Config,
        settings: Settings,
    ) -> Result<(Arc<Self>, Vec<JoinHandle<()>>), BuildError> {
        let system = |step| {
            move |error| BuildError::System {
                step,
                source: Arc::new(error),
            }
        };
        let core = Self::new(config, settings).map_err(system("make an eventfd"))?;
        let core = Arc::new(core);
        let threads = core.spawn_threads().map_err(system("start a thread"))?;
        let mut actions = Actions::new();
        core.lock().scheduler.start(core.now(), &mut actions);
        core.perform(actions, &mut Harvest::default());
        Ok((core, threads))
    }

    fn spawn_threads(self: &Arc<Self>) -> std::io::Result<Vec<JoinHandle<()>>> {
        let mut threads = Vec::new();
        let mut spawn = |name: String, body: Box<dyn FnOnce() + Send>| -> std::io::Result<()> {
            threads.push(std::thread::Builder::new().name(name).spawn(body)?);
            Ok(())
        };
        let all = (|| {
            spawn("pool-watch".into(), Box::new(self.watching()))?;
            for index in 0..self.slots.len() {
                let core = Arc::clone(self);
                spawn(
                    format!("pool-worker-{index}"),
                    Box::new(move || serve::run(&core, &core.slots[index])),
                )?;
            }
            Ok(())
        })();
        if let Err(error) = all {
            self.retire();
            for thread in threads {
                drop(thread.join());
            }
            return Err(error);
        }
        Ok(threads)
    }

    /// The body of the watch thread.
    pub(super) fn watching(self: &Arc<Self>) -> impl FnOnce() + Send + use<> {
        let core = Arc::clone(self);
        move || watch::run(&core)
    }
}
