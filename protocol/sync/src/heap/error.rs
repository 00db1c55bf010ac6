//! What can keep a process from its family's objects.

use std::io;

use protocol::MemoryError;

/// What can keep a process from using the objects that a family of processes shares.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FamilyError {
    /// The system lacks something, or a sandbox forbids it.
    #[error("shared objects need {what}, which this system or its sandbox does not give: {source}")]
    Missing {
        /// What is lacking.
        what: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// The limit on the size of files is too small for memory that processes share.
    #[error(
        "shared objects need a file of memory of {needed} bytes, and the limit on the size of files is {limit}: raise it (ulimit -f)"
    )]
    FileSize {
        /// The limit, in bytes.
        limit: u64,
        /// What is needed, in bytes.
        needed: u64,
    },
    /// There is not enough memory, address space or the like.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// The descriptor that was handed over is no family's memory.
    #[error("the descriptor handed over is no memory of a family of processes: {why}")]
    NotAFamily {
        /// What is wrong with it.
        why: String,
    },
    /// This process belongs to a family already: it made objects, or was handed a memory, before.
    #[error(
        "this process belongs to a family already: shared objects were made before its parent's memory was handed over"
    )]
    AlreadyMember,
    /// Too many processes use the family's objects at once.
    #[error("{limit} processes use the shared objects already, and no more can")]
    TooManyProcesses {
        /// How many can.
        limit: usize,
    },
    /// An object that cannot be: a queue with room for nothing, a barrier of nobody.
    #[error("there cannot be {what}")]
    Impossible {
        /// What was asked for, and what is needed.
        what: &'static str,
    },
    /// This process was made by a bare `fork`, which copies handles without their owner's knowledge.
    #[error(
        "this process was made by a bare fork and owns none of the handles that were copied with it: start it as a Process, or run a program in it"
    )]
    Forked,
}

impl FamilyError {
    /// Tells what the system lacks apart from what it has run out of.
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
