//! The driver: owns what the scheduler only talks of.
//!
//! It holds the scheduler behind one lock, and the processes, links, threads and clocks. Any thread that has an event
//! (a submitter, a worker's thread, the watch) locks the scheduler for a moment, hands it the event, and performs the
//! actions that come out, so that no hop through a central thread stands in a job's way.
//!
//! # Locks
//! In this order, and never the other way round: a life's harvester, the scheduler, a seat's orders or its life, a
//! life's sender, a life's outbox or inbound area. Sinks (slots and streams) have locks of their own and call nobody
//! while they hold them; they are filled after the scheduler's lock was let go.

mod core;
#[cfg(test)]
mod fake_worker;
mod intake;
mod log;
mod perform;
mod progress;
mod settings;
mod signal;
mod spin_wait;
mod thread;
mod worker;

pub(crate) use self::{core::Core, settings::Settings, worker::memory::MemoryLimits};
