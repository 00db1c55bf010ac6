//! The jobs that wait to be sent.
//!
//! The queue is sorted by job id: new jobs join at the back, and what comes back from a worker is older than all that
//! was never sent, so that sorting it in puts it at the front. It counts jobs and bytes; whether they are too many is
//! for others to say.

use std::collections::VecDeque;

use super::span::{JobId, Load, Span};

/// Pending spans in the order of their ids.
#[derive(Debug)]
pub(crate) struct Queue<L: Load> {
    spans: VecDeque<Span<L>>,
    jobs: usize,
    bytes: usize,
}

impl<L: Load> Queue<L> {
    pub(crate) fn new() -> Self {
        Self {
            spans: VecDeque::new(),
            jobs: 0,
            bytes: 0,
        }
    }

    /// The number of jobs.
    pub(crate) fn jobs(&self) -> usize {
        self.jobs
    }

    /// The encoded bytes of all jobs.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The span that leaves next.
    pub(crate) fn front(&self) -> Option<&Span<L>> {
        self.spans.front()
    }

    /// Adds a new job, to the last span where that is possible.
    pub(crate) fn push(&mut self, job: JobId, item: L::Item) {
        let span = match self.push_onto_last(job, item) {
            Ok(()) => return,
            Err(item) => Span::single(job, item),
        };
        assert!(
            self.spans.back().is_none_or(|last| last.end() <= job),
            "new jobs have the highest ids"
        );
        self.count(&span);
        self.spans.push_back(span);
    }

    /// Takes a span back in its place by age.
    pub(crate) fn requeue(&mut self, span: Span<L>) {
        let index = self.spans.partition_point(|other| other.first < span.first);
        self.count(&span);
        self.spans.insert(index, span);
    }

    /// Takes at most `jobs` jobs of at most `bytes` bytes from the first span, if any fit.
    pub(crate) fn take(&mut self, jobs: u32, bytes: usize) -> Option<Span<L>> {
        let front = self.spans.front()?;
        let fits = front.load.bytes() <= bytes;
        let count = if fits {
            front.len()
        } else {
            front.load.fitting(bytes)
        };
        self.take_exactly(count.min(jobs))
    }

    /// Takes the first job, however large it is.
    pub(crate) fn take_one(&mut self) -> Option<Span<L>> {
        self.take_exactly(1)
    }

    /// Removes one job, wherever it stands.
    pub(crate) fn remove(&mut self, job: JobId) -> Option<Span<L>> {
        let index = self.spans.partition_point(|span| span.end() <= job);
        let from = job.checked_sub(self.spans.get(index)?.first)?;
        let from = u32::try_from(from).expect("a span's length is a u32");
        let span = self.spans.remove(index).expect("it was found there");
        self.discount(&span);
        let carved = span.carve(from, from + 1);
        for rest in [carved.after, carved.before].into_iter().flatten() {
            self.count(&rest);
            self.spans.insert(index, rest);
        }
        Some(carved.middle)
    }

    /// Drops the spans for which nobody waits and returns the number of their jobs.
    pub(crate) fn purge(&mut self) -> usize {
        let before = self.jobs;
        let (mut jobs, mut bytes) = (0, 0);
        self.spans.retain(|span| {
            let is_wanted = !span.load.is_abandoned();
            if is_wanted {
                jobs += span.len() as usize;
                bytes += span.load.bytes();
            }
            is_wanted
        });
        (self.jobs, self.bytes) = (jobs, bytes);
        before - jobs
    }

    /// Takes the first span whole.
    pub(crate) fn pop(&mut self) -> Option<Span<L>> {
        let span = self.spans.pop_front()?;
        self.discount(&span);
        Some(span)
    }

    fn push_onto_last(&mut self, job: JobId, item: L::Item) -> Result<(), L::Item> {
        // A span that came back from a worker may have jobs behind it that did not, and one on a further attempt has
        // a history that new jobs do not share.
        let Some(last) = self
            .spans
            .back_mut()
            .filter(|last| last.end() == job && last.attempts == 0)
        else {
            return Err(item);
        };
        let before = last.load.bytes();
        last.load.try_push(item)?;
        assert!(last.end() == job + 1, "a push adds one job");
        self.jobs += 1;
        self.bytes += last.load.bytes() - before;
        Ok(())
    }

    fn take_exactly(&mut self, count: u32) -> Option<Span<L>> {
        if count == 0 {
            return None;
        }
        let mut span = self.pop()?;
        if count < span.len() {
            let rest = span.split_off(count);
            self.count(&rest);
            self.spans.push_front(rest);
        }
        Some(span)
    }

    fn count(&mut self, span: &Span<L>) {
        self.jobs += span.len() as usize;
        self.bytes += span.load.bytes();
    }

    fn discount(&mut self, span: &Span<L>) {
        self.jobs -= span.len() as usize;
        self.bytes -= span.load.bytes();
    }
}
