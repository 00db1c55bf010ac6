//! Pages to read: what a failure costs, what the pool costs, and how to come from Python.

#[doc = include_str!("../docs/failure_semantics.md")]
pub mod failure_semantics {}

#[doc = include_str!("../docs/multiprocessing.md")]
pub mod multiprocessing {}

#[doc = include_str!("../docs/performance.md")]
pub mod performance {}
