//! Streams of jobs: many inputs, their outcomes in order or as they come, in bounded memory.
//!
//! A stream numbers its inputs and bounds how far they may run ahead of the outcomes that were taken, in items and in
//! bytes. [`Pool::stream`](crate::Pool::stream) gives both ends, for two threads; `map` feeds a stream from an iterator
//! in the caller's own thread. The queue and the workers are the pool's.

mod block;
mod core;
mod input;
mod output;

use std::sync::Arc;

use protocol::Job;

use crate::driver::Core;

pub(crate) use self::core::StreamCore;
pub use block::Block;
pub use input::StreamInput;
pub use output::StreamOutput;

/// In which order a stream gives its outcomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The order of the inputs: first in, first out.
    Input,
    /// As they come.
    Completion,
}

/// How far a stream's inputs may run ahead.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) items: u64,
    pub(crate) bytes: usize,
}

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

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A stream without a pool.
    pub(crate) fn core() -> Arc<StreamCore> {
        let bounds = Bounds {
            items: 100,
            bytes: 1 << 20,
        };
        Arc::new(StreamCore::new(Order::Input, bounds))
    }
}
