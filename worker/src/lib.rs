//! The worker process of a pool, and the expression evaluator.
//!
//! A worker is a program that serves one type of job. It is either a separate program, whose `main` calls [`serve`], or
//! the program that owns the pool, started again, with a call of [`run_if_worker`] at the top of its `main`:
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
//! A worker whose handler keeps state is a [`Service`] with an initialiser.
//!
//! # Guarantees
//! - A panic in a handler ends the job, not the worker: the caller gets the message, the location and the backtrace.
//! - The [`Bytes`] of a large job are read where they arrived, without a copy. They may be kept, sliced and returned like
//!   any others.
//! - Standard input is empty. Standard output and standard error belong to the handler: the protocol doesn't use them.
//! - When the parent ends, however it ends, the worker and the processes of its group are killed at once.
//! - When the pool has no more jobs for the worker, the worker drops its states and exits with code 0.
//!
//! The crate does no scheduling: it runs the jobs that it receives, in order.

mod batch;
mod bootstrap;
mod context;
mod delimiters;
mod error;
pub mod eval;
#[cfg(test)]
mod fake_parent;
mod forward;
mod frame_source;
mod job_loop;
mod lane;
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
pub use ::sync;
pub use context::{Context, Setup};
pub use forward::ForwardLayer;
pub use protocol::{Bytes, CodecError, Job};
pub use service::Service;

/// Serves jobs with `handler` until the pool closes the worker: the whole `main` of a worker program.
///
/// If no pool started the program, it says so on standard error and returns exit code 64. The other codes are those of
/// [`Service::serve`].
pub fn serve<J, H>(handler: H) -> ExitCode
where
    J: Job,
    H: Fn(J, &mut Context<'_, ()>) -> J::Output + Sync,
{
    Service::new(handler).serve()
}

/// Turns the process into a worker if a pool started it as one for this type of job; otherwise returns at once.
///
/// Call it at the top of `main`, before the program reads its arguments, starts threads or opens a pool. In a worker it
/// never returns: it serves and then exits the process.
pub fn run_if_worker<J, H>(handler: H)
where
    J: Job,
    H: Fn(J, &mut Context<'_, ()>) -> J::Output + Sync,
{
    Service::new(handler).run_if_worker();
}
