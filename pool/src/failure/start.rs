//! A failed start of a worker, and whether another start can succeed.

use std::{fmt, path::PathBuf, time::Duration};

use protocol::{
    MemoryError,
    message::{control::ControlError, handshake::HandshakeError, link::LinkError},
};
use sync::SharedHeapError;

use super::exit::Exit;
use crate::scheduler::Outlook;

/// A failed start of a worker: it never took a job.
#[derive(Debug)]
#[non_exhaustive]
pub struct StartFailure {
    /// The worker's number in its pool, from 0.
    pub worker: u32,
    /// The program to start.
    pub program: PathBuf,
    /// Its process id, if the process was started.
    pub pid: Option<u32>,
    /// What went wrong.
    pub kind: StartFailureKind,
    /// The end of its standard output and error.
    pub output: String,
}

/// What went wrong during a worker's start.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartFailureKind {
    /// The program could not be started.
    Spawn(std::io::Error),
    /// The process ended before it was ready.
    Ended(Exit),
    /// The process did not answer within [`Builder::start_deadline`](crate::Builder::start_deadline) and was killed.
    Silent(Duration),
    /// The process closed its standard input, over which a worker answers, and was killed.
    HungUp,
    /// The answer was not a worker's, or of another protocol version.
    Handshake(HandshakeError),
    /// The worker serves another type of job.
    WrongJob {
        /// What this pool sends.
        expected: String,
        /// What the worker serves.
        serves: String,
    },
    /// The worker's initialiser failed, with this message.
    Initialiser(String),
    /// The worker could not use its startup descriptors.
    Unusable(String),
    /// The link to the worker could not be created.
    Link(LinkError),
    /// The memory shared with the worker could not be created.
    Memory(MemoryError),
    /// The shared heap of the process tree could not be created.
    SharedHeap(SharedHeapError),
    /// The control socket failed.
    Control(ControlError),
    /// The memory limit could not be set.
    MemoryLimit(std::io::Error),
    /// The pool was closed during the start.
    GivenUp,
}

impl StartFailure {
    /// Whether another start can succeed.
    pub(crate) fn outlook(&self) -> Outlook {
        match &self.kind {
            StartFailureKind::Handshake(_) | StartFailureKind::WrongJob { .. } => Outlook::Hopeless,
            StartFailureKind::Spawn(error) if is_about_the_program(error) => Outlook::Hopeless,
            kind if kind.system_error().is_some_and(is_shortage) => Outlook::Shortage,
            _ => Outlook::Open,
        }
    }
}

impl StartFailureKind {
    /// The system's error, if the system refused something.
    fn system_error(&self) -> Option<&std::io::Error> {
        match self {
            Self::Spawn(error)
            | Self::MemoryLimit(error)
            | Self::Memory(MemoryError::System { source: error, .. })
            | Self::SharedHeap(SharedHeapError::Memory(MemoryError::System { source: error, .. }))
            | Self::Link(LinkError::System(error) | LinkError::TemporaryFolder { source: error, .. })
            | Self::Control(ControlError::System(error)) => Some(error),
            _ => None,
        }
    }
}

fn is_about_the_program(error: &std::io::Error) -> bool {
    use rustix::io::Errno;
    matches!(
        Errno::from_io_error(error),
        Some(Errno::NOENT | Errno::ACCESS | Errno::PERM | Errno::NOTDIR | Errno::ISDIR | Errno::NOEXEC)
    )
}

/// Whether this program has reached its limit of open files.
fn is_about_open_files(error: &std::io::Error) -> bool {
    rustix::io::Errno::from_io_error(error) == Some(rustix::io::Errno::MFILE)
}

fn is_shortage(error: &std::io::Error) -> bool {
    use rustix::io::Errno;
    use std::io::ErrorKind;
    let errno = Errno::from_io_error(error);
    matches!(errno, Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS))
        || matches!(
            error.kind(),
            ErrorKind::WouldBlock | ErrorKind::OutOfMemory | ErrorKind::StorageFull
        )
}

