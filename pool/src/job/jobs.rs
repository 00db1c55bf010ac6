//! The contents of one span: encoded jobs, and where their outcomes go.
//!
//! The scheduler moves spans and never looks inside. The bytes are kept in the form in which they travel, so that a frame
//! is built by appending.

use std::sync::Arc;

use protocol::{
    Payload,
    message::frame::{self, Form},
};
use smallvec::SmallVec;

use crate::{
    Captured,
    failure::Cause,
    outcome::{results::Results, slot::OutcomeSlot, stream_core::StreamCore},
    scheduler::SpanContents,
};

/// A span grows to this many jobs at most, so that taking it apart stays cheap.
const MAX_SPAN_JOBS: u32 = 1024;

/// A span grows to about this many bytes at most.
const MAX_SPAN_BYTES: usize = 32 * 1024;

/// One submission: one job, or several.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) encoded: Encoded,
    pub(crate) sink: Sink,
}

/// Encoded jobs, as they are submitted.
#[derive(Debug)]
pub(crate) enum Encoded {
    /// One that fits a frame.
    One(SmallVec<[u8; 32]>),
    /// One that does not.
    Large(Arc<Payload>),
    /// Several, in the form of a frame.
    Several { framed: Vec<u8>, count: u32 },
    /// Several lines, each with its delimiter.
    Lines {
        delimiter: u8,
        text: Vec<u8>,
        count: u32,
    },
}

impl Encoded {
    pub(crate) fn jobs(&self) -> u32 {
        match self {
            Self::One(_) | Self::Large(_) => 1,
            Self::Several { count, .. } | Self::Lines { count, .. } => *count,
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::One(bytes) => bytes.len(),
            Self::Large(payload) => payload.bytes() as usize,
            Self::Several { framed, .. } => framed.len(),
            Self::Lines { text, .. } => text.len(),
        }
    }
}

/// Where the outcome of a job goes; those of several jobs go to consecutive places.
#[derive(Debug)]
pub(crate) enum Sink {
    /// To the slot of a handle.
    Slot(Arc<OutcomeSlot>),
    /// To its place in a stream.
    Stream(Arc<StreamCore>, u64),
}

/// Where the outcomes of a span's jobs go.
#[derive(Debug)]
enum Sinks {
    Slots(Vec<Arc<OutcomeSlot>>),
    /// To consecutive places in a stream, from this one on.
    Stream(Arc<StreamCore>, u64),
}

/// The jobs of one span.
#[derive(Debug)]
pub(crate) struct Jobs {
    form: Form,
    /// The jobs in that form; empty for a large one.
    framed: Vec<u8>,
    large: Option<Arc<Payload>>,
    count: u32,
    sinks: Sinks,
}

/// One frame on its way to a worker.
#[derive(Debug)]
pub(crate) enum OutgoingFrame {
    /// Small jobs, in a frame whose header is still to be filled in.
    Jobs(Form, Vec<u8>),
    /// One large job.
    LargeJob(Arc<Payload>),
}

impl Default for OutgoingFrame {
    fn default() -> Self {
        let mut bytes = Vec::with_capacity(1024);
        frame::begin(&mut bytes);
        Self::Jobs(Form::default(), bytes)
    }
}

