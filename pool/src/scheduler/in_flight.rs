//! The jobs in flight: for each worker, which positions hold which jobs.
//!
//! A worker's jobs have positions in the order of sending. Positions below the claim word may have started; those
//! above have not, and after a revocation they are used again. The table knows nothing of frames, incarnations or
//! worker states.

use std::collections::VecDeque;

use super::event::WorkerId;
use super::span::{JobId, Span, SpanContents};

/// A span and its position at a worker.
#[derive(Debug)]
pub(crate) struct Piece<J: SpanContents> {
    /// The position of the first job.
    pub(crate) position: u64,
    /// Whether the single job of this piece is to be cancelled at the next revocation.
    pub(crate) cancelled: bool,
    /// The jobs.
    pub(crate) span: Span<J>,
}

impl<J: SpanContents> Piece<J> {
    fn end(&self) -> u64 {
        self.position + u64::from(self.span.len())
    }

    /// The offset of a position in this piece, clamped to its bounds.
    fn offset(&self, position: u64) -> u32 {
        let offset = position.saturating_sub(self.position);
        u32::try_from(offset).map_or(self.span.len(), |offset| offset.min(self.span.len()))
    }

    fn at(&self, span: Span<J>) -> Self {
        let position = self.position + (span.first - self.span.first);
        Self {
            position,
            cancelled: self.cancelled,
            span,
        }
    }
}

/// One worker's pieces in the order of their positions.
#[derive(Debug)]
struct Flight<J: SpanContents> {
    pieces: VecDeque<Piece<J>>,
    jobs: usize,
    next: u64,
}

/// The table of all workers.
#[derive(Debug)]
pub(crate) struct InFlight<J: SpanContents> {
    flights: Vec<Flight<J>>,
    jobs: usize,
}

impl<J: SpanContents> InFlight<J> {
    pub(crate) fn new(workers: usize) -> Self {
        let flights = (0..workers)
            .map(|_| Flight {
                pieces: VecDeque::new(),
                jobs: 0,
                next: 0,
            })
            .collect();
        Self { flights, jobs: 0 }
    }

    /// The jobs in flight at all workers.
    pub(crate) fn total(&self) -> usize {
        self.jobs
    }

    /// The jobs in flight at one worker.
    pub(crate) fn jobs(&self, worker: WorkerId) -> usize {
        self.flights[worker].jobs
    }

    /// The position that the next job sent there will have.
    pub(crate) fn next_position(&self, worker: WorkerId) -> u64 {
        self.flights[worker].next
    }

    /// Whether the worker has a job that must be its only one.
    pub(crate) fn is_solitary(&self, worker: WorkerId) -> bool {
        self.flights[worker]
            .pieces
            .front()
            .is_some_and(|piece| piece.span.is_solitary())
    }

    /// The job at a position.
    pub(crate) fn job_at(&self, worker: WorkerId, position: u64) -> Option<JobId> {
        let pieces = &self.flights[worker].pieces;
        let index = pieces.partition_point(|piece| piece.end() <= position);
        let piece = pieces.get(index)?;
        let offset = position.checked_sub(piece.position)?;
        Some(piece.span.first + offset)
    }

    /// Adds a span that is sent.
    pub(crate) fn send(&mut self, worker: WorkerId, span: Span<J>) {
        let flight = &mut self.flights[worker];
        let position = flight.next;
        flight.next += u64::from(span.len());
        flight.jobs += span.len() as usize;
        self.jobs += span.len() as usize;
        flight.pieces.push_back(Piece {
            position,
            cancelled: false,
            span,
        });
    }

    /// Takes the next piece in flight in `first..end`. To be called until there is none.
    pub(crate) fn finish(&mut self, worker: WorkerId, first: u64, end: u64) -> Option<Piece<J>> {
        let flight = &mut self.flights[worker];
        let index = match flight.pieces.front() {
            // Nearly always it is the oldest piece that is done.
            Some(front) if first < front.end() => 0,
            _ => flight.pieces.partition_point(|piece| piece.end() <= first),
        };
        if flight.pieces.get(index).is_none_or(|piece| end <= piece.position) {
            return None;
        }
        let piece = flight.isolate(index, first, end);
        self.discount(worker, piece.span.len());
        Some(piece)
    }

    /// Takes back the positions from `claimed` on. The next job sent gets the position `claimed`.
    pub(crate) fn revoke(&mut self, worker: WorkerId, claimed: u64) -> VecDeque<Piece<J>> {
        let flight = &mut self.flights[worker];
        let claimed = claimed.min(flight.next);
        flight.next = claimed;
        let index = flight.pieces.partition_point(|piece| piece.end() <= claimed);
        let index = flight.split_at(index, claimed);
        let unclaimed = flight.pieces.split_off(index);
        self.discount_all(worker, &unclaimed);
        unclaimed
    }

