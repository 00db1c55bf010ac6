//! Locks, queues, pipes and their kin, between the processes of a family.
//!
//! Each object lies in the memory that a [`heap`] of processes shares. A handle is a few bytes and a plain
//! serde value: it travels in the arguments of a process, in jobs, through queues and pipes, and needs no descriptor.
//! All objects are safe against the death of any process at any instant; each file says how.

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
