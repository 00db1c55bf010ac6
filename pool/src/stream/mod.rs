//! Streams of jobs: many inputs, their outputs in order or as they come, in bounded memory.
//!
//! [`Pool::stream`](crate::Pool::stream) returns two ends for two threads: a [`StreamInput`] that takes jobs and a
//! [`StreamOutput`] that yields outputs. A stream numbers its inputs from 0 and bounds how far they run ahead of the
//! outputs taken, in jobs ([`Builder::window`](crate::Builder::window)) and in bytes
//! ([`Builder::window_bytes`](crate::Builder::window_bytes)). Streams of one pool share its queue and workers. For inputs
//! from an iterator, [`Pool::map`](crate::Pool::map) needs no second thread.
//!
//! ```no_run
//! use pool::{Job, Pool, SubmitError, stream::Order};
//!
//! fn run<J: Job>(pool: &Pool<J>, jobs: impl IntoIterator<Item = J> + Send) -> Result<(), SubmitError> {
//!     let (mut input, output) = pool.stream(Order::Input);
//!     std::thread::scope(|scope| {
//!         let sending = scope.spawn(move || jobs.into_iter().try_for_each(|job| input.send(&job)));
//!         for (number, output) in output {
//!             println!("{number}: {}", if output.is_ok() { "done" } else { "failed" });
//!         }
//!         sending.join().expect("the sender does not panic")
//!     })
//! }
//! ```

mod block;
mod input;
mod output;

use std::sync::Arc;

use protocol::Job;

use crate::driver::Core;

pub use crate::outcome::stream_core::Order;
use crate::outcome::stream_core::{Bounds, StreamCore};
pub use block::Block;
pub use input::StreamInput;
pub use output::StreamOutput;

pub(crate) fn stream<J: Job>(
    core: &Arc<Core>,
    order: Order,
    bounds: Bounds,
) -> (StreamInput<J>, StreamOutput<J>) {
    let stream = Arc::new(StreamCore::new(order, bounds));
    (
        StreamInput::new(Arc::clone(&stream), Arc::clone(core)),
        StreamOutput::new(stream, Arc::clone(core)),
    )
}
