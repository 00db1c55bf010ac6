//! A pool of supervised worker processes: what Python's `multiprocessing.Pool` is, with types, speed, and faults as the
//! normal case.
//!
//! A worker's death costs exactly the job that it was running. A deadline kills. Order is kept in bounded memory. Tiny
//! jobs travel by the hundred and slow ones one by one, and nobody has to say which they are. Every failure tells its
//! cause. Large payloads travel as [`Bytes`], anywhere in a job or an output, by one copy in and one out. See [`Pool`] for
//! how to use one, and the crate `worker` for the other side.
//!
//! What it costs, measured, stands in [`performance`].
//!
//! The library prints nothing (it tells `tracing`), installs no signal handlers, never ends the host's process, and
//! waits for no child but its own.

#[doc = include_str!("../docs/failure_semantics.md")]
pub mod failure_semantics {}

#[doc = include_str!("../docs/performance.md")]
pub mod performance {}

#[cfg(feature = "bench")]
pub mod bench;
mod builder;
mod captured;
mod driver;
mod failure;
mod handle;
mod hooks;
mod job;
mod map;
pub mod multiprocessing;
mod outcome;
mod policy;
mod pool;
mod process;
mod scheduler;
mod spawn;
mod stats;
mod stream;

pub use ::sync;
pub use ::sync::{
    Barrier, Condition, Event, GetError, Lock, LockError, Pipe, PipeEnd, PutError, Queue, Semaphore, Value,
    pipe,
};
pub use builder::{Builder, MAX_WORKERS};
pub use captured::Captured;
pub use failure::{
    BuildError, Cause, Death, EndReason, Exit, JobError, Layer, Rejected, StartFailure, StartFailureKind,
    SubmitError,
};
pub use handle::JobHandle;
pub use hooks::WorkerStart;
pub use map::{Map, MapUnordered};
pub use policy::{
    FailurePolicy, Halt, Halted, LEAST_FAILURES_FOR_A_SHARE, ParseHaltError, Percent, Threshold, Urgency,
};
pub use pool::Pool;
#[doc(hidden)]
pub use process::MAX_INLINE_BYTES;
pub use process::{Child, JoinError, JoinErrorKind, Portable, Process, Run, StartError, Target, main};
pub use protocol::{Bytes, CodecError, Fault, Job, Panicked};
pub use stats::{Stats, WorkerState, WorkerStats};
pub use stream::{Block, Order, StreamInput, StreamOutput};
