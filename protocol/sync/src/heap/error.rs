//! Why a process cannot use the shared heap.

use std::io;

use protocol::MemoryError;

/// Why a process cannot use the shared heap, in which all shared objects are.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SharedHeapError {
    /// The system lacks something, or a sandbox forbids it.
    #[error("shared objects need {what}, which this system or its sandbox does not provide: {source}")]
    Missing {
        /// What is missing.
        what: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// The limit on the size of files is too small for the shared heap.
    #[error(
        "shared objects need a file of memory of {needed} bytes, and the limit on the size of files is {limit}: raise it (ulimit -f)"
    )]
    FileSize {
        /// The limit, in bytes.
        limit: u64,
        /// What is needed, in bytes.
        needed: u64,
    },
    /// There is not enough memory, address space or another resource.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// The descriptor that the parent has sent is no shared heap.
    #[error("the descriptor received from the parent is no shared heap: {why}")]
    NotASharedHeap {
        /// What is wrong with it.
        why: String,
    },
    /// This process has a shared heap already: it has created objects, or received a heap, before.
    #[error(
        "this process has a shared heap already: it created shared objects before it received its parent's heap"
    )]
    AlreadyAttached,
    /// Too many processes use the shared heap at once.
    #[error("{limit} processes use the shared objects already, which is the limit")]
    TooManyProcesses {
        /// How many can.
        limit: usize,
    },
    /// An object that cannot exist: a queue without room, a barrier without parties.
    #[error("there cannot be {what}")]
    Impossible {
        /// What was requested, and what is needed.
        what: &'static str,
    },
    /// This process was created by a bare `fork`, which copies handles without new references.
    #[error(
        "this process was created by a bare fork and owns none of the handles that were copied with it: start it as a Process, or run a program in it"
    )]
    Forked,
}

impl SharedHeapError {
    /// Tells what the system lacks from what it has run out of.
    pub(crate) fn system(step: &'static str, what: &'static str) -> impl FnOnce(rustix::io::Errno) -> Self {
        use rustix::io::Errno;
        move |errno| match errno {
            Errno::NOSYS | Errno::PERM | Errno::ACCESS | Errno::INVAL | Errno::OPNOTSUPP => Self::Missing {
                what,
                source: errno.into(),
            },
            errno => Self::Memory(MemoryError::system(step)(errno)),
        }
    }
}
