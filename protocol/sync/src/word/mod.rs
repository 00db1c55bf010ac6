//! The algorithms on words of shared memory, which also run under a model checker.

pub(crate) mod channel;
pub(crate) mod futex;
pub(crate) mod lock_word;
#[cfg(test)]
mod model;
