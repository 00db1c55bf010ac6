//! [`Captured`]: what a job wrote to its standard output and error, split from a worker's streams at delimiters.

use std::{collections::VecDeque, ops::Range};

use memchr::memmem;
use protocol::message::capture::{BEFORE_JOBS, DELIMITER_BYTES, Secret};

/// At most this much is kept for all ended jobs of one worker whose output was not yet taken.
const KEPT_BYTES: usize = 4 << 20;

/// Output is kept for at most this many jobs of one worker: no more results fit its ring.
const KEPT_JOBS: usize = 32 * 1024;

/// What one job wrote, returned by [`JobHandle::wait_captured`](crate::JobHandle::wait_captured) if
/// [`Builder::capture_output`](crate::Builder::capture_output) is set.
///
/// ```
/// let captured = pool::Captured::default();
/// assert!(captured.stdout.is_empty() && captured.dropped == 0);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Captured {
    /// The bytes written to standard output.
    pub stdout: Vec<u8>,
    /// The bytes written to standard error.
    pub stderr: Vec<u8>,
    /// How many bytes beyond the limit, of both streams, were dropped.
    pub dropped: u64,
}

/// What one job has written to one stream.
#[derive(Debug, Default)]
pub(crate) struct Written {
    pub(crate) bytes: Vec<u8>,
    pub(crate) dropped: u64,
}

impl Written {
    fn push(&mut self, bytes: &[u8], limit: usize) {
        let kept = bytes.len().min(limit.saturating_sub(self.bytes.len()));
        self.bytes.extend_from_slice(&bytes[..kept]);
        self.dropped += (bytes.len() - kept) as u64;
    }
}

impl Captured {
    pub(crate) fn of(stdout: Written, stderr: Written) -> Self {
        Self {
            stdout: stdout.bytes,
            stderr: stderr.bytes,
            dropped: stdout.dropped + stderr.dropped,
        }
    }
}

/// Divides one stream of a worker at its delimiters.
#[derive(Debug)]
pub(crate) struct Splitter {
    secret: Secret,
    limit: usize,
    /// The end of what has come, which may be the beginning of a delimiter.
    pending: Vec<u8>,
    current: Written,
    ended: VecDeque<(u64, Written)>,
    kept: usize,
}

impl Splitter {
    /// `limit` is what is kept of each job, in bytes.
    pub(crate) fn new(secret: Secret, limit: usize) -> Self {
        Self {
            secret,
            limit,
            pending: Vec::new(),
            current: Written::default(),
            ended: VecDeque::new(),
            kept: 0,
        }
    }

    /// Adds bytes that were read; passes them to `show` without the delimiters.
    pub(crate) fn push(&mut self, bytes: &[u8], mut show: impl FnMut(&[u8])) {
        let mut text = std::mem::take(&mut self.pending);
        text.extend_from_slice(bytes);
        let mut rest = &text[..];
        while let Some(start) = memmem::find(rest, &self.secret) {
            let Some((delimiter, behind)) = rest[start..].split_first_chunk::<DELIMITER_BYTES>() else {
                break;
            };
            show(&rest[..start]);
            self.current.push(&rest[..start], self.limit);
            let [.., p0, p1, p2, p3, p4, p5, p6, p7] = *delimiter;
            self.end_job(u64::from_le_bytes([p0, p1, p2, p3, p4, p5, p6, p7]));
            rest = behind;
        }
        let sure = rest.len() - self.beginning_of_delimiter(rest);
        show(&rest[..sure]);
        self.current.push(&rest[..sure], self.limit);
        self.pending = rest[sure..].to_vec();
    }

    /// How many bytes at the end may belong to a delimiter that has not come whole.
    fn beginning_of_delimiter(&self, text: &[u8]) -> usize {
        if let Some(start) = memmem::find(text, &self.secret) {
            return text.len() - start;
        }
        let longest = text.len().min(self.secret.len() - 1);
        let is_beginning = |length: &usize| text.ends_with(&self.secret[..*length]);
        (1..=longest).rev().find(is_beginning).unwrap_or(0)
    }

