//! What a process was started as, by its first argument.
//!
//! Owns the reading of that argument. What a process with a role does is not decided here.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::{OsStrExt, OsStringExt},
};

use crate::{PROCESS_ARGUMENT, WORKER_ARGUMENT};

/// What a process was started as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// A worker of a pool, for jobs of this name.
    WorkerFor(OsString),
    /// A child with a function to run, under this name.
    Process(OsString),
    /// Anything else.
    ByHand,
}

impl Role {
    /// Returns what this process was started as.
    pub fn of_this_process() -> Self {
        Self::read(std::env::args_os().nth(1).as_deref())
    }

    fn read(argument: Option<&OsStr>) -> Self {
        let after = |prefix: &str| {
            let name = argument?.as_bytes().strip_prefix(prefix.as_bytes())?;
            Some(OsString::from_vec(name.to_vec()))
        };
        let worker = after(WORKER_ARGUMENT).map(Self::WorkerFor);
        let process = || after(PROCESS_ARGUMENT).map(Self::Process);
        worker.or_else(process).unwrap_or(Self::ByHand)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_argument_determines_the_role() {
        let read = |argument: &str| Role::read(Some(OsStr::new(argument)));
        assert_eq!(read("--pool-worker=eval"), Role::WorkerFor("eval".into()));
        assert_eq!(read("--pool-worker="), Role::WorkerFor("".into()));
        assert_eq!(read("--pool-process=son1"), Role::Process("son1".into()));
        assert_eq!(read("--pool-worker"), Role::ByHand);
        assert_eq!(read("eval"), Role::ByHand);
        assert_eq!(Role::read(None), Role::ByHand);
    }
}