impl std::error::Error for StartFailure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            StartFailureKind::Spawn(source) | StartFailureKind::MemoryLimit(source) => Some(source),
            StartFailureKind::Handshake(source) => Some(source),
            StartFailureKind::Link(source) => Some(source),
            StartFailureKind::Memory(source) => Some(source),
            StartFailureKind::SharedHeap(source) => Some(source),
            StartFailureKind::Control(source) => Some(source),
            _ => None,
        }
    }
}

impl fmt::Display for StartFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "worker {}: {}", self.worker, self.program.display())?;
        if let Some(pid) = self.pid {
            write!(formatter, " (pid {pid})")?;
        }
        match &self.kind {
            StartFailureKind::Spawn(error) => write!(formatter, " could not be started: {error}"),
            StartFailureKind::Ended(exit) => write!(formatter, " {exit} before it was ready"),
            StartFailureKind::Silent(after) => {
                write!(
                    formatter,
                    " said nothing for {after:?} and was killed; is it a worker of this pool?"
                )
            }
            StartFailureKind::HungUp => formatter
                .write_str(" closed its standard input without an answer; is it a worker of this pool?"),
            StartFailureKind::Handshake(error) => write!(formatter, " failed the handshake: {error}"),
            StartFailureKind::WrongJob { expected, serves } => {
                write!(
                    formatter,
                    " serves the job {serves:?}, this pool sends the job {expected:?}"
                )
            }
            StartFailureKind::Initialiser(message) => write!(formatter, " failed to initialise: {message}"),
            StartFailureKind::Unusable(message) => {
                write!(formatter, " could not use its startup descriptors: {message}")
            }
            StartFailureKind::Link(error) => write!(formatter, " could not be linked: {error}"),
            StartFailureKind::Memory(error) => write!(formatter, " could not be given memory: {error}"),
            StartFailureKind::SharedHeap(error) => {
                write!(formatter, " could not be given the shared heap: {error}")
            }
            StartFailureKind::Control(error) => write!(formatter, " could not be reached: {error}"),
            StartFailureKind::MemoryLimit(error) => {
                write!(formatter, " could not be kept to its memory limit: {error}")
            }
            StartFailureKind::GivenUp => {
                formatter.write_str(" was not waited for, because the pool was closed")
            }
        }?;
        if self.kind.system_error().is_some_and(is_about_open_files) {
            formatter.write_str("; each worker needs about ten open files, raise the limit (ulimit -n)")?;
        }
        super::write_last_output(formatter, &self.output)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_hopeless_and_a_full_process_table_passes() {
        let failure = |error: rustix::io::Errno| StartFailure {
            worker: 0,
            program: "w".into(),
            pid: None,
            kind: StartFailureKind::Spawn(error.into()),
            output: String::new(),
        };
        let outlook = |error| failure(error).outlook();
        assert_eq!(outlook(rustix::io::Errno::NOENT), Outlook::Hopeless);
        assert_eq!(outlook(rustix::io::Errno::NOEXEC), Outlook::Hopeless);
        assert_eq!(outlook(rustix::io::Errno::AGAIN), Outlook::Shortage);
        assert_eq!(outlook(rustix::io::Errno::MFILE), Outlook::Shortage);
        assert_eq!(outlook(rustix::io::Errno::IO), Outlook::Open);
    }

    #[test]
    fn a_lack_of_descriptors_is_a_shortage_and_the_message_names_the_limit() {
        let lack = || std::io::Error::from(rustix::io::Errno::MFILE);
        let memory = || MemoryError::System {
            step: "memfd_create",
            source: lack(),
        };
        for kind in [
            StartFailureKind::Spawn(lack()),
            StartFailureKind::Link(LinkError::System(lack())),
            StartFailureKind::Memory(memory()),
            StartFailureKind::SharedHeap(SharedHeapError::Memory(memory())),
            StartFailureKind::Control(ControlError::System(lack())),
            StartFailureKind::MemoryLimit(lack()),
        ] {
            let failure = StartFailure {
                worker: 0,
                program: "w".into(),
                pid: None,
                kind,
                output: String::new(),
            };
            assert_eq!(failure.outlook(), Outlook::Shortage, "{failure}");
            assert!(failure.to_string().contains("ulimit -n"), "{failure}");
        }
    }
}
