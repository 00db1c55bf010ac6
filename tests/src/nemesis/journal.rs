//! The starts of each job, counted by the workers in memory that they share with the nemesis.
//!
//! A count in shared memory survives the death of its writer and costs a job nothing. The pool does not know of it.

use std::{
    fs::File,
    os::fd::{AsRawFd, OwnedFd},
    sync::atomic::Ordering,
};

use protocol::SharedMemory;

const WORD_BYTES: usize = 8;

/// A counter for each job.
#[derive(Debug)]
pub struct Journal {
    memory: SharedMemory,
    jobs: u64,
}

impl Journal {
    /// A journal of no starts.
    ///
    /// # Panics
    /// When there is no memory for it.
    pub fn create(jobs: u64) -> Self {
        let memory = SharedMemory::create("nemesis-journal", bytes(jobs)).expect("memory to share");
        Self { memory, jobs }
    }

    /// The path at which another process opens it.
    pub fn place(&self) -> (String, u64) {
        let descriptor = self.memory.descriptor().as_raw_fd();
        (format!("/proc/{}/fd/{descriptor}", std::process::id()), self.jobs)
    }

    /// Opens the journal of another process.
    ///
    /// # Errors
    /// Why it cannot be opened.
    pub fn open((path, jobs): &(String, u64)) -> Result<Self, String> {
        let file = File::options().read(true).write(true).open(path);
        let file = file.map_err(|error| format!("{path}: {error}"))?;
        let memory = SharedMemory::from_descriptor(OwnedFd::from(file), bytes(*jobs));
        Ok(Self {
            memory: memory.map_err(|error| error.to_string())?,
            jobs: *jobs,
        })
    }

    /// Counts a start.
    pub fn count_start(&self, number: u64) {
        self.memory
            .word(number as usize * WORD_BYTES)
            .fetch_add(1, Ordering::Relaxed);
    }

    /// How often a job was started.
    pub fn starts(&self, number: u64) -> u64 {
        self.memory
            .word(number as usize * WORD_BYTES)
            .load(Ordering::Relaxed)
    }
}

fn bytes(jobs: u64) -> usize {
    (jobs as usize * WORD_BYTES).max(WORD_BYTES)
}
