//! Taking results out of a worker's shared memory.
//!
//! A harvest is all that the worker has published since the last one, in runs of consecutive positions. What lies in
//! shared memory is believed only as far as it was checked. Whether a result belongs to a job is the scheduler's affair.

use std::{ops::Range, sync::Arc};

use protocol::{
    MemoryError, Payload, Status,
    board::{
        Board, outbound,
        ring::{Body, Record, RingReader},
    },
    payload::area::PayloadArea,
};

use super::inbound::Inbound;
use crate::{
    JobError,
    outcome::{Outcome, Seen},
    results::Results,
};

/// The parent's end of a worker's results.
pub(crate) struct Harvester {
    ring: RingReader,
    inbound: Arc<Inbound>,
    outbound: PayloadArea,
    message_limit: u64,
    /// The bytes of the last harvest, kept for their memory.
    spare: Vec<u8>,
}

/// Some results of one worker, sorted by position.
#[derive(Debug, Default)]
pub(crate) struct Harvest {
    records: Vec<u8>,
    runs: Vec<Run>,
    /// The first run that was not given away.
    next: usize,
}

/// Results of consecutive positions.
#[derive(Debug)]
struct Run {
    first: u64,
    count: u32,
    lies: Lies,
}

/// Where a run's results lie.
#[derive(Debug)]
enum Lies {
    /// In the harvest's records.
    There(Range<usize>),
    /// Here, the only one.
    Here(Option<Outcome>),
}

impl Harvester {
    pub(crate) fn new(inbound: Arc<Inbound>, outbound: PayloadArea, message_limit: u64) -> Self {
        Self {
            ring: RingReader::new(),
            inbound,
            outbound,
            message_limit,
            spare: Vec::new(),
        }
    }

    /// Takes all results that are there. After an error, which the worker is to blame for, those before it are given.
    pub(crate) fn harvest(&mut self, board: &Board) -> (Harvest, Result<(), MemoryError>) {
        let mut harvest = Harvest {
            records: std::mem::take(&mut self.spare),
            ..Harvest::default()
        };
        harvest.records.clear();
        let result = self
            .ring
            .harvest(board, &mut harvest.records)
            .and_then(|()| self.sort(board, &mut harvest));
        (harvest, result)
    }

    /// Takes the memory of an earlier harvest back, for the next one.
    pub(crate) fn reuse(&mut self, harvest: Harvest) {
        self.spare = harvest.records;
    }

    /// Divides the records into runs, in the order of their positions. After an error those before it are there.
    fn sort(&mut self, board: &Board, harvest: &mut Harvest) -> Result<(), MemoryError> {
        let divided = self.divide(board, harvest);
        let runs = &mut harvest.runs;
        let is_in = |position| {
            runs.iter()
                .any(|run| run.first <= position && position < run.end())
        };
        if self.inbound.position().is_some_and(is_in) {
            self.inbound.empty();
        }
        if !runs.is_sorted_by_key(|run| run.first) {
            // Several lanes publish in the order in which they finish.
            runs.sort_by_key(|run| run.first);
        }
        divided
    }

    /// Divides the records into runs, as they were published.
    fn divide(&mut self, board: &Board, harvest: &mut Harvest) -> Result<(), MemoryError> {
        let Harvest { records, runs, .. } = harvest;
        let (mut start, mut had_parcel) = (0, false);
        let mut reader = self.ring.records(records);
        while let Some(record) = reader.next() {
            let Record {
                position,
                body,
                status,
            } = record?;
            let end = records.len() - reader.bytes_left();
            let lies = match body {
                Body::Inline(_) => Lies::There(start..end),
                // A worker waits for its area to be emptied, which happens here, behind the look into the ring.
                Body::InArea(_) if had_parcel => {
                    return Err(MemoryError::corrupt("two large results in an area for one"));
                }
                Body::InArea(contents) => {
                    had_parcel = true;
                    let from_job = |range| self.inbound.copy(position, range);
                    let taken = self.outbound.take(contents, self.message_limit, from_job);
                    outbound::mark_empty(board);
                    Lies::Here(Some(taken_outcome(status, taken)?))
                }
            };
            start = end;
            match (runs.last_mut(), lies) {
                (Some(last), Lies::There(place)) if last.may_grow(position) => last.grow(place.end),
                (_, lies) => runs.push(Run {
                    first: position,
                    count: 1,
                    lies,
                }),
            }
        }
        Ok(())
    }
}

/// What became of a job whose large output was taken, or could not be. An error is the worker's.
fn taken_outcome(status: Status, taken: Result<Payload, MemoryError>) -> Result<Outcome, MemoryError> {
    match taken {
        Ok(payload) => Ok(Outcome::taken(status, payload)),
        Err(error @ MemoryError::System { .. }) => {
            Ok(Outcome::failed(JobError::NotHandedOver(error.to_string())))
        }
        Err(error) => Err(error),
    }
}

impl Harvest {
    /// The first position and the length of each run, joined where several follow each other.
    pub(crate) fn runs(&self) -> impl Iterator<Item = (u64, u32)> {
        self.runs
            .chunk_by(|before, after| before.end() == after.first)
            .map(|runs| (runs[0].first, runs.iter().map(|run| run.count).sum()))
    }

    /// How many of the results at the positions `first..first + count`, of which none was given away, are failures.
    pub(crate) fn failures(&self, first: u64, count: u32, of_output: fn(&[u8]) -> bool) -> u32 {
        let end = first.saturating_add(count.into());
        let runs = self
            .runs
            .iter()
            .filter(|run| first <= run.first && run.end() <= end);
        runs.map(|run| run.failures(&self.records, of_output)).sum()
    }

