//! Taking results out of a worker's shared memory.
//!
//! A harvest is everything that the worker has published since the last one, as results of consecutive positions. Nothing
//! in shared memory is trusted before it was checked. The scheduler decides whether a result belongs to a job.

use std::{ops::Range, sync::Arc};

use protocol::{
    MemoryError, Payload, Status,
    board::{
        Board, outbound,
        ring::{Body, Record, RingReader},
    },
    payload::area::PayloadArea,
};

use super::{inbound::Inbound, turns::Turns};
use crate::{
    JobError,
    outcome::{Outcome, results::Results},
};

/// The parent's end of a worker's results.
pub(crate) struct Harvester {
    ring: RingReader,
    inbound: Arc<Inbound>,
    outbound: PayloadArea,
    message_limit: u64,
    turns: Turns,
    /// The bytes of the last harvest, kept for their memory.
    spare: Vec<u8>,
}

/// Some results of one worker, sorted by position.
#[derive(Debug, Default)]
pub(crate) struct Harvest {
    /// The records of all results but large ones, as they lay in the ring.
    records: Vec<u8>,
    placed: Vec<Placed>,
    /// The index of the first that was not taken.
    next: usize,
}

/// Results of consecutive positions, from this one on.
type Placed = (u64, Results<Range<usize>>);

/// The position behind the last result.
fn end((first, results): &Placed) -> u64 {
    first.saturating_add(results.left().into())
}

impl Harvester {
    pub(crate) fn new(
        inbound: Arc<Inbound>,
        outbound: PayloadArea,
        (lanes, message_limit): (usize, u64),
    ) -> Self {
        Self {
            ring: RingReader::new(),
            inbound,
            outbound,
            message_limit,
            turns: Turns::new(lanes),
            spare: Vec::new(),
        }
    }

