//! Results of consecutive jobs, together as they came.
//!
//! A thousand tiny results that a worker published one after the other stay one piece of memory until somebody wants to
//! see them one by one. Neither positions nor places in a stream are known here.

use protocol::ring;

use crate::{
    JobError,
    outcome::{Outcome, Seen},
};

/// Results of some consecutive jobs.
#[derive(Debug)]
pub(crate) struct Results {
    kind: Kind,
    /// How many have not been seen yet.
    left: u32,
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

impl Results {
    /// Those of `count` jobs of which these are the records, which were read before and are no parcels.
    pub(crate) fn of_records(records: &[u8], count: u32) -> Self {
        if count == 1 {
            let (status, body, _) = ring::split_first(records);
            return Self::one(Outcome::copied(status, body));
        }
        Self {
            kind: Kind::Records(records.to_vec(), 0),
            left: count,
        }
    }

    pub(crate) fn one(outcome: Outcome) -> Self {
        Self {
            kind: Kind::One(outcome),
            left: 1,
        }
    }

    pub(crate) fn failed(error: JobError, count: u32) -> Self {
        Self {
            kind: Kind::Failed(Box::new(error)),
            left: count,
        }
    }

    /// How many have not been seen yet.
    pub(crate) fn left(&self) -> u32 {
        self.left
    }

    /// The memory that they hold, roughly.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>()
            + match &self.kind {
                Kind::Records(records, _) => records.capacity(),
                Kind::One(outcome) => outcome.spilled_bytes(),
                Kind::Failed(_) => 0,
            }
    }

    /// Shows the next one.
    pub(crate) fn see_next(&mut self) -> Option<Seen<'_>> {
        self.left = self.left.checked_sub(1)?;
        Some(match &mut self.kind {
            Kind::Records(records, start) => {
                let (status, body, rest) = ring::split_first(&records[*start..]);
                *start = records.len() - rest.len();
                Seen::Published(status, body)
            }
            Kind::One(outcome) => outcome.seen(),
            Kind::Failed(error) => Seen::Failed(error),
        })
    }

    /// Gives each of them away.
    pub(crate) fn for_each(mut self, mut give: impl FnMut(Outcome)) {
        if let Kind::One(outcome) = self.kind {
            return (0..self.left)
                .zip([outcome])
                .for_each(|(_, outcome)| give(outcome));
        }
        while let Some(seen) = self.see_next() {
            give(seen.to_outcome());
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::{
        Status,
        board::Board,
        ring::{RingReader, RingWriter},
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

    #[test]
    fn records_are_seen_one_after_the_other() {
        let published: [(Status, &[u8]); 3] = [
            (Status::Output, b"a"),
            (Status::Fault, b"long enough to need padding"),
            (Status::Output, b""),
        ];
        let mut results = Results::of_records(&records(&published), 3);
        for (left, (status, bytes)) in [2, 1, 0].into_iter().zip(published) {
            let seen = results.see_next();
            assert!(
                matches!(seen, Some(Seen::Published(s, b)) if (s, b) == (status, bytes)),
                "{seen:?}"
            );
            assert_eq!(results.left(), left);
        }
        assert!(results.see_next().is_none());
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
