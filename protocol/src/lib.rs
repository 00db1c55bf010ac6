//! What a pool and its workers agree on.
//!
//! This crate is the lowest layer: the [`Job`] trait, the messages of the handshake, the flat frames in
//! which jobs travel, the board of shared memory on which a worker shows what it has started and finished,
//! and the link over `ipc-channel` that joins the two processes. It starts no process, schedules nothing and
//! evaluates nothing: that is for the crates `pool` and `worker`.
//!
//! ```text
//! parent                                                        worker
//!   frames of jobs   ── ipc-channel (link) ───────────────────▶   claims a position, runs the job
//!   harvests results ◀── shared memory (board, ring, areas) ────   publishes the result
//!   wakes up         ◀── ipc-channel (link), one small message ──  at the end of a frame
//! ```
//!
//! Each folder is one noun, and imports only those before it: `job`, `memory`, `payload`, `board`, `message`, `child`.
//!
//! The modules are not an interface for users: they depend on `pool` and `worker`, which re-export what users need. So the modules
//! are hidden from the documentation, and may change in every version.

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
compile_error!("the pool needs 64-bit Linux: memfd, pidfd and futexes shared between processes");

#[doc(hidden)]
pub mod board;
#[doc(hidden)]
pub mod child;
#[doc(hidden)]
pub mod job;
#[doc(hidden)]
pub mod memory;
#[doc(hidden)]
pub mod message;
#[doc(hidden)]
pub mod payload;

#[doc(hidden)]
pub use job::error::refuse;
pub use job::{CodecError, Eval, Fault, Job, Panicked, Status, decode_argument, encode_argument};
#[doc(hidden)]
pub use memory::mapping::Mapping;
pub use memory::{MemoryError, SharedMemory};
pub use payload::{Bytes, Incoming, MappedBytes, Payload};

/// The version of everything in this crate on which both processes must agree.
///
/// It changes whenever a message, a frame or the layout of the shared memory changes. A parent and a worker with
/// different versions refuse each other at the handshake, each naming both.
pub const PROTOCOL_VERSION: u32 = 3;

/// The version of this package, for messages to people.
pub const PACKAGE_VERSION: &str = env!("CARGO_PKG_VERSION");

/// The argument by which a program knows that it was started as a worker; the job's name follows.
///
/// It is an argument and not an environment variable because a worker's own children inherit the environment, and
/// would then act as workers.
pub const WORKER_ARGUMENT: &str = "--pool-worker=";

/// The argument by which a program knows that it was started as a child with a function to run; the child's name
/// follows.
pub const PROCESS_ARGUMENT: &str = "--pool-process=";
