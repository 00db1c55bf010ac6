//! How much memory a worker may use, and how much it uses.
//!
//! Two mechanisms keep a worker under its limit. The watch thread reads its anonymous memory (heap and stacks;
//! neither the program's text nor memory shared with the pool) every few milliseconds while it has jobs. And the
//! kernel refuses it more private memory than the limit and some slack (`RLIMIT_DATA`), so that no sudden allocation
//! gets past between two looks. Unlike control groups, that works without privileges and in every container.

use std::{fs::File, os::unix::fs::FileExt};

use rustix::process::{Pid, Resource, Rlimit};

/// The memory limits of a worker, in bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct MemoryLimits {
    /// A worker above this limit is killed.
    pub(crate) max: Option<u64>,
    /// A worker above this limit is replaced between two jobs.
    pub(crate) recycle: Option<u64>,
}

/// The kernel counts private memory when it is reserved, not when it is used, and stacks and the allocator's arenas
/// are reserved generously.
const RESERVED_BYTES: u64 = 64 << 20;
const RESERVED_BYTES_PER_LANE: u64 = 16 << 20;

impl MemoryLimits {
    /// Whether the memory of workers must be observed.
    pub(crate) fn any(&self) -> bool {
        self.max.is_some() || self.recycle.is_some()
    }

    /// Makes the kernel refuse what would go far past the limit. The process must not have been reaped.
    pub(crate) fn enforce(&self, pid: u32, lanes: u16) -> rustix::io::Result<()> {
        let Some(max) = self.max else { return Ok(()) };
        let room = RESERVED_BYTES + RESERVED_BYTES_PER_LANE * u64::from(lanes);
        let inherited = rustix::process::getrlimit(Resource::Data);
        let limit = inherited
            .maximum
            .unwrap_or(u64::MAX)
            .min(max.saturating_add(room));
        let limit = Rlimit {
            current: Some(limit),
            maximum: Some(limit),
        };
        rustix::process::prlimit(Pid::from_raw(pid.cast_signed()), Resource::Data, limit).map(drop)
    }
}

/// Measures the memory of one process.
#[derive(Debug)]
pub(crate) struct Gauge {
    statm: File,
}

impl Gauge {
    /// A gauge for a process that has not been reaped.
    pub(crate) fn new(pid: u32) -> std::io::Result<Self> {
        File::open(format!("/proc/{pid}/statm")).map(|statm| Self { statm })
    }

    /// The process's anonymous memory in bytes; `None` after its end.
    pub(crate) fn used(&self) -> Option<u64> {
        let mut buffer = [0; 128];
        let length = self.statm.read_at(&mut buffer, 0).ok()?;
        let text = std::str::from_utf8(&buffer[..length]).ok()?;
        let pages = anonymous_pages(text)?;
        (pages > 0).then(|| pages * rustix::param::page_size() as u64)
    }
}

/// All resident pages except those of files and of shared memory.
fn anonymous_pages(statm: &str) -> Option<u64> {
    let mut fields = statm.split_ascii_whitespace().skip(1);
    let resident: u64 = fields.next()?.parse().ok()?;
    let shared: u64 = fields.next()?.parse().ok()?;
    Some(resident.saturating_sub(shared))
}

/// Whether the end of a process's output shows a refused allocation: Rust's allocation failure, or the C++ exception.
pub(crate) fn is_allocation_failure(output: &str) -> bool {
    let of_rust = output.contains("memory allocation of ") && output.contains(" bytes failed");
    of_rust || output.contains("std::bad_alloc")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anonymous_memory_is_what_is_neither_a_file_nor_shared() {
        assert_eq!(anonymous_pages("1000 300 120 5 0 400 0\n"), Some(180));
        assert_eq!(anonymous_pages("0 0 0 0 0 0 0\n"), Some(0));
        assert_eq!(anonymous_pages(""), None);
    }

    #[test]
    fn the_gauge_sees_what_is_allocated() {
        const BYTES: usize = 64 << 20;
        let gauge = Gauge::new(std::process::id()).unwrap();
        let before = gauge.used().unwrap();
        let memory = std::hint::black_box(vec![1_u8; BYTES]);
        let after = gauge.used().unwrap();
        assert!(after >= before + BYTES as u64 / 2, "{before} and then {after}");
        drop(memory);
    }

    #[test]
    fn allocation_failures_are_recognised_in_the_output() {
        assert!(is_allocation_failure(
            "memory allocation of 4294967296 bytes failed\n"
        ));
        assert!(!is_allocation_failure("allocation of a memory failed"));
    }
}
