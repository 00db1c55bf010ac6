//! The chunks whose results are not all out yet, by the numbers of their records.

use std::{collections::VecDeque, sync::Arc};

use crossbeam_channel::Receiver;

use crate::{
    chunk::{Chunk, Located},
    input_budget::Budget,
};

/// The chunks whose results are not all out yet.
#[derive(Debug)]
pub(crate) struct Shelf {
    chunks: Receiver<Arc<Chunk>>,
    budget: Arc<Budget>,
    places: VecDeque<Place>,
    /// The number of the first record of the next chunk.
    next_first: u64,
    /// Bytes of input whose results are out.
    done_bytes: u64,
}

#[derive(Debug)]
struct Place {
    /// The number of its first record.
    first: u64,
    /// How many records it has.
    count: u64,
    /// Results that are not out.
    left: u64,
    /// None when all results are out and an earlier chunk is still waited for.
    chunk: Option<Arc<Chunk>>,
}

impl Place {
    /// The number behind its last record.
    fn end(&self) -> u64 {
        self.first + self.count
    }
}

impl Shelf {
    pub(crate) fn new(chunks: Receiver<Arc<Chunk>>, budget: Arc<Budget>) -> Self {
        Self {
            chunks,
            budget,
            places: VecDeque::new(),
            next_first: 0,
            done_bytes: 0,
        }
    }

    /// The record with this number, whose result is not out yet.
    pub(crate) fn find(&mut self, number: u64) -> Option<Located<'_>> {
        let index = self.place_of(number);
        let place = &self.places[index];
        let chunk = place.chunk.as_ref()?;
        Some(chunk.located((number - place.first) as usize))
    }

    /// Lets `count` records go, from the one with this number on: their results are out. Says whether the last of a
    /// chunk was among them.
    pub(crate) fn retire(&mut self, number: u64, count: usize) -> bool {
        let end = number + count as u64;
        let (mut next, mut is_last_of_any) = (number, false);
        while next < end {
            let index = self.place_of(next);
            let place = &mut self.places[index];
            let here = (place.end() - next).min(end - next);
            next += here;
            place.left -= here;
            if place.left == 0 {
                is_last_of_any = true;
                self.clear(index);
            }
        }
        is_last_of_any
    }

    fn clear(&mut self, index: usize) {
        if let Some(chunk) = self.places[index].chunk.take() {
            self.done_bytes += chunk.input_bytes;
            self.budget.give_back(chunk.footprint());
        }
        while self.places.front().is_some_and(|place| place.left == 0) {
            self.places.pop_front();
        }
    }

    /// Bytes of input whose results are out.
    pub(crate) fn done_bytes(&self) -> u64 {
        self.done_bytes
    }

    /// Where the chunk with this record is. With results in order it is the first.
    fn place_of(&mut self, number: u64) -> usize {
        while number >= self.next_first {
            self.shelve_next();
        }
        match self.places.get(1) {
            Some(second) if number >= second.first => {
                self.places.partition_point(|place| place.first <= number) - 1
            }
            _ => 0,
        }
    }

    /// Takes the next chunk in. The reader gives a chunk away before it sends the first of its records, so that it is
    /// there.
    fn shelve_next(&mut self) {
        let chunk = self.chunks.recv().expect("a chunk for each record that was sent");
        let (first, count) = (self.next_first, chunk.records.len() as u64);
        self.next_first += count;
        self.places.push_back(Place {
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

    /// A shelf with chunks of two, one and three records, of six lines `0` to `5`.
    fn shelf() -> Shelf {
        let format = Format {
            numbering: Numbering::Lines,
            skips_blank: false,
            max_record_bytes: 9,
        };
        let mut splitter = Splitter::new(Origin::Stdin, format);
        let (sender, receiver) = crossbeam_channel::unbounded();
        let budget = Arc::new(Budget::new(1 << 20));
        for block in ["0\n1\n", "2\n", "3\n4\n5\n"] {
            let chunk = splitter.split(block.as_bytes()).unwrap();
            budget.take(chunk.footprint());
            sender.send(Arc::new(chunk)).unwrap();
        }
        Shelf::new(receiver, budget)
    }

    fn retire(shelf: &mut Shelf, number: u64) {
        let located = shelf.find(number).unwrap();
        assert_eq!(located.source, number.to_string().as_bytes());
        assert_eq!(located.number, number + 1);
        shelf.retire(number, 1);
    }

    #[test]
    fn every_order_of_results_finds_its_records() {
        let mut random = fastrand::Rng::with_seed(3);
        for _ in 0..100 {
            let mut order: Vec<u64> = (0..6).collect();
            random.shuffle(&mut order);
            let mut shelf = shelf();
            for number in order {
                retire(&mut shelf, number);
            }
            assert!(shelf.places.is_empty());
            assert_eq!(shelf.done_bytes(), 12);
        }
    }

    #[test]
    fn many_go_at_once_over_the_ends_of_chunks() {
        for (first, second) in (1..6).map(|first| (first, 6 - first)) {
            let mut shelf = shelf();
            assert_eq!(shelf.retire(0, first), first >= 2);
            assert!(shelf.retire(first as u64, second));
            assert!(shelf.places.is_empty());
            assert_eq!(shelf.done_bytes(), 12);
        }
    }

    #[test]
    fn the_text_goes_with_the_last_result_although_an_earlier_one_is_missing() {
        let mut shelf = shelf();
        for number in [1, 3, 4, 5] {
            retire(&mut shelf, number);
        }
        assert!(shelf.places[2].chunk.is_none() && shelf.places[0].chunk.is_some());
        assert_eq!(shelf.done_bytes(), 6);
    }
}
