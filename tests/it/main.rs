//! Scenarios of the pool with real processes, real signals and real limits.
//!
//! Each runs under a watchdog ([`setup::scenario`]): a test that hangs fails and prints the stack of every thread. The
//! numbers F1, F2, … refer to the fault catalogue, `tests/catalogue.tsv`.

mod bounds;
mod cancelling;
mod capturing;
mod catalogue;
mod deadlines;
mod deaths;
mod encoding;
mod flow;
mod forks;
mod hooks;
mod layers;
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
mod refusals;
mod secrets;
mod setup;
mod starting;
mod storm;
mod suspending;
mod system;
