//! Python's `multiprocessing` and this library, side by side.
//!
#![doc = include_str!("../docs/multiprocessing.md")]
