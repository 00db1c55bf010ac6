//! Results of consecutive jobs, kept together as the worker published them.
//!
//! A thousand tiny results stay one piece of memory from the harvest to the caller, who sees them one by one. The type
//! knows neither positions in a worker nor places in a stream.

use std::ops::Range;

use protocol::{Job, board::ring};

use super::{Outcome, Seen};
use crate::JobError;

/// Results of some consecutive jobs.
///
/// `R` says where their records lie: in memory of their own ([`Records`]), or in the buffer of a harvest
/// (`Range<usize>`), from which [`Results::take_first`] copies them once their receiver is known.
#[derive(Debug)]
pub(crate) struct Results<R = Records> {
    kind: Kind<R>,
    /// How many have not been seen yet.
    left: u32,
    /// The memory that they held at first, beside a harvest's buffer.
    bytes: usize,
}

#[derive(Debug)]
enum Kind<R> {
    /// Records as they lay in the ring.
    Records(R),
    /// A single outcome.
    One(Outcome),
    /// All of them failed for the same reason.
    Failed(Box<JobError>),
}

/// Records in memory of their own.
#[derive(Debug)]
pub(crate) struct Records {
    bytes: Vec<u8>,
    /// Where the first begins that has not been seen yet.
    start: usize,
}

impl<R> Results<R> {
    pub(crate) fn one(outcome: Outcome) -> Self {
        let spilled = outcome.spilled_bytes();
        Self::new(Kind::One(outcome), 1, spilled)
    }

    pub(crate) fn failed(error: JobError, count: u32) -> Self {
        Self::new(Kind::Failed(Box::new(error)), count, 0)
    }

    fn new(kind: Kind<R>, left: u32, beside: usize) -> Self {
        Self {
            kind,
            left,
            bytes: size_of::<Self>() + beside,
        }
    }

    /// How many have not been seen yet.
    pub(crate) fn left(&self) -> u32 {
        self.left
    }
}

/// Results whose records lie in the buffer of a harvest. The buffer is an argument, always the same one.
impl Results<Range<usize>> {
    /// The result of one job, whose record is in this range of the buffer. It is not a large one.
    pub(crate) fn in_buffer(record: Range<usize>) -> Self {
        Self::new(Kind::Records(record), 1, 0)
    }

    /// Adds the result whose record follows in the buffer, up to `end`. Returns `false` if it cannot join these.
    pub(crate) fn try_extend(&mut self, end: usize) -> bool {
        match &mut self.kind {
            Kind::Records(range) if self.left < u32::MAX => {
                range.end = end;
                self.left += 1;
                true
            }
            _ => false,
        }
    }

    /// Takes the first `count` results away.
    ///
    /// # Panics
    /// If fewer are left.
    pub(crate) fn take_first(&mut self, count: u32, buffer: &[u8]) -> Results {
        let is_all = count == self.left;
        self.left = self.left.checked_sub(count).expect("so many are left");
        if let Kind::Records(range) = &mut self.kind {
            let start = range.start;
            range.start = if is_all {
                range.end
            } else {
                start + ring::bytes_of(&buffer[range.clone()], count)
            };
            return Results::of_records(&buffer[start..range.start], count);
        }
        match std::mem::replace(&mut self.kind, Kind::Records(0..0)) {
            Kind::One(outcome) => Results::one(outcome),
            Kind::Failed(error) => Results::failed(*error, count),
            Kind::Records(_) => unreachable!("records are taken above"),
        }
    }

    /// How many of them are failures, by the pool's rules or by `of_output`.
    pub(crate) fn failures(&self, buffer: &[u8], of_output: fn(&[u8]) -> bool) -> u32 {
        let source = match &self.kind {
            Kind::Records(range) => Source::Records(&buffer[range.clone()]),
            Kind::One(outcome) => Source::Same(outcome.seen()),
            Kind::Failed(error) => Source::Same(Seen::Failed(error)),
        };
        let all = Rest {
            source,
            left: self.left,
        };
        all.filter(|seen| seen.is_failure(of_output)).count() as u32
    }
}

impl Results {
    /// The results of `count` jobs from their records, which were checked before and are no large ones.
    pub(crate) fn of_records(records: &[u8], count: u32) -> Self {
        if count == 1 {
            let (status, body, _) = ring::split_first(records);
            return Self::one(Outcome::copied(status, body));
        }
        let bytes = records.to_vec();
        let capacity = bytes.capacity();
        Self::new(Kind::Records(Records { bytes, start: 0 }), count, capacity)
    }

    /// The memory that they held at first, roughly.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Decodes the next result; the memory of a large one goes to its output.
    ///
    /// # Panics
    /// If all have been seen.
    #[inline]
    pub(crate) fn decode_next<J: Job>(&mut self) -> Result<J::Output, JobError> {
        self.left = self.left.checked_sub(1).expect("one is left");
        match &mut self.kind {
            Kind::Records(Records { bytes, start }) => {
                let (status, body, rest) = ring::split_first(&bytes[*start..]);
                *start = bytes.len() - rest.len();
                Seen::Published(status, body).decode::<J>()
            }
            other => other.decode_same::<J>(),
        }
    }

    /// Makes the encodings whole, for callers that decode them by themselves.
    pub(crate) fn flatten<J: Job>(&mut self, limit: u64) {
        if let Kind::One(outcome) = &mut self.kind {
            outcome.flatten::<J>(limit);
        }
    }