    /// Marks a job for the next revocation and returns its worker.
    ///
    /// This searches all pieces. Cancelling a sent job is rare, and kills the worker if it is late, so an index on
    /// the hot path would not pay.
    pub(crate) fn mark_cancelled(&mut self, job: JobId) -> Option<WorkerId> {
        let worker = self
            .flights
            .iter_mut()
            .position(|flight| flight.mark_cancelled(job))?;
        Some(worker)
    }

    /// Takes the marked jobs.
    pub(crate) fn take_cancelled(&mut self, worker: WorkerId) -> VecDeque<Piece<J>> {
        let flight = &mut self.flights[worker];
        if !flight.pieces.iter().any(|piece| piece.cancelled) {
            return VecDeque::new();
        }
        let (cancelled, others) = std::mem::take(&mut flight.pieces)
            .into_iter()
            .partition(|piece| piece.cancelled);
        flight.pieces = others;
        self.discount_all(worker, &cancelled);
        cancelled
    }

    /// Takes all that is left of an incarnation, and starts at position 0 again.
    pub(crate) fn clear(&mut self, worker: WorkerId) -> VecDeque<Piece<J>> {
        let pieces = std::mem::take(&mut self.flights[worker].pieces);
        self.discount_all(worker, &pieces);
        self.flights[worker].next = 0;
        pieces
    }

    fn discount_all(&mut self, worker: WorkerId, pieces: &VecDeque<Piece<J>>) {
        for piece in pieces {
            self.discount(worker, piece.span.len());
        }
    }

    fn discount(&mut self, worker: WorkerId, jobs: u32) {
        self.flights[worker].jobs -= jobs as usize;
        self.jobs -= jobs as usize;
    }
}

impl<J: SpanContents> Flight<J> {
    /// Takes the part of this piece that is in `first..end`, and leaves the rest.
    fn isolate(&mut self, index: usize, first: u64, end: u64) -> Piece<J> {
        let index = self.split_at(index, first);
        self.split_at(index, end);
        self.pieces.remove(index).expect("the piece was found there")
    }

    /// Cuts this piece in two if the position is inside it. Returns the index of the piece that starts there.
    fn split_at(&mut self, index: usize, position: u64) -> usize {
        let Some(piece) = self.pieces.get_mut(index) else {
            return index;
        };
        let offset = piece.offset(position);
        if offset == 0 {
            return index;
        }
        if offset < piece.span.len() {
            let rest = piece.span.split_off(offset);
            let rest = piece.at(rest);
            self.pieces.insert(index + 1, rest);
        }
        index + 1
    }

    fn mark_cancelled(&mut self, job: JobId) -> bool {
        let found = self
            .pieces
            .iter()
            .position(|piece| piece.span.first <= job && job < piece.span.end());
        let Some(index) = found else { return false };
        let position = self.pieces[index].position + (job - self.pieces[index].span.first);
        let index = self.split_at(index, position);
        self.split_at(index, position + 1);
        self.pieces[index].cancelled = true;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_jobs::{TestJobs, span_of};
    use super::{InFlight, Piece};

    /// Positions and ids of pieces, each as first position, first id and length.
    fn shape<'a>(pieces: impl IntoIterator<Item = &'a Piece<TestJobs>>) -> Vec<(u64, u64, u32)> {
        let one = |piece: &Piece<TestJobs>| (piece.position, piece.span.first, piece.span.len());
        pieces.into_iter().map(one).collect()
    }

    /// What is left at worker 1, after a check of the totals.
    fn left(table: &InFlight<TestJobs>) -> Vec<(u64, u64, u32)> {
        let pieces = shape(&table.flights[1].pieces);
        let jobs: usize = pieces.iter().map(|piece| piece.2 as usize).sum();
        assert_eq!(
            (table.jobs(1), table.total()),
            (jobs, jobs),
            "the totals are those of the pieces"
        );
        pieces
    }

    /// Jobs 10..15, 30 and 31..34 at the positions 0..9 of worker 1.
    fn table() -> InFlight<TestJobs> {
        let mut table = InFlight::new(2);
        for (first, len) in [(10, 5), (30, 1), (31, 3)] {
            table.send(1, span_of(first, len));
        }
        table
    }

