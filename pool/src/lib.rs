//! A pool of supervised worker processes: Python's `multiprocessing.Pool` and `Process`, typed, fast, and safe against
//! the death of any process.
//!
//! - A worker's death costs exactly the job that it was running. A deadline kills.
//! - Outputs come in order, in bounded memory.
//! - Tiny jobs travel by the hundred and slow ones one by one, without a chunk size to choose.
//! - Each failure names its cause.
//! - Large payloads travel as [`Bytes`], anywhere in a job or an output, by one copy in and one out.
//!
//! A [`Pool`] runs jobs of one type in worker programs, which the crate `worker` makes. A [`Process`] runs one function
//! of this program in a child process. [`Lock`], [`Queue`] and the other objects of [`sync`] are shared between all of
//! them.
//!
//! ```
//! use pool::{Job, Pool};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! struct Square(u64);
//!
//! impl Job for Square {
//!     type Output = u64;
//!     const NAME: &'static str = "square";
//! }
//!
//! # fn run() -> Result<(), Box<dyn std::error::Error>> {
//! // The worker's `main`: worker::serve(|job: Square, _| job.0 * job.0)
//! let pool = Pool::<Square>::builder().workers(2).worker_program("target/release/square-worker").build()?;
//! assert_eq!(pool.submit(Square(7))?.wait()?, 49);
//! # Ok(())
//! # }
//! ```
//!
//! # Where to find what
//! | module | what is there |
//! |---|---|
//! | [`stream`], [`map`] | many jobs in, their outputs out |
//! | [`policy`] | what a pool does about failed jobs: retry, halt |
//! | [`failure`] | what went wrong with a job, a worker or the pool |
//! | [`stats`] | counters, and the workers' states |
//! | [`process`] | what belongs to [`Process`] and [`Child`] |
//! | [`sync`] | guards, errors and limits of the shared objects |
//! | [`guide`] | failure semantics, performance, and Python's `multiprocessing` side by side |
//!
//! # What the library does not do
//! It prints nothing (it logs through `tracing`), installs no signal handlers, never ends the host's process, and waits
//! for no child but its own.

#[cfg(feature = "bench")]
pub mod bench;
mod builder;
mod captured;
mod driver;
pub mod failure;
pub mod guide;
mod handle;
mod hooks;
mod job;
pub mod map;
mod outcome;
pub mod policy;
mod pool;
pub mod process;
mod scheduler;
mod spawn;
pub mod stats;
pub mod stream;

pub use ::sync;
pub use ::sync::{Barrier, Condition, Event, Lock, Queue, Semaphore, Value, pipe};
pub use builder::Builder;
pub use captured::Captured;
pub use failure::{BuildError, JobError, SubmitError};
pub use handle::JobHandle;
pub use pool::Pool;
pub use process::{Child, Process, Run, main};
pub use protocol::{Bytes, Job};
