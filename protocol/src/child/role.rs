//! As what a process was started, by its first argument.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::{OsStrExt, OsStringExt},
};

use crate::{PROCESS_ARGUMENT, WORKER_ARGUMENT};

/// As what a process was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// As a worker of a pool, for jobs of this name.
    WorkerFor(OsString),
    /// As a child with a function to run, under this name.
    Process(OsString),
    /// As anything else.
    ByHand,
}

impl Role {
    /// As what this process was started.
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
    fn only_the_first_argument_gives_a_role() {
        let read = |argument: &str| Role::read(Some(OsStr::new(argument)));
        assert_eq!(read("--pool-worker=eval"), Role::WorkerFor("eval".into()));
        assert_eq!(read("--pool-worker="), Role::WorkerFor("".into()));
        assert_eq!(read("--pool-process=son1"), Role::Process("son1".into()));
        assert_eq!(read("--pool-worker"), Role::ByHand);
        assert_eq!(read("eval"), Role::ByHand);
        assert_eq!(Role::read(None), Role::ByHand);
    }
}