    fn finish(table: &mut InFlight<TestJobs>, first: u64, end: u64) -> Vec<(u64, u64, u32)> {
        let pieces: Vec<_> = std::iter::from_fn(|| table.finish(1, first, end)).collect();
        shape(&pieces)
    }

    #[test]
    fn positions_follow_each_other() {
        let table = table();
        assert_eq!(left(&table), [(0, 10, 5), (5, 30, 1), (6, 31, 3)]);
        assert_eq!(
            (table.next_position(1), table.next_position(0), table.jobs(0)),
            (9, 0, 0)
        );
    }

    #[test]
    fn a_run_of_results_takes_whole_pieces_and_parts() {
        let mut table = table();
        assert_eq!(finish(&mut table, 0, 7), [(0, 10, 5), (5, 30, 1), (6, 31, 1)]);
        assert_eq!(left(&table), [(7, 32, 2)]);
        assert_eq!(finish(&mut table, 0, 7), [], "a result counts once");
        assert_eq!(
            finish(&mut table, 7, u64::MAX),
            [(7, 32, 2)],
            "the excess is skipped"
        );
        assert_eq!(left(&table), []);
    }

    #[test]
    fn results_may_come_out_of_order() {
        let mut table = table();
        assert_eq!(finish(&mut table, 2, 3), [(2, 12, 1)]);
        assert_eq!(finish(&mut table, 7, 8), [(7, 32, 1)]);
        assert_eq!(
            left(&table),
            [(0, 10, 2), (3, 13, 2), (5, 30, 1), (6, 31, 1), (8, 33, 1)]
        );
        assert_eq!(
            finish(&mut table, 1, 9),
            [(1, 11, 1), (3, 13, 2), (5, 30, 1), (6, 31, 1), (8, 33, 1)]
        );
        assert_eq!(left(&table), [(0, 10, 1)]);
    }

    #[test]
    fn a_revocation_takes_the_rest_and_its_positions_back() {
        let mut table = table();
        assert_eq!(shape(&table.revoke(1, 3)), [(3, 13, 2), (5, 30, 1), (6, 31, 3)]);
        assert_eq!((left(&table), table.next_position(1)), (vec![(0, 10, 3)], 3));
        table.send(1, span_of(40, 2));
        assert_eq!(left(&table), [(0, 10, 3), (3, 40, 2)]);
    }

    #[test]
    fn a_revocation_between_two_pieces_cuts_none() {
        let mut table = table();
        assert_eq!(shape(&table.revoke(1, 5)), [(5, 30, 1), (6, 31, 3)]);
        assert_eq!(left(&table), [(0, 10, 5)]);
    }

    #[test]
    fn more_claims_than_jobs_take_nothing_back() {
        let mut table = table();
        assert_eq!(shape(&table.revoke(1, u64::MAX)), []);
        assert_eq!((left(&table).len(), table.next_position(1)), (3, 9));
    }

    #[test]
    fn a_cancelled_job_is_marked_alone() {
        let mut table = table();
        assert_eq!(table.mark_cancelled(32), Some(1));
        assert_eq!(table.mark_cancelled(14), Some(1));
        assert_eq!(table.mark_cancelled(15), None);
        assert_eq!(
            left(&table),
            [
                (0, 10, 4),
                (4, 14, 1),
                (5, 30, 1),
                (6, 31, 1),
                (7, 32, 1),
                (8, 33, 1)
            ]
        );
        assert_eq!(shape(&table.take_cancelled(1)), [(4, 14, 1), (7, 32, 1)]);
        assert_eq!(left(&table), [(0, 10, 4), (5, 30, 1), (6, 31, 1), (8, 33, 1)]);
        assert_eq!(shape(&table.take_cancelled(1)), []);
    }

    #[test]
    fn a_job_is_found_by_its_position() {
        let table = table();
        assert_eq!(table.job_at(1, 0), Some(10));
        assert_eq!(table.job_at(1, 5), Some(30));
        assert_eq!(table.job_at(1, 7), Some(32));
        assert_eq!(table.job_at(1, 9), None);
        assert_eq!(table.job_at(0, 0), None);
    }

    #[test]
    fn a_new_incarnation_begins_at_position_0() {
        let mut table = table();
        assert_eq!(table.clear(1).len(), 3);
        assert_eq!((left(&table), table.next_position(1)), (vec![], 0));
    }

    #[test]
    fn a_solitary_job_is_known() {
        let mut table = InFlight::new(1);
        assert!(!table.is_solitary(0));
        let mut suspect = span_of(3, 1);
        suspect.alone = true;
        table.send(0, suspect);
        assert!(table.is_solitary(0));
    }
}
