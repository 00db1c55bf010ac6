//! The driver: the scheduler's lock, and the processes, links, threads and clocks that the scheduler only refers to.
//!
//! Any thread that has an event (a submitter, a worker slot's thread, the watch thread) locks the scheduler for a
//! moment, passes it the event, and performs the resulting actions. A job never waits for a hop through a central
//! thread.
//!
//! # Layers
//! `worker` holds handles: what the parent has of each worker, and each slot's mailbox. `core` joins them with the
//! scheduler. `intake`, `perform`, `progress` and `spin_wait` are what a thread can do with a core. `thread` holds
//! the threads themselves. Nothing imports from a layer above its own.
//!
//! # Locks
//! They are taken in this order and never in another: a worker's harvester, the scheduler, a slot's mailbox or its
//! current worker, a worker's sender, a worker's outbox or inbound area. Sinks (the slots of handles, and streams)
//! have locks of their own and call nothing while they hold them; they are filled after the scheduler's lock is
//! released.

mod core;
#[cfg(test)]
mod fake_worker;
mod intake;
mod log;
mod perform;
mod planted;
mod progress;
mod settings;
mod signal;
mod spin_wait;
mod thread;
mod worker;

pub(crate) use self::{core::Core, settings::Settings, worker::memory::MemoryLimits};