impl Sink {
    pub(crate) fn resolve(self, results: Results) {
        match self {
            Self::Slot(slot) => results.for_each(|outcome| {
                slot.fill(outcome);
            }),
            Self::Stream(stream, first) => stream.resolve(first, std::iter::once(results)),
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
    /// If there are fewer results than jobs.
    pub(crate) fn resolve(self, results: impl Iterator<Item = Results>) {
        match self.sinks {
            Sinks::Slots(slots) => {
                let mut slots = slots.into_iter();
                for results in results {
                    results.for_each(|outcome| {
                        slots.next().expect("a job for each result").fill(outcome);
                    });
                }
                assert!(slots.next().is_none(), "a result for each job");
            }
            Sinks::Stream(stream, first) => stream.resolve(first, results),
        }
    }
}

impl Jobs {
    /// Stores what one of the jobs has written, for its handle.
    pub(crate) fn attach(&self, index: usize, captured: Captured) {
        if let Sinks::Slots(slots) = &self.sinks
            && let Some(slot) = slots.get(index)
        {
            slot.attach(captured);
        }
    }
}

impl SpanContents for Jobs {
    type Item = Item;
    type Frame = OutgoingFrame;
    type Cause = Cause;

    fn of(item: Item) -> Self {
        let Item { encoded, sink } = item;
        let sinks = Sinks::of(sink);
        let (mut form, mut framed, mut large) = (Form::Counted, Vec::new(), None);
        let count = encoded.jobs();
        match encoded {
            Encoded::Large(payload) => large = Some(payload),
            Encoded::One(bytes) => frame::append_job(&mut framed, &bytes),
            Encoded::Several { framed: jobs, .. } => framed = jobs,
            Encoded::Lines { delimiter, text, .. } => (form, framed) = (Form::Lines(delimiter), text),
        }
        Self {
            form,
            framed,
            large,
            count,
            sinks,
        }
    }

    fn try_push(&mut self, item: Item) -> Result<(), Item> {
        let full = self.count >= MAX_SPAN_JOBS || self.framed.len() >= MAX_SPAN_BYTES;
        let Item {
            encoded: Encoded::One(bytes),
            sink,
        } = item
        else {
            return Err(item);
        };
        let refused = if full || self.large.is_some() || self.form != Form::Counted {
            sink
        } else {
            match self.sinks.try_push(sink, self.count) {
                Ok(()) => {
                    frame::append_job(&mut self.framed, &bytes);
                    self.count += 1;
                    return Ok(());
                }
                Err(sink) => sink,
            }
        };
        Err(Item {
            encoded: Encoded::One(bytes),
            sink: refused,
        })
    }

    fn len(&self) -> u32 {
        self.count
    }

    fn bytes(&self) -> usize {
        self.framed.len() + self.large.as_ref().map_or(0, |payload| payload.bytes() as usize)
    }

    fn fitting(&self, max_bytes: usize) -> u32 {
        if self.framed.len() <= max_bytes {
            return self.count;
        }
        self.form.fitting(&self.framed, max_bytes).0
    }

    fn split_off(&mut self, at: u32) -> Self {
        assert!(at <= self.count, "splitting {} jobs at {at}", self.count);
        let framed = self.framed.split_off(self.form.offset_of(&self.framed, at));
        let sinks = self.sinks.split_off(at);
        let count = self.count - at;
        self.count = at;
        let large = if at == 0 { self.large.take() } else { None };
        Self {
            form: self.form,
            framed,
            large,
            count,
            sinks,
        }
    }

    fn may_join(&self, outgoing: &OutgoingFrame) -> bool {
        self.large.is_none() && matches!(outgoing, OutgoingFrame::Jobs(form, _) if *form == self.form)
    }

    fn append_to(&self, outgoing: &mut OutgoingFrame) {
        match (&self.large, &mut *outgoing) {
            (Some(payload), outgoing) => *outgoing = OutgoingFrame::LargeJob(Arc::clone(payload)),
            (None, OutgoingFrame::Jobs(form, frame)) => {
                *form = self.form;
                frame.extend_from_slice(&self.framed);
            }
            (None, OutgoingFrame::LargeJob(..)) => unreachable!("a large job travels alone"),
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

    fn item(bytes: &[u8]) -> (Item, Arc<OutcomeSlot>) {
        let slot = Arc::new(OutcomeSlot::default());
        (
            Item {
                encoded: Encoded::One(SmallVec::from_slice(bytes)),
                sink: Sink::Slot(Arc::clone(&slot)),
            },
            slot,
        )
    }

    fn jobs(texts: &[&[u8]]) -> (Jobs, Vec<Arc<OutcomeSlot>>) {
        let (first, slot) = item(texts[0]);
        let (mut jobs, mut slots) = (Jobs::of(first), vec![slot]);
        for text in &texts[1..] {
            let (item, slot) = item(text);
            jobs.try_push(item).unwrap();
            slots.push(slot);
        }
        (jobs, slots)
    }

    fn sent(jobs: &Jobs) -> Vec<Vec<u8>> {
        let mut outgoing = OutgoingFrame::default();
        jobs.append_to(&mut outgoing);
        let OutgoingFrame::Jobs(form, mut bytes) = outgoing else {
            panic!("a large job")
        };
        frame::finish(&mut bytes, form, 0, 0, jobs.len());
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
            let cancelled = Results::failed(JobError::Cancelled, head.len());
            head.resolve(std::iter::once(cancelled));
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
    fn lines_are_taken_apart_and_keep_to_themselves() {
        let stream = crate::outcome::stream_core::tests::core();
        let encoded = Encoded::Lines {
            delimiter: b'\n',
            text: b"a\n\nccc\n".to_vec(),
            count: 3,
        };
        let mut lines = Jobs::of(Item {
            encoded,
            sink: Sink::Stream(stream, 7),
        });
        let (one, _slot) = item(b"x");
        assert!(lines.try_push(one).is_err());
        let tail = lines.split_off(1);
        assert_eq!([sent(&lines), sent(&tail)].concat(), [&b"a"[..], b"", b"ccc"]);
        assert_eq!(
            (tail.fitting(0), tail.fitting(1), tail.fitting(4), tail.fitting(5)),
            (0, 1, 1, 2)
        );
        let mut outgoing = OutgoingFrame::default();
        tail.append_to(&mut outgoing);
        assert!(lines.may_join(&outgoing) && !jobs(&[b"a"]).0.may_join(&outgoing));
    }

    #[test]
    fn large_jobs_and_small_ones_do_not_share_a_span() {
        let payload = Payload {
            encoding: vec![1; 7],
            attached: vec![vec![2; 100_000].into()],
        };
        let large = Item {
            encoded: Encoded::Large(Arc::new(payload)),
            sink: Sink::Slot(Arc::default()),
        };
        let (mut small, _slots) = jobs(&[b"a"]);
        let mut large = Jobs::of(small.try_push(large).unwrap_err());
        assert!(large.travels_alone() && !small.travels_alone());
        assert!(large.try_push(item(b"a").0).is_err());
        assert_eq!((large.len(), large.bytes()), (1, 100_007));
        let mut outgoing = OutgoingFrame::default();
        large.append_to(&mut outgoing);
        assert!(matches!(outgoing, OutgoingFrame::LargeJob(payload) if payload.bytes() == 100_007));
    }
}
