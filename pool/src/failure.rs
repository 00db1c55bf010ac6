//! What happened to a worker: how it died, or why it did not start.
//!
//! These are facts about processes, told to people. What they mean for a job is in [`crate::JobError`].

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use protocol::{MemoryError, control::ControlError, handshake::HandshakeError, link::LinkError};
use sync::SharedHeapError;

use crate::{Captured, scheduler::Outlook};

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exit {
    /// It exited by itself, with this code.
    Code(i32),
    /// A signal ended it.
    Signal {
        /// The signal's number.
        number: i32,
        /// Whether the system wrote a core file.
        core_dumped: bool,
    },
    /// It ended, but its status was lost: another part of this program reaped it, or SIGCHLD is ignored.
    Unknown,
}

impl Exit {
    /// The number of the signal that ended it, if one did.
    pub fn signal(self) -> Option<i32> {
        match self {
            Self::Signal { number, .. } => Some(number),
            _ => None,
        }
    }

    /// The code with which it exited, if it did.
    pub fn code(self) -> Option<i32> {
        match self {
            Self::Code(code) => Some(code),
            _ => None,
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Code(code) => write!(formatter, "exited with code {code}"),
            Self::Signal { number, core_dumped } => {
                write!(formatter, "was killed by signal {number}")?;
                if let Some(name) = signal_name(number) {
                    write!(formatter, " ({name})")?;
                }
                formatter.write_str(if core_dumped { ", core dumped" } else { "" })
            }
            Self::Unknown => {
                formatter.write_str("ended, and its exit status was taken by another part of this program")
            }
        }
    }
}

fn signal_name(number: i32) -> Option<&'static str> {
    use rustix::process::Signal;
    let names = [
        (Signal::HUP, "SIGHUP"),
        (Signal::INT, "SIGINT"),
        (Signal::QUIT, "SIGQUIT"),
        (Signal::ILL, "SIGILL"),
        (Signal::TRAP, "SIGTRAP"),
        (Signal::ABORT, "SIGABRT"),
        (Signal::BUS, "SIGBUS"),
        (Signal::FPE, "SIGFPE"),
        (Signal::KILL, "SIGKILL"),
        (Signal::USR1, "SIGUSR1"),
        (Signal::SEGV, "SIGSEGV"),
        (Signal::USR2, "SIGUSR2"),
        (Signal::PIPE, "SIGPIPE"),
        (Signal::ALARM, "SIGALRM"),
        (Signal::TERM, "SIGTERM"),
        (Signal::XCPU, "SIGXCPU"),
        (Signal::XFSZ, "SIGXFSZ"),
        (Signal::SYS, "SIGSYS"),
    ];
    names
        .iter()
        .find(|(signal, _)| signal.as_raw() == number)
        .map(|(_, name)| *name)
}

/// The death of a worker that had been ready.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Death {
    /// The worker's number in its pool, from 0.
    pub worker: u32,
    /// Its process id.
    pub pid: u32,
    /// How it ended.
    pub exit: Exit,
    /// Why the pool ended it, when it did not end by itself.
    pub reason: Option<EndReason>,
    /// The end of what it wrote to its standard output and error; of a long backtrace also what led up to it.
    pub output: String,
    /// What the job that it was running had written, when the pool captures that.
    pub captured: Option<Captured>,
}

impl fmt::Display for Death {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "worker {} (pid {}) {}",
            self.worker, self.pid, self.exit
        )?;
        if let Some(reason) = &self.reason {
            write!(formatter, ", because {reason}")?;
        }
        last_words(formatter, &self.output)
    }
}

/// Why a pool ended one of its workers.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndReason {
    /// A job there ran past its deadline.
    Deadline,
    /// A job that ran there was cancelled.
    Cancelled,
    /// Too many jobs had failed, and the pool's policy was to halt now.
    Halted,
    /// The pool was closed, killed or dropped.
    Closed,
    /// It was well, and another has taken its place: see [`Builder::recycle_after`](crate::Builder::recycle_after).
    Recycled,
    /// It used more memory than a worker may.
    Memory {
        /// What it used, in bytes.
        used: u64,
        /// The limit, in bytes.
        limit: u64,
    },
    /// It was refused an allocation that would have gone past the memory limit, and ended by itself.
    AllocationRefused {
        /// The limit, in bytes.
        limit: u64,
    },
    /// It took none of the jobs that it was sent, or did not end when it was asked to, for so long.
    Unresponsive(Duration),
    /// It wrote what no worker writes, or could not be reached.
    Protocol(String),
}

impl fmt::Display for EndReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deadline => formatter.write_str("a job there ran past its deadline"),
            Self::Cancelled => formatter.write_str("a job that ran there was cancelled"),
            Self::Halted => formatter.write_str("the pool halted"),
            Self::Closed => formatter.write_str("the pool was closed"),
            Self::Recycled => formatter.write_str("another worker has taken its place"),
            Self::Memory { used, limit } => write!(
                formatter,
                "it used {} of memory, the limit being {}",
                Size(*used),
                Size(*limit)
            ),
            Self::AllocationRefused { limit } => {
                write!(
                    formatter,
                    "it was refused an allocation at the memory limit of {}",
                    Size(*limit)
                )
            }
            Self::Unresponsive(patience) => write!(formatter, "it did not react for {patience:?}"),
            Self::Protocol(what) => formatter.write_str(what),
        }
    }
}

