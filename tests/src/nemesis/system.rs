//! What the process and the system hold: children, descriptors, threads and limits.

use std::{
    fmt, fs,
    io::{self, Write},
    path::Path,
};

use rustix::process::{Resource, Rlimit};

/// The descriptors left in a shortage: enough to read `/proc`, too few to start a worker.
const LEFT: u64 = 5;

/// What a process holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Holdings {
    pub(crate) descriptors: usize,
    pub(crate) threads: usize,
}

impl Holdings {
    pub(crate) fn now() -> Self {
        let count = |folder: &str| fs::read_dir(folder).map_or(0, Iterator::count);
        Self {
            descriptors: count("/proc/self/fd"),
            threads: count("/proc/self/task"),
        }
    }
}

/// Leaves hardly any free descriptors in this process; open ones stay.
pub(crate) fn limit_descriptors() {
    let highest = fs::read_dir("/proc/self/fd").map_or(0, |entries| {
        let numbers = entries
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        numbers.max().unwrap_or(0_u64)
    });
    set_limit(Some(highest + LEFT));
}

/// Ends that.
pub(crate) fn lift_descriptor_limit() {
    set_limit(rustix::process::getrlimit(Resource::Nofile).maximum);
}

fn set_limit(current: Option<u64>) {
    let maximum = rustix::process::getrlimit(Resource::Nofile).maximum;
    let limited = rustix::process::setrlimit(Resource::Nofile, Rlimit { current, maximum });
    if let Err(errno) = limited {
        say(format_args!(
            "the limit of descriptors cannot be changed: {errno}"
        ));
    }
}

/// The children of this process, those among them that have died and were not reaped.
pub(crate) fn children() -> Vec<u32> {
    let Ok(tasks) = fs::read_dir("/proc/self/task") else {
        return Vec::new();
    };
    let lists = tasks
        .flatten()
        .filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    let pids = lists.flat_map(|list| {
        let pids = list.split_whitespace().filter_map(|pid| pid.parse().ok());
        pids.collect::<Vec<u32>>()
    });
    pids.collect()
}

/// Whether a process has died and was not reaped.
pub(crate) fn has_died(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')')
        .next()
        .is_some_and(|rest| rest.trim_start().starts_with(['Z', 'X']))
}

/// How many processes have one of these tags among their arguments.
pub(crate) fn tagged(tags: &[String]) -> usize {
    let Ok(processes) = fs::read_dir("/proc") else {
        return 0;
    };
    let is_tagged = |path: &Path| {
        let line = fs::read(path.join("cmdline")).unwrap_or_default();
        let mut arguments = line.split(|byte| *byte == 0);
        arguments.any(|argument| tags.iter().any(|tag| tag.as_bytes() == argument))
    };
    processes
        .flatten()
        .filter(|process| is_tagged(&process.path()))
        .count()
}

/// Prints a message on standard error.
pub(crate) fn say(what: impl fmt::Display) {
    // Standard error may be closed.
    let _told = writeln!(io::stderr(), "nemesis: {what}");
}

/// Prints the last line.
pub(crate) fn print(line: &str) {
    let _printed = writeln!(io::stdout(), "{line}");
}
