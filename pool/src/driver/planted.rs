//! Panics that tests plant in the pool's own code, each at one place and once. No part of the library.

#[cfg(test)]
use std::sync::{Mutex, PoisonError};

/// A place in the pool's own code at which a test can let it panic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The watch thread, at its look.
    Watch,
    /// A worker slot's thread, before a start.
    Start,
    /// A worker slot's thread, at a worker's results.
    Results,
    /// A worker slot's thread, at a worker's death.
    Death,
    /// A caller's thread, with the scheduler locked.
    Submit,
    /// Any thread, while it performs actions.
    Perform,
}

/// The planted panic.
#[derive(Debug, Default)]
pub(super) struct Planted {
    #[cfg(test)]
    place: Mutex<Option<Place>>,
}

impl Planted {
    /// Panics if a panic is planted here.
    #[cfg(test)]
    pub(super) fn trip(&self, place: Place) {
        let planted = {
            let mut planted = self.place.lock().unwrap_or_else(PoisonError::into_inner);
            planted.take_if(|planted| *planted == place)
        };
        assert!(planted.is_none(), "planted at {place:?}");
    }

    /// Does nothing outside of tests.
    #[cfg(not(test))]
    #[inline]
    #[expect(clippy::unused_self, reason = "it is used in tests")]
    pub(super) fn trip(&self, _: Place) {}

    /// Plants a panic.
    #[cfg(test)]
    pub(super) fn plant(&self, place: Place) {
        *self.place.lock().unwrap_or_else(PoisonError::into_inner) = Some(place);
    }
}
