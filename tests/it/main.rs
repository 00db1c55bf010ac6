//! The stories of the pool with real processes, real signals and real limits.
//!
//! Each runs under a watchdog ([`stage::story`]) that fails with what every thread is doing rather than hanging. The
//! numbers F1, F2, … are those of the fault catalogue.

mod cancelling;
mod capturing;
mod catalogue;
mod deadlines;
mod deaths;
mod encoding;
mod floors;
mod flow;
mod hooks;
mod lifecycle;
mod logs;
mod memory;
mod nemesis;
mod orphans;
mod payload_ends;
mod payloads;
mod policy;
mod primitives;
mod processes;
mod promises;
mod recycling;
mod secrets;
mod stage;
mod starting;
mod storm;
mod system;
