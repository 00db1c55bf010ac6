//! The worker process of a pool, and the expression evaluator.
//!
//! A worker is a program that serves one type of job. It is either a program of its own, whose `main` is one call of
//! [`serve`], or the program that has the pool, run again, with a call of [`run_if_worker`] at the top of its `main`:
//!
//! ```no_run
//! use serde::{Deserialize, Serialize};
//! use worker::Job;
//!
//! #[derive(Serialize, Deserialize)]
//! struct Square(u64);
//!
//! impl Job for Square {
//!     type Output = Option<u64>;
//!     const NAME: &'static str = "square";
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     worker::serve(|job: Square, _cx| job.0.checked_mul(job.0))
//! }
//! ```
//!
//! A worker with state of its own is a [`Service`] with an initialiser.
//!
//! # What holds in a worker
//! - A panic of a handler ends the job, not the worker: the caller gets its message, place and backtrace.
//! - The [`Bytes`] of a large job are seen where they arrived; they may be kept, sliced and given back like any others.
//! - Standard input is empty; standard output and standard error are the handler's, and no byte of the protocol goes
//!   through them.
//! - When the parent ends, however it ends, the worker and the processes of its group are killed at once.
//! - When the pool wants no more of the worker, its states are dropped and the process exits with 0.
//!
//! The crate knows nothing of scheduling: it runs what it is sent, in that order.

mod batch;
mod bootstrap;
mod context;
mod error;
pub mod eval;
#[cfg(test)]
mod fake_parent;
mod forward;
mod frame_source;
mod job_loop;
mod lane;
mod output_marks;
mod publisher;
mod ready;
mod runner;
#[cfg(test)]
mod scenarios;
mod service;
mod session;
mod wake_sender;

use std::process::ExitCode;

pub use ::expression;
pub use context::{Context, Setup};
pub use forward::ForwardLayer;
pub use protocol::{Bytes, CodecError, Job, sync};
pub use service::Service;

/// Serves jobs with `handler` until the pool wants no more: the whole `main` of a worker program.
///
/// Started otherwise than by a pool, the program says so on standard error and the code is 64. The other codes are
/// those of [`Service::serve`].
pub fn serve<J, H>(handler: H) -> ExitCode
where
    J: Job,
    H: Fn(J, &mut Context<'_, ()>) -> J::Output + Sync,
{
    Service::new(handler).serve()
}

/// Turns the process into a worker when a pool started it as one for this type of job; otherwise returns at once.
///
/// To be called at the top of `main`, before the program looks at its arguments, starts threads or opens a pool. In a
/// worker it never returns: it serves and then exits the process.
pub fn run_if_worker<J, H>(handler: H)
where
    J: Job,
    H: Fn(J, &mut Context<'_, ()>) -> J::Output + Sync,
{
    Service::new(handler).run_if_worker();
}