    /// Gives the results at the positions `first..first + count` away. Those before are no longer wanted.
    pub(crate) fn take(&mut self, first: u64, count: u32) -> impl Iterator<Item = Results> {
        let end = first + u64::from(count);
        let mut position = first;
        std::iter::from_fn(move || {
            let results = self.take_piece(position, end)?;
            position += u64::from(results.left());
            Some(results)
        })
    }

    /// The results from `position` on, as many as lie together before `end`.
    fn take_piece(&mut self, position: u64, end: u64) -> Option<Results> {
        while self.runs.get(self.next)?.end() <= position {
            self.next += 1;
        }
        let run = self.runs.get_mut(self.next).filter(|run| run.first < end)?;
        run.skip_to(position, &self.records);
        let count = (end.min(run.end()) - run.first) as u32;
        run.take(count, &self.records)
    }
}

impl Run {
    fn end(&self) -> u64 {
        self.first.saturating_add(self.count.into())
    }

    /// Whether the result at `position`, which lies in the records, can join this run.
    fn may_grow(&self, position: u64) -> bool {
        matches!(self.lies, Lies::There(_)) && self.end() == position && self.count < u32::MAX
    }

    fn grow(&mut self, end: usize) {
        if let Lies::There(place) = &mut self.lies {
            place.end = end;
            self.count += 1;
        }
    }

    fn skip_to(&mut self, position: u64, records: &[u8]) {
        if let Some(skipped) = position.checked_sub(self.first).filter(|skipped| *skipped > 0) {
            self.take(skipped as u32, records);
        }
    }

    fn failures(&self, records: &[u8], of_output: fn(&[u8]) -> bool) -> u32 {
        match &self.lies {
            Lies::Here(outcome) => {
                let is_failure = |outcome: &Outcome| outcome.seen().is_failure(of_output);
                outcome.as_ref().is_some_and(is_failure).into()
            }
            Lies::There(place) => {
                let mut rest = &records[place.clone()];
                let seen = std::iter::repeat_with(|| {
                    let (status, body, behind) = protocol::board::ring::split_first(rest);
                    rest = behind;
                    Seen::Published(status, body)
                });
                let failures = seen
                    .take(self.count as usize)
                    .filter(|seen| seen.is_failure(of_output));
                failures.count() as u32
            }
        }
    }

    /// Takes the first `count` results away.
    fn take(&mut self, count: u32, records: &[u8]) -> Option<Results> {
        let is_all = count == self.count;
        self.first += u64::from(count);
        self.count -= count;
        match &mut self.lies {
            Lies::Here(outcome) => outcome.take().map(Results::one),
            Lies::There(place) => {
                let start = place.start;
                place.start = if is_all {
                    place.end
                } else {
                    start + protocol::board::ring::bytes_of(&records[place.clone()], count)
                };
                Some(Results::of_records(&records[start..place.start], count))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::{board::ring::RingWriter, payload::layout::Contents};

    use super::*;

    /// A worker that says what it likes, and its parent.
    fn two_ends() -> (PayloadArea, RingWriter, Board, Harvester) {
        let outbound = PayloadArea::create("test").unwrap();
        let parents = PayloadArea::open(outbound.descriptor().try_clone_to_owned().unwrap()).unwrap();
        let inbound = Arc::new(Inbound::new(PayloadArea::create("test").unwrap()));
        let harvester = Harvester::new(inbound, parents, 1 << 30);
        (outbound, RingWriter::new(), Board::create().unwrap(), harvester)
    }

    #[test]
    fn one_large_result_after_another_comes_whole() {
        let (mut outbound, mut ring, board, mut harvester) = two_ends();
        for position in 0..3 {
            let contents = outbound.put(&vec![7; 100_000], &[]).unwrap();
            ring.publish_large(&board, position, Status::Output, contents, &mut || ());
            let (mut harvest, harvested) = harvester.harvest(&board);
            harvested.unwrap();
            let results: Vec<Results> = harvest.take(position, 1).collect();
            assert!(results.len() == 1 && results[0].bytes() > 100_000);
        }
    }

    /// Each of ten thousand records of 24 bytes would otherwise be a copy of up to the limit.
    #[test]
    fn an_area_that_is_announced_again_and_again_is_taken_once() {
        let (mut outbound, mut ring, board, mut harvester) = two_ends();
        let contents = outbound.put(&vec![7; 100_000], &[]).unwrap();
        for position in 0..10_000 {
            ring.publish_large(&board, position, Status::Output, contents, &mut || ());
        }
        let (harvest, harvested) = harvester.harvest(&board);
        assert!(matches!(harvested, Err(MemoryError::Corrupt { .. })));
        assert_eq!(
            harvest.runs().collect::<Vec<_>>(),
            [(0, 1)],
            "what came before the lie"
        );
    }

    #[test]
    fn parts_of_another_job_or_of_none_are_the_workers_fault() {
        let (_, mut ring, board, mut harvester) = two_ends();
        for (position, encoding, attached) in [(0, 1 << 40, 0), (1, 0, 1 << 23), (2, 0, u64::MAX)] {
            let contents = Contents { encoding, attached };
            ring.publish_large(&board, position, Status::Output, contents, &mut || ());
            let (harvest, harvested) = harvester.harvest(&board);
            assert!(
                matches!(harvested, Err(MemoryError::Corrupt { .. })),
                "{position}"
            );
            assert_eq!(harvest.runs().count(), 0);
        }
    }
}
