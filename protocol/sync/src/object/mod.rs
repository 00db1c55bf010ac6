//! Shared objects as a process sees them: references to them, handles in messages, and what a release means.
//!
//! The words of the objects that a release must know are here too, and nothing that is typed.

pub(crate) mod barrier_state;
pub(crate) mod channel_memory;
pub(crate) mod handle;
pub(crate) mod in_flight;
pub(crate) mod participant;
pub(crate) mod reference;
pub(crate) mod release;
pub(crate) mod semaphore_state;