    /// Takes all results that are there. After an error, which is the worker's fault, those before it are returned;
    /// but none at all, now and later, once a position was published out of turn: no result of such a worker can be
    /// told from another job's.
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
        if self.turns.are_broken {
            harvest.placed.clear();
        }
        (harvest, result)
    }

    /// Takes the memory of an earlier harvest back, for the next one.
    pub(crate) fn reuse(&mut self, harvest: Harvest) {
        self.spare = harvest.records;
    }

    /// Divides the records into results of consecutive positions, sorted by position. After an error those before it are
    /// there.
    fn sort(&mut self, board: &Board, harvest: &mut Harvest) -> Result<(), MemoryError> {
        let divided = self.divide(board, harvest);
        let placed = &mut harvest.placed;
        let is_in = |position| {
            placed
                .iter()
                .any(|results| results.0 <= position && position < end(results))
        };
        if self.inbound.position().is_some_and(is_in) {
            self.inbound.empty();
        }
        if !placed.is_sorted_by_key(|(first, _)| *first) {
            // Several lanes publish in the order in which they finish.
            placed.sort_by_key(|(first, _)| *first);
        }
        divided
    }

    /// Divides the records into results of consecutive positions, in the order in which they were published.
    fn divide(&mut self, board: &Board, harvest: &mut Harvest) -> Result<(), MemoryError> {
        // Read after the records: each of them was claimed before it was published.
        let claimed = board.claimed();
        let Harvest { records, placed, .. } = harvest;
        let (mut start, mut had_large) = (0, false);
        let mut reader = self.ring.records(records);
        while let Some(record) = reader.next() {
            let Record {
                position,
                body,
                status,
            } = record?;
            self.turns.take(position, claimed)?;
            let record_end = records.len() - reader.bytes_left();
            let record = start..record_end;
            start = record_end;
            let results = match body {
                Body::Inline(_) => {
                    let before = placed.last_mut().filter(|before| end(before) == position);
                    if before.is_some_and(|(_, results)| results.try_extend(record_end)) {
                        continue;
                    }
                    Results::in_buffer(record)
                }
                // A worker waits for its area to be emptied, which happens here, behind the look into the ring.
                Body::InArea(_) if had_large => {
                    return Err(MemoryError::corrupt("two large results in an area for one"));
                }
                Body::InArea(contents) => {
                    had_large = true;
                    let from_job = |range| self.inbound.copy(position, range);
                    let taken = self.outbound.take(contents, self.message_limit, from_job);
                    outbound::mark_empty(board);
                    Results::one(taken_outcome(status, taken)?)
                }
            };
            placed.push((position, results));
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
    /// The first position and the number of the results that follow each other, as long as they do.
    pub(crate) fn runs(&self) -> impl Iterator<Item = (u64, u32)> {
        self.placed
            .chunk_by(|before, after| end(before) == after.0)
            .map(|placed| {
                let count = placed.iter().map(|(_, results)| results.left()).sum();
                (placed[0].0, count)
            })
    }

    /// How many of the results at the positions `first..first + count`, of which none was taken, are failures.
    pub(crate) fn failures(&self, first: u64, count: u32, of_output: fn(&[u8]) -> bool) -> u32 {
        let behind = first.saturating_add(count.into());
        let inside = self
            .placed
            .iter()
            .filter(|placed| first <= placed.0 && end(placed) <= behind);
        inside
            .map(|(_, results)| results.failures(&self.records, of_output))
            .sum()
    }

    /// Takes the results at the positions `first..first + count`. Those before are no longer wanted.
    pub(crate) fn take(&mut self, first: u64, count: u32) -> impl Iterator<Item = Results> {
        let behind = first + u64::from(count);
        let mut position = first;
        std::iter::from_fn(move || {
            let results = self.take_piece(position, behind)?;
            position += u64::from(results.left());
            Some(results)
        })
    }

    /// The results from `position` on, as many as lie together before `behind`.
    fn take_piece(&mut self, position: u64, behind: u64) -> Option<Results> {
        while end(self.placed.get(self.next)?) <= position {
            self.next += 1;
        }
        let placed = self
            .placed
            .get_mut(self.next)
            .filter(|placed| placed.0 < behind)?;
        let skipped = position.saturating_sub(placed.0);
        let count = behind.min(end(placed)) - placed.0 - skipped;
        let (first, results) = placed;
        *first += skipped + count;
        if skipped > 0 {
            results.take_first(skipped as u32, &self.records);
        }
        Some(results.take_first(count as u32, &self.records))
    }
}

#[cfg(test)]
mod tests {
    use protocol::{board::ring::RingWriter, payload::layout::Contents};

    use super::*;

    /// A worker that publishes anything, and its parent.
    fn two_ends() -> (PayloadArea, RingWriter, Board, Harvester) {
        let outbound = PayloadArea::create("test").unwrap();
        let parents = PayloadArea::open(outbound.descriptor().try_clone_to_owned().unwrap()).unwrap();
        let inbound = Arc::new(Inbound::new(PayloadArea::create("test").unwrap()));
        let harvester = Harvester::new(inbound, parents, (1, 1 << 30));
        let board = Board::create().unwrap();
        while board.claim(0, 10_000).is_some() {}
        (outbound, RingWriter::new(), board, harvester)
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
            "what came before the corrupt result"
        );
    }

    /// Both copies of a worker that has forked publish: nothing of that harvest is any job's for certain.
    #[test]
    fn a_position_that_is_published_twice_spoils_its_whole_harvest_and_all_later_ones() {
        let (_, mut ring, board, mut harvester) = two_ends();
        let mut publish = |position| ring.publish(&board, position, Status::Output, b"1", &mut || ());
        publish(0);
        publish(1);
        assert_eq!(harvester.harvest(&board).0.runs().collect::<Vec<_>>(), [(0, 2)]);
        [2, 3, 3, 4].into_iter().for_each(&mut publish);
        let (harvest, harvested) = harvester.harvest(&board);
        assert!(
            harvested
                .unwrap_err()
                .to_string()
                .contains("position 3 a second time")
        );
        assert_eq!(harvest.runs().count(), 0);
        publish(5);
        let (harvest, harvested) = harvester.harvest(&board);
        assert!(harvested.is_err() && harvest.runs().count() == 0);
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
