//! Variables by name, as the machine looks them up.
//!
//! `names` checks which names may be bound.

use crate::object::Object;

/// Variables and their values.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bindings {
    /// Sorted by name.
    bound: Vec<(Box<str>, Object)>,
}

impl Bindings {
    /// Binds a variable, replacing an earlier binding.
    pub(crate) fn bind(&mut self, name: Box<str>, value: Object) {
        match self.place(name.as_bytes()) {
            Ok(place) => self.bound[place].1 = value,
            Err(place) => self.bound.insert(place, (name, value)),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.bound.len()
    }

    pub(crate) fn get(&self, name: &[u8]) -> Option<&Object> {
        if self.bound.is_empty() {
            return None;
        }
        self.place(name).ok().map(|place| &self.bound[place].1)
    }

    fn place(&self, name: &[u8]) -> Result<usize, usize> {
        self.bound
            .binary_search_by(|(bound, _)| bound.as_bytes().cmp(name))
    }
}
