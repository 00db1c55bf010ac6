//! The pending chunks, those with results that are not written yet, by the numbers of their records.

use std::{collections::VecDeque, sync::Arc};

use crossbeam_channel::Receiver;

use crate::{
    chunk::{Chunk, Located},
    input_budget::InputBudget,
};

/// The chunks with results that are not written yet.
#[derive(Debug)]
pub(crate) struct PendingChunks {
    chunks: Receiver<Arc<Chunk>>,
    budget: Arc<InputBudget>,
    pending: VecDeque<Pending>,
    /// The number of the first record of the next chunk.
    next_first: u64,
}

/// One chunk and the numbers of its records.
#[derive(Debug)]
struct Pending {
    /// The number of its first record.
    first: u64,
    /// How many records it has.
    count: u64,
    /// How many of its results are not written.
    left: u64,
    /// `None` if all its results are written but an earlier chunk is still pending.
    chunk: Option<Arc<Chunk>>,
}

impl Pending {
    /// The number after its last record.
    fn end(&self) -> u64 {
        self.first + self.count
    }
}

impl PendingChunks {
    pub(crate) fn new(chunks: Receiver<Arc<Chunk>>, budget: Arc<InputBudget>) -> Self {
        Self {
            chunks,
            budget,
            pending: VecDeque::new(),
            next_first: 0,
        }
    }

    /// The record with this number, if its chunk is still pending.
    pub(crate) fn find(&mut self, number: u64) -> Option<Located<'_>> {
        let index = self.index_of(number);
        let pending = &self.pending[index];
        let chunk = pending.chunk.as_ref()?;
        Some(chunk.located((number - pending.first) as usize))
    }

    /// Releases `count` records, starting at `number`: their results are written.
    pub(crate) fn retire(&mut self, number: u64, count: usize) {
        let end = number + count as u64;
        let mut next = number;
        while next < end {
            let index = self.index_of(next);
            let pending = &mut self.pending[index];
            let here = (pending.end() - next).min(end - next);
            next += here;
            pending.left -= here;
            if pending.left == 0 {
                self.clear(index);
            }
        }
    }

    fn clear(&mut self, index: usize) {
        if let Some(chunk) = self.pending[index].chunk.take() {
            self.budget.give_back(chunk.footprint());
        }
        while self.pending.front().is_some_and(|pending| pending.left == 0) {
            self.pending.pop_front();
        }
    }

    /// The index of the chunk with this record. If results come in order it is 0.
    fn index_of(&mut self, number: u64) -> usize {
        while number >= self.next_first {
            self.receive_next();
        }
        match self.pending.get(1) {
            Some(second) if number >= second.first => {
                self.pending.partition_point(|pending| pending.first <= number) - 1
            }
            _ => 0,
        }
    }

    /// Receives the next chunk. The reader sends a chunk before the first of its records, so this does not block.
    fn receive_next(&mut self) {
        let chunk = self.chunks.recv().expect("each record's chunk is sent before it");
        let (first, count) = (self.next_first, chunk.records.len() as u64);
        self.next_first += count;
        self.pending.push_back(Pending {
            first,
            count,
            left: count,
            chunk: Some(chunk),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        chunk::{Numbering, Origin},
        records::{Format, Splitter},
    };

    /// Chunks of two, one and three records: six lines `0` to `5`.
    fn chunks() -> PendingChunks {
        let format = Format {
            numbering: Numbering::Lines,
            skips_blank: false,
            max_record_bytes: 9,
        };
        let mut splitter = Splitter::new(Origin::Stdin, format);
        let (sender, receiver) = crossbeam_channel::unbounded();
        let budget = Arc::new(InputBudget::new(1 << 20));
        for block in ["0\n1\n", "2\n", "3\n4\n5\n"] {
            let chunk = splitter.split(block.as_bytes()).unwrap();
            budget.take(chunk.footprint());
            sender.send(Arc::new(chunk)).unwrap();
        }
        PendingChunks::new(receiver, budget)
    }

    fn retire(chunks: &mut PendingChunks, number: u64) {
        let located = chunks.find(number).unwrap();
        assert_eq!(located.source, number.to_string().as_bytes());
        assert_eq!(located.number, number + 1);
        chunks.retire(number, 1);
    }

    #[test]
    fn every_order_of_results_finds_its_records() {
        let mut random = fastrand::Rng::with_seed(3);
        for _ in 0..100 {
            let mut order: Vec<u64> = (0..6).collect();
            random.shuffle(&mut order);
            let mut chunks = chunks();
            for number in order {
                retire(&mut chunks, number);
            }
            assert!(chunks.pending.is_empty());
        }
    }

    #[test]
    fn records_of_several_chunks_are_retired_at_once() {
        for (first, second) in (1..6).map(|first| (first, 6 - first)) {
            let mut chunks = chunks();
            chunks.retire(0, first);
            chunks.retire(first as u64, second);
            assert!(chunks.pending.is_empty());
        }
    }

    #[test]
    fn the_text_is_dropped_after_the_last_result_even_if_an_earlier_chunk_is_pending() {
        let mut chunks = chunks();
        for number in [1, 3, 4, 5] {
            retire(&mut chunks, number);
        }
        assert!(chunks.pending[2].chunk.is_none() && chunks.pending[0].chunk.is_some());
    }
}
