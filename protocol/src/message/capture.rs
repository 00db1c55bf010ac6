//! Delimiters in a worker's standard output and error, between what one job has written and what the next one has.
//!
//! The worker writes a delimiter into each of the two pipes at the end of each job, before it publishes the result. Pipes keep
//! the order, so everything between two delimiters belongs to the job of the second one, and what follows the last one belongs to
//! the job that was running when the worker died. A delimiter begins with a secret of its worker, so that no job writes one
//! by chance.
//!
//! Owns the delimiter's bytes. Writing and finding them is for the crates `worker` and `pool`.

/// The beginning of a delimiter.
pub type Secret = [u8; 16];

/// The length of a delimiter.
pub const DELIMITER_BYTES: usize = 24;

/// The position in the delimiter that ends what was written before the first job.
pub const BEFORE_JOBS: u64 = u64::MAX;

/// Returns the delimiter at the end of the job at `position`.
pub fn delimiter(secret: Secret, position: u64) -> [u8; DELIMITER_BYTES] {
    let mut delimiter = [0; DELIMITER_BYTES];
    delimiter[..16].copy_from_slice(&secret);
    delimiter[16..].copy_from_slice(&position.to_le_bytes());
    delimiter
}
