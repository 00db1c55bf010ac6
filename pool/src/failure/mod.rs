//! What can go wrong, as types: with a job, with a worker, and with the pool.
//!
//! A job that gives no output ends with a [`JobError`], whose [`layer`](JobError::layer) names
//! the side at fault. The types here are its parts, in three layers:
//!
//! | layer | types |
//! |---|---|
//! | the job | [`Fault`] (with [`Panicked`]), [`CodecError`] |
//! | the worker | [`Death`] (with [`Exit`] and [`EndReason`]), [`StartFailure`] (with [`StartFailureKind`]), [`Cause`] |
//! | the pool and its host | [`Rejected`], [`MemoryError`], [`LinkError`], [`ControlError`], [`HandshakeError`], [`SharedHeapError`] |
//!
//! What each failure means for the job that ran, and for those that waited, is in
//! [`guide::failure_semantics`](crate::guide::failure_semantics).
//!
//! ```
//! use pool::{JobError, failure::{EndReason, Layer}};
//!
//! /// Whether a job failed because it needs more memory than its worker may use.
//! fn needs_more_memory(error: &JobError) -> bool {
//!     match error {
//!         JobError::WorkerDied(death) => matches!(death.reason, Some(EndReason::Memory { .. })),
//!         _ => false,
//!     }
//! }
//!
//! assert!(!needs_more_memory(&JobError::Cancelled));
//! assert_eq!(JobError::Cancelled.layer(), Layer::Pool);
//! ```

mod cause;
mod death;
mod error;
mod exit;
mod start;

use std::fmt;

pub use protocol::{
    CodecError, Fault, MemoryError, Panicked,
    message::{control::ControlError, handshake::HandshakeError, link::LinkError},
};
pub use sync::SharedHeapError;

pub use self::{
    cause::Cause,
    death::{Death, EndReason},
    error::{BuildError, JobError, Layer, Rejected, SubmitError},
    exit::Exit,
    start::{StartFailure, StartFailureKind},
};

/// Writes the end of a worker's output below a message, line by line.
fn write_last_output(formatter: &mut fmt::Formatter<'_>, output: &str) -> fmt::Result {
    let output = output.trim_end();
    if output.is_empty() {
        return Ok(());
    }
    formatter.write_str("; it last wrote:")?;
    output
        .lines()
        .try_for_each(|line| write!(formatter, "\n  | {line}"))
}
