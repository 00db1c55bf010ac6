//! Results of consecutive jobs, together as they came.
//!
//! A thousand tiny results that a worker published one after the other stay one piece of memory until somebody wants to
//! see them one by one. Neither positions nor places in a stream are known here.

use protocol::{Job, board::ring};

use super::{Outcome, Seen};
use crate::JobError;

/// Results of some consecutive jobs.
#[derive(Debug)]
pub(crate) struct Results {
    kind: Kind,
    /// How many have not been seen yet.
    left: u32,
    /// The memory that they held when they came.
    bytes: usize,
}

#[derive(Debug)]
enum Kind {
    /// Records as they lay in the ring, and where the first begins that has not been seen yet.
    Records(Vec<u8>, usize),
    /// The one there is.
    One(Outcome),
    /// All of them failed for the same reason.
    Failed(Box<JobError>),
}

impl Kind {
    /// The output of one of several that are alike. The memory of a large one goes to it: there is only one.
    #[cold]
    fn decode_same<J: Job>(&mut self) -> Result<J::Output, JobError> {
        match self {
            Self::One(Outcome::Large(payload)) => Outcome::Large(std::mem::take(payload)).decode::<J>(),
            Self::One(outcome) => outcome.seen().decode::<J>(),
            Self::Failed(error) => Err(JobError::clone(error)),
            Self::Records(..) => unreachable!("records differ"),
        }
    }

    fn seen(&self) -> From<'_> {
        match self {
            Self::Records(records, start) => From::Records(&records[*start..]),
            Self::One(outcome) => From::Same(outcome.seen()),
            Self::Failed(error) => From::Same(Seen::Failed(error)),
        }
    }
}

impl Results {
    /// Those of `count` jobs of which these are the records, which were read before and are no parcels.
    pub(crate) fn of_records(records: &[u8], count: u32) -> Self {
        if count == 1 {
            let (status, body, _) = ring::split_first(records);
            return Self::one(Outcome::copied(status, body));
        }
        Self::new(Kind::Records(records.to_vec(), 0), count)
    }

    pub(crate) fn one(outcome: Outcome) -> Self {
        Self::new(Kind::One(outcome), 1)
    }

    pub(crate) fn failed(error: JobError, count: u32) -> Self {
        Self::new(Kind::Failed(Box::new(error)), count)
    }

    fn new(kind: Kind, left: u32) -> Self {
        let bytes = size_of::<Self>()
            + match &kind {
                Kind::Records(records, _) => records.capacity(),
                Kind::One(outcome) => outcome.spilled_bytes(),
                Kind::Failed(_) => 0,
            };
        Self { kind, left, bytes }
    }

    /// How many have not been seen yet.
    pub(crate) fn left(&self) -> u32 {
        self.left
    }

    /// The memory that they held when they came, roughly.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Decodes the next one; the memory of a large one goes to its output.
    ///
    /// # Panics
    /// When all have been seen.
    #[inline]
    pub(crate) fn decode_next<J: Job>(&mut self) -> Result<J::Output, JobError> {
        self.left = self.left.checked_sub(1).expect("one is left");
        match &mut self.kind {
            Kind::Records(records, start) => {
                let (status, body, rest) = ring::split_first(&records[*start..]);
                *start = records.len() - rest.len();
                Seen::Published(status, body).decode::<J>()
            }
            other => other.decode_same::<J>(),
        }
    }

    /// Makes the encodings whole, for whoever decodes them himself.
    pub(crate) fn flatten<J: Job>(&mut self, limit: u64) {
        if let Kind::One(outcome) = &mut self.kind {
            outcome.flatten::<J>(limit);
        }
    }

    /// All that are left, which counts them as seen.
    pub(crate) fn see_rest(&mut self) -> Rest<'_> {
        let left = std::mem::take(&mut self.left);
        Rest {
            from: self.kind.seen(),
            left,
        }
    }

    /// Gives each of them away.
    pub(crate) fn for_each(mut self, mut give: impl FnMut(Outcome)) {
        if let Kind::One(outcome) = self.kind {
            return (0..self.left)
                .zip([outcome])
                .for_each(|(_, outcome)| give(outcome));
        }
        self.see_rest().for_each(|seen| give(seen.to_outcome()));
    }
}

/// Results that are looked at one after the other.
#[derive(Debug, Clone)]
pub(crate) struct Rest<'a> {
    from: From<'a>,
    left: u32,
}

#[derive(Debug, Clone)]
enum From<'a> {
    Records(&'a [u8]),
    /// Each is this.
    Same(Seen<'a>),
}

impl Rest<'_> {
    /// At least as many bytes as the outputs have together.
    pub(crate) fn bytes(&self) -> usize {
        match &self.from {
            From::Records(records) => records.len(),
            From::Same(Seen::Published(_, bytes)) => bytes.len(),
            From::Same(Seen::Large(payload)) => payload.encoding.len(),
            From::Same(Seen::Failed(_)) => 0,
        }
    }
}

impl<'a> Iterator for Rest<'a> {
    type Item = Seen<'a>;

    #[inline]
    fn next(&mut self) -> Option<Seen<'a>> {
        self.left = self.left.checked_sub(1)?;
        Some(match &mut self.from {
            From::Records(records) => {
                let (status, body, rest) = ring::split_first(records);
                *records = rest;
                Seen::Published(status, body)
            }
            From::Same(seen) => *seen,
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
