//! The jobs of one span: their encoded bytes, and where their outcomes go.
//!
//! The scheduler moves spans about and never looks inside; this is the inside. The bytes are kept in the form in which
//! they travel, so that a frame is made by appending.

use std::sync::Arc;

use protocol::frame;
use smallvec::SmallVec;

use crate::{failure::Cause, outcome::Outcome, scheduler::Load, slot::Slot, stream::StreamCore};

/// A span grows to this many jobs at most, so that taking it apart stays cheap.
const MAX_SPAN_JOBS: u32 = 1024;

/// A span grows to about this many bytes.
const MAX_SPAN_BYTES: usize = 32 * 1024;

/// One job as it is submitted.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) bytes: SmallVec<[u8; 64]>,
    pub(crate) sink: Sink,
}

/// Where one job's outcome goes.
#[derive(Debug, Clone)]
pub(crate) enum Sink {
    /// To the slot of a handle.
    Slot(Arc<Slot>),
    /// To its place in a stream.
    Stream(Arc<StreamCore>, u64),
}

/// Where the outcomes of a span's jobs go.
#[derive(Debug)]
enum Sinks {
    Slots(Vec<Arc<Slot>>),
    /// To consecutive places in a stream, from this one on.
    Stream(Arc<StreamCore>, u64),
}

/// The jobs of one span.
#[derive(Debug)]
pub(crate) struct Jobs {
    /// Each job with its length before it; empty for a large one.
    framed: Vec<u8>,
    large: Option<Arc<[u8]>>,
    count: u32,
    sinks: Sinks,
}

/// What is sent to a worker at once.
#[derive(Debug)]
pub(crate) enum Cargo {
    /// Small jobs, in a frame whose header is still to be filled in.
    Frame(Vec<u8>),
    /// One large job, and where its outcome goes if it cannot be handed over.
    Parcel(Arc<[u8]>, Sink),
}

impl Default for Cargo {
    fn default() -> Self {
        let mut bytes = Vec::with_capacity(1024);
        frame::begin(&mut bytes);
        Self::Frame(bytes)
    }
}

impl Sink {
    pub(crate) fn resolve(&self, outcome: Outcome) {
        match self {
            Self::Slot(slot) => {
                slot.fill(outcome);
            }
            Self::Stream(stream, index) => stream.resolve(*index, std::iter::once(outcome)),
        }
    }
}

impl Sinks {
    fn of(sink: Sink) -> Self {
        match sink {
            Sink::Slot(slot) => Self::Slots(vec![slot]),
            Sink::Stream(stream, index) => Self::Stream(stream, index),
        }
    }

    fn first(&self) -> Sink {
        match self {
            Self::Slots(slots) => Sink::Slot(Arc::clone(&slots[0])),
            Self::Stream(stream, first) => Sink::Stream(Arc::clone(stream), *first),
        }
    }

    /// Takes one more sink, the `count`-th, if it belongs with the others.
    fn try_push(&mut self, sink: Sink, count: u32) -> Result<(), Sink> {
        match (self, sink) {
            (Self::Slots(slots), Sink::Slot(slot)) => slots.push(slot),
            (Self::Stream(stream, first), Sink::Stream(other, index))
                if Arc::ptr_eq(stream, &other) && index == *first + u64::from(count) => {}
            (_, sink) => return Err(sink),
        }
        Ok(())
    }

    fn split_off(&mut self, at: u32) -> Self {
        match self {
            Self::Slots(slots) => Self::Slots(slots.split_off(at as usize)),
            Self::Stream(stream, first) => Self::Stream(Arc::clone(stream), *first + u64::from(at)),
        }
    }
}

impl Jobs {
    /// Gives each job its outcome, in order.
    ///
    /// # Panics
    /// When there are fewer outcomes than jobs.
    pub(crate) fn resolve(self, mut outcomes: impl Iterator<Item = Outcome>) {
        let missing = "an outcome for each job";
        match self.sinks {
            Sinks::Slots(slots) => {
                for slot in slots {
                    slot.fill(outcomes.next().expect(missing));
                }
            }
            Sinks::Stream(stream, first) => stream.resolve(first, outcomes.take(self.count as usize)),
        }
    }

    /// How many bytes the first `jobs` jobs take.
    fn offset_of(&self, jobs: u32) -> usize {
        let mut offset = 0;
        for _ in 0..jobs {
            offset += frame::framed_length(&self.framed[offset..]);
        }
        offset
    }
}

impl Load for Jobs {
    type Item = Item;
    type Frame = Cargo;
    type Cause = Cause;

    fn single(item: Item) -> Self {
        let Item { bytes, sink } = item;
        let mut jobs = Self {
            framed: Vec::new(),
            large: None,
            count: 1,
            sinks: Sinks::of(sink),
        };
        if bytes.len() >= frame::PARCEL_BYTES {
            jobs.large = Some(bytes.into_vec().into());
        } else {
            frame::append_job(&mut jobs.framed, &bytes);
        }
        jobs
    }