    /// Returns all that are left and counts them as seen.
    pub(crate) fn see_rest(&mut self) -> Rest<'_> {
        let left = std::mem::take(&mut self.left);
        Rest {
            source: self.kind.seen(),
            left,
        }
    }

    /// Passes each of them on.
    pub(crate) fn for_each(mut self, mut give: impl FnMut(Outcome)) {
        if let Kind::One(outcome) = self.kind {
            return (0..self.left)
                .zip([outcome])
                .for_each(|(_, outcome)| give(outcome));
        }
        self.see_rest().for_each(|seen| give(seen.to_outcome()));
    }
}

impl Kind<Records> {
    /// Decodes one of several equal results. The memory of a large one goes to its output: there is only one.
    #[cold]
    fn decode_same<J: Job>(&mut self) -> Result<J::Output, JobError> {
        match self {
            Self::One(Outcome::Large(payload)) => Outcome::Large(std::mem::take(payload)).decode::<J>(),
            Self::One(outcome) => outcome.seen().decode::<J>(),
            Self::Failed(error) => Err(JobError::clone(error)),
            Self::Records(..) => unreachable!("records differ"),
        }
    }

    fn seen(&self) -> Source<'_> {
        match self {
            Self::Records(Records { bytes, start }) => Source::Records(&bytes[*start..]),
            Self::One(outcome) => Source::Same(outcome.seen()),
            Self::Failed(error) => Source::Same(Seen::Failed(error)),
        }
    }
}

/// An iterator over borrowed results.
#[derive(Debug, Clone)]
pub(crate) struct Rest<'a> {
    source: Source<'a>,
    left: u32,
}

#[derive(Debug, Clone)]
enum Source<'a> {
    Records(&'a [u8]),
    /// Each is this.
    Same(Seen<'a>),
}

impl Rest<'_> {
    /// An upper bound of the outputs' size in bytes, all together.
    pub(crate) fn bytes(&self) -> usize {
        match &self.source {
            Source::Records(records) => records.len(),
            Source::Same(Seen::Published(_, bytes)) => bytes.len(),
            Source::Same(Seen::Large(payload)) => payload.encoding.len(),
            Source::Same(Seen::Failed(_)) => 0,
        }
    }
}

impl<'a> Iterator for Rest<'a> {
    type Item = Seen<'a>;

    #[inline]
    fn next(&mut self) -> Option<Seen<'a>> {
        self.left = self.left.checked_sub(1)?;
        Some(match &mut self.source {
            Source::Records(records) => {
                let (status, body, rest) = ring::split_first(records);
                *records = rest;
                Seen::Published(status, body)
            }
            Source::Same(seen) => *seen,
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left as usize, Some(self.left as usize))
    }
}

impl ExactSizeIterator for Rest<'_> {}

#[cfg(test)]
mod tests {
    use protocol::{
        Status,
        board::{
            Board,
            ring::{RingReader, RingWriter},
        },
    };

    use super::*;

    /// The records of these results, published at the positions from 3 on.
    fn records(results: &[(Status, &[u8])]) -> Vec<u8> {
        let board = Board::create().unwrap();
        let (mut writer, mut reader) = (RingWriter::new(), RingReader::new());
        for (position, (status, bytes)) in (3..).zip(results) {
            writer.publish(&board, position, *status, bytes, &mut || ());
        }
        let mut buffer = Vec::new();
        reader.harvest(&board, &mut buffer).unwrap();
        buffer
    }

    #[derive(Debug, serde::Serialize, serde::Deserialize)]
    struct Number;

    impl Job for Number {
        type Output = u8;
        const NAME: &'static str = "number";
    }

    #[test]
    fn records_are_seen_one_after_the_other() {
        let published: [(Status, &[u8]); 3] = [
            (Status::Output, &[7]),
            (Status::Fault, b"long enough to need padding"),
            (Status::Output, b""),
        ];
        let seen = |results: &mut Results| -> Vec<(Status, Vec<u8>)> {
            let rest = results.see_rest().map(|seen| match seen {
                Seen::Published(status, bytes) => (status, bytes.to_vec()),
                other => panic!("{other:?}"),
            });
            rest.collect()
        };
        let expected = published.map(|(status, bytes)| (status, bytes.to_vec()));
        let mut results = Results::of_records(&records(&published), 3);
        assert_eq!(seen(&mut results), expected);
        assert_eq!((results.left(), seen(&mut results)), (0, vec![]));
        let mut results = Results::of_records(&records(&published), 3);
        assert_eq!(results.decode_next::<Number>().unwrap(), 7);
        assert_eq!((results.left(), seen(&mut results)), (2, expected[1..].to_vec()));
    }

    #[test]
    fn each_kind_gives_as_many_as_it_says() {
        let published: [(Status, &[u8]); 2] = [(Status::Output, b"a"), (Status::Output, b"b")];
        for results in [
            Results::of_records(&records(&published), 2),
            Results::of_records(&records(&published[..1]), 1),
            Results::one(Outcome::copied(Status::Output, b"x")),
            Results::failed(JobError::Cancelled, 5),
        ] {
            let (left, mut given) = (results.left(), 0);
            results.for_each(|_| given += 1);
            assert_eq!(given, left);
        }
    }
}
