//! Streams of jobs: many inputs, their outcomes in order or as they come, in bounded memory.
//!
//! A stream numbers its inputs and bounds how far they may run ahead of the outcomes that were taken, in items and in
//! bytes. [`Pool::stream`](crate::Pool::stream) gives both ends, for two threads; `map` feeds a stream from an iterator
//! in the caller's own thread. The queue and the workers are the pool's.

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