/// A number of bytes, for people.
struct Size(u64);

impl fmt::Display for Size {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
        match UNITS.iter().find(|(_, bytes)| self.0 >= *bytes) {
            Some((unit, bytes)) if self.0.is_multiple_of(*bytes) => {
                write!(formatter, "{} {unit}", self.0 / bytes)
            }
            Some((unit, bytes)) => {
                let tenths = u128::from(self.0) * 10 / u128::from(*bytes);
                write!(formatter, "{}.{} {unit}", tenths / 10, tenths % 10)
            }
            None => write!(formatter, "{} bytes", self.0),
        }
    }
}

/// Why a worker did not come to take jobs.
#[derive(Debug)]
#[non_exhaustive]
pub struct StartFailure {
    /// The worker's number in its pool, from 0.
    pub worker: u32,
    /// The program that was to be started.
    pub program: PathBuf,
    /// Its process id, when it came as far as that.
    pub pid: Option<u32>,
    /// What went wrong.
    pub kind: StartFailureKind,
    /// The end of what it wrote to its standard output and error.
    pub output: String,
}

/// What went wrong at a worker's start.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartFailureKind {
    /// The program could not be started at all.
    Spawn(std::io::Error),
    /// It ended before it said that it was ready.
    Ended(Exit),
    /// It said nothing within the start-up deadline and was killed.
    Silent(Duration),
    /// It closed its standard input, over which it should have answered, and lived on; it was killed.
    HungUp,
    /// It answered something else than a worker does, or speaks another protocol version.
    Handshake(HandshakeError),
    /// It serves another type of job.
    WrongJob {
        /// What this pool sends.
        expected: String,
        /// What the worker serves.
        serves: String,
    },
    /// Its initialiser failed, with this message.
    Initialiser(String),
    /// It could not use the descriptors that it was given.
    Unusable(String),
    /// The link to it could not be made.
    Link(LinkError),
    /// The memory shared with it could not be made.
    Memory(MemoryError),
    /// The shared heap could not be created.
    SharedHeap(SharedHeapError),
    /// The control socket failed.
    Control(ControlError),
    /// It could not be kept to its memory limit.
    MemoryLimit(std::io::Error),
    /// The pool was closed meanwhile.
    GivenUp,
}

impl StartFailure {
    /// What another try may bring.
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
    /// What the system said, when it refused something.
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

/// Whether this program has as many files open as it may.
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
            StartFailureKind::Unusable(message) => write!(formatter, " could not use its gifts: {message}"),
            StartFailureKind::Link(error) => write!(formatter, " could not be linked: {error}"),
            StartFailureKind::Memory(error) => write!(formatter, " could not be given memory: {error}"),
            StartFailureKind::SharedHeap(error) => {
                write!(formatter, " could not be given the shared heap: {error}")
            }
            StartFailureKind::Control(error) => write!(formatter, " could not be reached: {error}"),
            StartFailureKind::MemoryLimit(error) => {
                write!(formatter, " could not be kept to its memory limit: {error}")
            }
            StartFailureKind::GivenUp => formatter.write_str(" was given up, because the pool was closed"),
        }?;
        if self.kind.system_error().is_some_and(is_about_open_files) {
            formatter
                .write_str("; a worker takes about ten of the open files that are allowed (ulimit -n)")?;
        }
        last_words(formatter, &self.output)
    }
}

fn last_words(formatter: &mut fmt::Formatter<'_>, output: &str) -> fmt::Result {
    let output = output.trim_end();
    if output.is_empty() {
        return Ok(());
    }
    formatter.write_str("; it last wrote:")?;
    output
        .lines()
        .try_for_each(|line| write!(formatter, "\n  | {line}"))
}

/// What ended a worker, shared by all whom it concerns.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Cause {
    /// It died.
    Died(Arc<Death>),
    /// It did not start.
    NotStarted(Arc<StartFailure>),
}

impl fmt::Display for Cause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Died(death) => death.fmt(formatter),
            Self::NotStarted(failure) => failure.fmt(formatter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_death_tells_who_how_and_its_last_words() {
        let death = Death {
            worker: 1,
            pid: 4711,
            exit: Exit::Signal {
                number: 11,
                core_dumped: false,
            },
            reason: None,
            output: "one\ntwo\n".into(),
            captured: None,
        };
        assert_eq!(
            death.to_string(),
            "worker 1 (pid 4711) was killed by signal 11 (SIGSEGV); it last wrote:\n  | one\n  | two"
        );
    }

    #[test]
    fn a_memory_limit_is_told_in_units_for_people() {
        let reason = EndReason::Memory {
            used: (512 << 20) + (300 << 10),
            limit: 512 << 20,
        };
        assert_eq!(
            reason.to_string(),
            "it used 512.2 MiB of memory, the limit being 512 MiB"
        );
        assert_eq!(Size(1000).to_string(), "1000 bytes");
        assert_eq!(Size(3 << 30).to_string(), "3 GiB");
    }

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
    fn a_lack_of_descriptors_is_a_shortage_wherever_it_shows_and_says_the_way_out() {
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
