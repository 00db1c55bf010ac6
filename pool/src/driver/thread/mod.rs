//! The threads of a pool: one that watches all processes and the time, and one for each worker slot.

pub(super) mod start;
pub(super) mod timekeeper;
pub(super) mod watch;
