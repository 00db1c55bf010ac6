//! Why a process did not start, or gave no value.

use std::{io, path::PathBuf, time::Duration};

use protocol::{
    CodecError, Fault, MemoryError, Panicked, control::ControlError, family::FamilyError,
    handshake::HandshakeError,
};

use super::call::{MAX_NAME_BYTES, Refusal};
use crate::failure::Exit;

/// Why a process was not started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// `pool::main` does not run in this program just now.
    #[error(
        "processes can be started only within `pool::main`: let the program's `main` be `pool::main(|| …)`, which is \
         also what makes the child a child and waits for it in the end"
    )]
    OutsideMain,
    /// The name contains a NUL byte or is too long.
    #[error("{0:?} cannot be the name of a process: at most {MAX_NAME_BYTES} bytes, none of them NUL")]
    Name(String),
    /// The arguments could not be encoded.
    #[error("the arguments could not be encoded: {0}")]
    Arguments(CodecError),
    /// The program's own file cannot be told, without which no child could check that it runs the same.
    #[error("the program's own file cannot be told: {0}")]
    NoImage(String),
    /// The function lies in a library that was loaded beside the program.
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
    /// The memory that it shares with its family could not be made.
    #[error("the memory that a family of processes shares could not be made: {0}")]
    Family(#[source] FamilyError),
    /// There was no memory for the arguments.
    #[error("the arguments could not be handed over: {0}")]
    Memory(#[source] MemoryError),
    /// The child could not be reached.
    #[error("the process could not be reached: {0}")]
    Control(#[source] ControlError),
}

/// Why a process gave no value.
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

/// What happened to a process that gave no value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JoinErrorKind {
    /// Its function panicked.
    #[error("panicked{0}")]
    Panicked(Panicked),
    /// It ended before its function returned: a signal ended it, or the function called `exit`.
    #[error("{0} before its function returned")]
    Died(Exit),
    /// It ended before it came to call the function.
    #[error(
        "{0} before it came to its function; does the program's `main` call `pool::main` whatever its arguments are, \
         and before anything that can fail?"
    )]
    NotBegun(Exit),
    /// It did not come to call the function in time, and was killed.
    #[error(
        "did not come to its function within {0:?} and was killed; does the program's `main` call `pool::main` \
         whatever its arguments are?"
    )]
    Silent(Duration),
    /// It has no such function: it runs another build of the program.
    #[error("cannot call its function: {0}")]
    FunctionNotFound(String),
    /// It could not use what it was given, or was refused something by the system.
    #[error("could not begin: {0}")]
    Unusable(String),
    /// It answered in another protocol version, or something else altogether.
    #[error("failed the handshake: {0}")]
    Handshake(HandshakeError),
    /// It could not decode its arguments; the function was not called.
    #[error("could not decode its arguments: {0}")]
    Undecodable(String),
    /// Its function returned, but the output could not be encoded.
    #[error("could not encode its output: {0}")]
    Unencodable(String),
    /// Its function returned, but its output could not be handed over, on its side or on this one.
    #[error("could not hand over its output: {0}")]
    NotHandedOver(String),
    /// Its output came and could not be decoded here.
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