    fn try_push(&mut self, item: Item) -> Result<(), Item> {
        let full = self.count >= MAX_SPAN_JOBS || self.framed.len() >= MAX_SPAN_BYTES;
        if full || self.large.is_some() || item.bytes.len() >= frame::PARCEL_BYTES {
            return Err(item);
        }
        let Item { bytes, sink } = item;
        match self.sinks.try_push(sink, self.count) {
            Ok(()) => {
                frame::append_job(&mut self.framed, &bytes);
                self.count += 1;
                Ok(())
            }
            Err(sink) => Err(Item { bytes, sink }),
        }
    }

    fn len(&self) -> u32 {
        self.count
    }

    fn bytes(&self) -> usize {
        self.framed.len() + self.large.as_ref().map_or(0, |bytes| bytes.len())
    }

    fn fitting(&self, max_bytes: usize) -> u32 {
        if self.framed.len() <= max_bytes {
            return self.count;
        }
        let (mut offset, mut jobs) = (0, 0);
        loop {
            offset += frame::framed_length(&self.framed[offset..]);
            if offset > max_bytes {
                return jobs;
            }
            jobs += 1;
        }
    }

    fn split_off(&mut self, at: u32) -> Self {
        assert!(at <= self.count, "splitting {} jobs at {at}", self.count);
        let framed = self.framed.split_off(self.offset_of(at));
        let sinks = self.sinks.split_off(at);
        let count = self.count - at;
        self.count = at;
        let large = if at == 0 { self.large.take() } else { None };
        Self {
            framed,
            large,
            count,
            sinks,
        }
    }

    fn append_to(&self, cargo: &mut Cargo) {
        match (&self.large, &mut *cargo) {
            (Some(bytes), cargo) => *cargo = Cargo::Parcel(Arc::clone(bytes), self.sinks.first()),
            (None, Cargo::Frame(frame)) => frame.extend_from_slice(&self.framed),
            (None, Cargo::Parcel(..)) => unreachable!("a large job travels alone"),
        }
    }

    fn travels_alone(&self) -> bool {
        self.large.is_some()
    }

    fn is_abandoned(&self) -> bool {
        match &self.sinks {
            Sinks::Slots(slots) => slots.iter().all(|slot| slot.is_filled()),
            Sinks::Stream(stream, _) => stream.is_abandoned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::JobError;

    fn item(bytes: &[u8]) -> (Item, Arc<Slot>) {
        let slot = Arc::new(Slot::default());
        (
            Item {
                bytes: SmallVec::from_slice(bytes),
                sink: Sink::Slot(Arc::clone(&slot)),
            },
            slot,
        )
    }

    fn jobs(texts: &[&[u8]]) -> (Jobs, Vec<Arc<Slot>>) {
        let (first, slot) = item(texts[0]);
        let (mut jobs, mut slots) = (Jobs::single(first), vec![slot]);
        for text in &texts[1..] {
            let (item, slot) = item(text);
            jobs.try_push(item).unwrap();
            slots.push(slot);
        }
        (jobs, slots)
    }

    fn sent(jobs: &Jobs) -> Vec<Vec<u8>> {
        let mut cargo = Cargo::default();
        jobs.append_to(&mut cargo);
        let Cargo::Frame(mut bytes) = cargo else {
            panic!("a parcel")
        };
        frame::finish(&mut bytes, 0, 0, jobs.len());
        let frame = frame::Frame::parse(&bytes).unwrap();
        frame.jobs().map(|job| job.unwrap().to_vec()).collect()
    }

    #[test]
    fn a_split_span_is_the_same_jobs_and_sinks() {
        for at in 0..=4 {
            let (mut head, slots) = jobs(&[b"a", b"", b"ccc", b"dd"]);
            let tail = head.split_off(at);
            assert_eq!((head.len(), tail.len()), (at, 4 - at));
            assert_eq!(
                [sent(&head), sent(&tail)].concat(),
                [&b"a"[..], b"", b"ccc", b"dd"]
            );
            head.resolve(std::iter::repeat_with(|| Outcome::failed(JobError::Cancelled)));
            assert_eq!(slots.iter().filter(|slot| slot.is_filled()).count(), at as usize);
        }
    }

    #[test]
    fn only_what_fits_is_counted() {
        let (jobs, _slots) = jobs(&[b"a", b"", b"ccc"]);
        let sizes = [
            frame::framed_bytes(1),
            frame::framed_bytes(1) + frame::framed_bytes(0),
            jobs.bytes(),
        ];
        assert_eq!(sizes.map(|size| jobs.fitting(size)), [1, 2, 3]);
        assert_eq!(sizes.map(|size| jobs.fitting(size - 1)), [0, 1, 2]);
    }

    #[test]
    fn large_jobs_and_small_ones_do_not_share_a_span() {
        let (large, _slot) = item(&vec![1; frame::PARCEL_BYTES]);
        let (mut small, _slots) = jobs(&[b"a"]);
        let large = Jobs::single(small.try_push(large).unwrap_err());
        assert!(large.travels_alone() && !small.travels_alone());
        let mut cargo = Cargo::default();
        large.append_to(&mut cargo);
        assert!(matches!(cargo, Cargo::Parcel(bytes, _) if bytes.len() == frame::PARCEL_BYTES));
    }
}