    fn end_job(&mut self, position: u64) {
        let mut written = std::mem::take(&mut self.current);
        if position == BEFORE_JOBS {
            return;
        }
        if self.kept + written.bytes.len() > KEPT_BYTES {
            written.dropped += written.bytes.len() as u64;
            written.bytes = Vec::new();
        }
        if self.ended.len() == KEPT_JOBS
            && let Some((_, oldest)) = self.ended.pop_front()
        {
            self.kept -= oldest.bytes.len();
        }
        self.kept += written.bytes.len();
        self.ended.push_back((position, written));
    }

    /// What the jobs at these positions have written. Those before are no longer asked about.
    pub(crate) fn take(&mut self, positions: &Range<u64>) -> Vec<(u64, Written)> {
        let mut taken = Vec::new();
        while let Some((position, written)) =
            self.ended.pop_front_if(|(position, _)| *position < positions.end)
        {
            self.kept -= written.bytes.len();
            if position >= positions.start {
                taken.push((position, written));
            }
        }
        taken
    }

    /// What has been written since the last delimiter.
    pub(crate) fn take_rest(&mut self) -> Written {
        let pending = std::mem::take(&mut self.pending);
        self.current.push(&pending, self.limit);
        std::mem::take(&mut self.current)
    }
}

#[cfg(test)]
mod tests {
    use protocol::message::capture::delimiter;

    use super::*;

    const SECRET: Secret = *b"0123456789abcdef";

    fn stream() -> Vec<u8> {
        let parts: [&[u8]; 8] = [
            b"at the start",
            &delimiter(SECRET, BEFORE_JOBS),
            b"one",
            &delimiter(SECRET, 0),
            &delimiter(SECRET, 1),
            b"0123456789abcde is no delimiter",
            &delimiter(SECRET, 2),
            b"the last 0123",
        ];
        parts.concat()
    }

    #[test]
    fn each_job_gets_its_own_bytes_however_they_are_cut() {
        let stream = stream();
        for first in 0..=stream.len() {
            let mut splitter = Splitter::new(SECRET, 100);
            let mut shown = Vec::new();
            for part in [&stream[..first], &stream[first..]] {
                splitter.push(part, |text| shown.extend_from_slice(text));
            }
            let taken = splitter.take(&(0..10));
            let texts: Vec<_> = taken.iter().map(|(at, written)| (*at, &*written.bytes)).collect();
            let expected: [(u64, &[u8]); 3] =
                [(0, b"one"), (1, b""), (2, b"0123456789abcde is no delimiter")];
            assert_eq!(texts, expected);
            assert_eq!(splitter.take_rest().bytes, b"the last 0123");
            assert!(shown.starts_with(b"at the startone0123456789abcde is no delimiter"));
        }
    }

    #[test]
    fn what_is_past_the_limit_is_counted() {
        let mut splitter = Splitter::new(SECRET, 3);
        splitter.push(b"12345", |_| ());
        splitter.push(&delimiter(SECRET, 4), |_| ());
        let taken = splitter.take(&(4..5));
        assert_eq!((&*taken[0].1.bytes, taken[0].1.dropped), (&b"123"[..], 2));
    }

    #[test]
    fn memory_stays_bounded_whatever_a_worker_writes() {
        let mut splitter = Splitter::new(SECRET, usize::MAX);
        for position in 0..100 {
            splitter.push(&vec![0; 100_000], |_| ());
            splitter.push(&delimiter(SECRET, position), |_| ());
        }
        assert!(splitter.kept <= KEPT_BYTES);
        splitter.take(&(99..100));
        assert_eq!(splitter.kept, 0);
        // A position that no job has keeps those behind it from being asked about.
        for _ in 0..2 * KEPT_JOBS {
            splitter.push(&delimiter(SECRET, u64::MAX - 1), |_| ());
        }
        assert_eq!(splitter.ended.len(), KEPT_JOBS);
    }
}
