//! Locks, queues, pipes and other objects that the processes of a process tree share.
//!
//! Each object is in the memory that these processes share, the [`heap`]. A handle is a few bytes and a plain serde
//! value: it travels in the arguments of a process, in jobs, through queues and pipes, and needs no descriptor. All
//! objects stay whole if a process dies at any instant; each file explains how.
//!
//! ```text
//! word      locks, channels and event counts, on atomic words: also run under a model checker
//! heap      the memory, the object table, which processes are alive
//! object    references to objects, handles in messages, what a release means
//! (here)    the typed handles: Lock, Value, Queue, Pipe, Semaphore, Event, Condition, Barrier
//! ```
//!
//! Each layer imports from those above it in this list alone. What is hidden in the documentation is for the crates
//! `pool` and `worker`, which pass the heap to child processes and keep the handles in flight.

mod barrier;
mod condition;
mod event;
#[doc(hidden)]
pub mod heap;
mod item_error;
mod lock;
mod lock_error;
mod object;
mod pipe;
mod queue;
mod semaphore;
mod typed_channel;
mod value;
mod word;

pub use barrier::{Barrier, BarrierError, Passed};
pub use condition::{Condition, Guard};
pub use event::Event;
pub use heap::error::SharedHeapError;
pub use item_error::{GetError, PutError, PutErrorKind};
pub use lock::{Lock, LockGuard};
pub use lock_error::{LockError, Poisoned};
#[doc(hidden)]
pub use object::in_flight::{HandlesInFlight, Recipient, TransferredHandles};
#[doc(hidden)]
pub use object::participant::object_count;
pub use pipe::{DEFAULT_PIPE_BYTES, Pipe, PipeEnd, pipe, pipe_with_limits};
pub use queue::{DEFAULT_BYTES, DEFAULT_ITEMS, Iter, Queue};
pub use semaphore::{Permit, Semaphore, SemaphoreError};
pub use value::{Value, ValueGuard};
pub use word::lock_word::PoisonCause;
