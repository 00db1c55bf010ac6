//! The death of a worker, and why a pool ends one.

use std::{fmt, time::Duration};

use super::exit::Exit;
use crate::captured::Captured;

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
    /// Why the pool ended it; `None` if it ended by itself.
    pub reason: Option<EndReason>,
    /// The end of its standard output and error; of a long backtrace also the lines before it.
    pub output: String,
    /// What the running job had written, if the pool
    /// [captures output](crate::Builder::capture_output).
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
        super::write_last_output(formatter, &self.output)
    }
}

/// Why a pool ended one of its workers.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndReason {
    /// A job on this worker ran past its deadline.
    Deadline,
    /// A job running on this worker was cancelled.
    Cancelled,
    /// Too many jobs had failed, and the pool's policy is to halt [`Now`](crate::policy::Urgency::Now).
    Halted,
    /// The pool was closed, killed or dropped.
    Closed,
    /// A successor replaced the healthy worker: see [`Builder::recycle_after`](crate::Builder::recycle_after).
    Recycled,
    /// The worker used more memory than
    /// [`Builder::memory_max`](crate::Builder::memory_max) allows.
    Memory {
        /// The memory that it used, in bytes.
        used: u64,
        /// The limit, in bytes.
        limit: u64,
    },
    /// The system refused an allocation past the memory limit, and the worker ended by itself.
    AllocationRefused {
        /// The limit, in bytes.
        limit: u64,
    },
    /// The worker took no job, or did not end when asked to, for this long.
    Unresponsive(Duration),
    /// The worker broke the protocol, or its link failed.
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
            Self::Unresponsive(after) => write!(formatter, "it did not react for {after:?}"),
            Self::Protocol(what) => formatter.write_str(what),
        }
    }
}

/// A number of bytes, shown with a unit.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_death_shows_the_worker_its_exit_and_its_last_output() {
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
    fn memory_sizes_are_shown_with_units() {
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
}
