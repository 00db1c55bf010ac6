//! How a process ended: its exit code, or the signal that ended it.

use std::fmt;

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exit {
    /// The process exited with this code.
    Code(i32),
    /// A signal ended the process.
    Signal {
        /// The signal's number.
        number: i32,
        /// Whether the system wrote a core file.
        core_dumped: bool,
    },
    /// The process ended and its status is lost: another part of this program reaped it, or SIGCHLD is ignored.
    Unknown,
    /// The process may not have ended: the system refused to kill it (with this error number), and it did not end when
    /// it was cut off from its parent. It gets no more jobs.
    NotKilled(i32),
}

impl Exit {
    /// Returns the number of the signal that ended the process, if one did.
    pub fn signal(self) -> Option<i32> {
        match self {
            Self::Signal { number, .. } => Some(number),
            _ => None,
        }
    }

    /// Returns the exit code, if the process exited by itself.
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
            Self::NotKilled(errno) => write!(
                formatter,
                "could not be killed ({}) and was given up",
                std::io::Error::from_raw_os_error(errno)
            ),
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
