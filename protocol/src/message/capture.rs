//! Marks in a worker's standard output and error, which divide what one job has written from what the next one has.
//!
//! The worker writes a mark into each of the two pipes at the end of each job, before it publishes the result. Pipes keep
//! the order, so that all before a mark, back to the mark before it, is that job's; and what is behind the last one is of
//! the job that was running when the worker died. A mark begins with a secret of this worker's, so that no job writes one
//! by chance.

/// What a mark begins with.
pub type Secret = [u8; 16];

/// The length of a mark.
pub const MARK_BYTES: usize = 24;

/// The position of the mark that ends what was written before the first job.
pub const BEFORE_JOBS: u64 = u64::MAX;

/// The mark at the end of the job at `position`.
pub fn mark(secret: Secret, position: u64) -> [u8; MARK_BYTES] {
    let mut mark = [0; MARK_BYTES];
    mark[..16].copy_from_slice(&secret);
    mark[16..].copy_from_slice(&position.to_le_bytes());
    mark
}
