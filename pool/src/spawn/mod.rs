//! Child processes: which program is started, its start, and one child from its start to its end.

pub(crate) mod child;
pub(crate) mod program;
pub(crate) mod stuck;
