//! The algorithms on words of shared memory.
//!
//! All of them are generic over [`futex::Word`], so that the very code that runs between processes also runs under a
//! model checker (see `model`). They know neither objects nor the heap in which the words are.

pub(crate) mod channel;
pub(crate) mod event_count;
pub(crate) mod futex;
pub(crate) mod lock_word;
#[cfg(test)]
mod model;
pub(crate) mod wait;
