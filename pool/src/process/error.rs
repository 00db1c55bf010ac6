//! The errors of starting a process and of joining it.

use std::{io, path::PathBuf, time::Duration};

use protocol::{
    CodecError, Fault, MemoryError, Panicked,
    message::{control::ControlError, handshake::HandshakeError},
};
use sync::SharedHeapError;

use super::call::{MAX_NAME_BYTES, Refusal};
use crate::failure::Exit;

/// Why a process was not started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// `pool::main` is not running in this program.
    #[error(
        "processes can be started only within `pool::main`: let the program's `main` be `pool::main(|| …)`, which is \
         also what makes the child a child and waits for it in the end"
    )]
    OutsideMain,
    /// This process is a copy of the one in which the main code began, made by a bare `fork`.
    #[error(
        "this process was made by a bare fork, and the processes belong to the one that it was copied from"
    )]
    Forked,
    /// The name contains a NUL byte or is too long.
    #[error("{0:?} cannot be the name of a process: at most {MAX_NAME_BYTES} bytes, none of them NUL")]
    Name(String),
    /// The arguments could not be encoded.
    #[error("the arguments could not be encoded: {0}")]
    Arguments(CodecError),
    /// The program's own file is unknown, so no child could check that it runs the same one.
    #[error("the program's own file cannot be determined: {0}")]
    NoImage(String),
    /// The function is in a library that was loaded beside the program.
    #[error(
        "the function {function} is not in the program's own file {}, but in a library that was loaded beside it; \
         only what is linked into the program can run in a process", program.display()
    )]
    OutsideProgram {
        /// The function with its types.
        function: &'static str,
        /// The file of the program.
        program: PathBuf,
    },
    /// The program could not be started.
    #[error("{} could not be started: {source}", program.display())]
    Spawn {
        /// The program.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The shared heap could not be created.
    #[error("the shared heap could not be created: {0}")]
    SharedHeap(#[source] SharedHeapError),
    /// There was no memory for the arguments.
    #[error("the arguments could not be sent: {0}")]
    Memory(#[source] MemoryError),
    /// The child could not be reached.
    #[error("the process could not be reached: {0}")]
    Control(#[source] ControlError),
}

/// Why a process returned no value.
#[derive(Debug, thiserror::Error)]
#[error("process {name} (pid {pid}) {kind}")]
#[non_exhaustive]
pub struct JoinError {
    /// The process's name.
    pub name: String,
    /// Its process id, which may belong to another process by now.
    pub pid: u32,
    /// What happened.
    pub kind: JoinErrorKind,
}

/// What happened to a process that returned no value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JoinErrorKind {
    /// The function panicked.
    #[error("panicked{0}")]
    Panicked(Panicked),
    /// The process ended before its function returned: a signal ended it, or the function called `exit`.
    #[error("{0} before its function returned")]
    Died(Exit),
    /// The process ended before it called the function.
    #[error(
        "{0} before it came to its function; does the program's `main` call `pool::main` whatever its arguments are, \
         and before anything that can fail?"
    )]
    NotBegun(Exit),
    /// The process did not call the function in time, and was killed.
    #[error(
        "did not come to its function within {0:?} and was killed; does the program's `main` call `pool::main` \
         whatever its arguments are?"
    )]
    Silent(Duration),
    /// The process has no such function: it runs another build of the program.
    #[error("cannot call its function: {0}")]
    FunctionNotFound(String),
    /// The process could not use the call request, or the system refused something it needs.
    #[error("could not begin: {0}")]
    Unusable(String),
    /// The process reported in another protocol version, or something unexpected.
    #[error("failed the handshake: {0}")]
    Handshake(HandshakeError),
    /// The handle was copied by a bare `fork`: the process belongs to the process that it was copied from.
    #[error("belongs to the process that this one is a copy of, by a bare fork")]
    Forked,
    /// The arguments could not be decoded; the function was not called.
    #[error("could not decode its arguments: {0}")]
    Undecodable(String),
    /// The function returned, but the output could not be encoded.
    #[error("could not encode its output: {0}")]
    Unencodable(String),
    /// The function returned, but the output could not be sent or received.
    #[error("could not hand over its output: {0}")]
    NotHandedOver(String),
    /// The output arrived and could not be decoded.
    #[error("gave an output that could not be decoded: {0}")]
    UndecodableOutput(CodecError),
}

impl From<Fault> for JoinErrorKind {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Panicked(panicked) => Self::Panicked(panicked),
            Fault::Undecodable(text) => Self::Undecodable(text),
            Fault::Unencodable(text) => Self::Unencodable(text),
            Fault::NotHandedOver(text) => Self::NotHandedOver(text),
            other => Self::NotHandedOver(other.to_string()),
        }
    }
}

impl From<Refusal> for JoinErrorKind {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::FunctionNotFound(text) => Self::FunctionNotFound(text),
            Refusal::Unusable(text) => Self::Unusable(text),
        }
    }
}
