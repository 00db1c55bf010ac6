//! The jobs that wait to be sent.
//!
//! The queue is sorted by job id. New jobs are added at the back. Jobs that come back from a worker are older than
//! all that were never sent, so they are inserted at the front. The queue counts jobs and bytes; whether they are too
//! many is decided elsewhere.

use std::collections::VecDeque;

use super::span::{JobId, Span, SpanContents};

/// Pending spans in the order of their ids.
#[derive(Debug)]
pub(crate) struct Queue<J: SpanContents> {
    spans: VecDeque<Span<J>>,
    jobs: usize,
    bytes: usize,
}

impl<J: SpanContents> Queue<J> {
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

    /// The span that is sent next.
    pub(crate) fn front(&self) -> Option<&Span<J>> {
        self.spans.front()
    }

    /// Adds new jobs with the ids from `job` on; a single one joins the last span if possible. Returns how many.
    pub(crate) fn push(&mut self, job: JobId, item: J::Item) -> u32 {
        let span = match self.push_onto_last(job, item) {
            Ok(()) => return 1,
            Err(item) => Span::of(job, item),
        };
        assert!(
            self.spans.back().is_none_or(|last| last.end() <= job),
            "new jobs have the highest ids"
        );
        self.count(&span);
        let jobs = span.len();
        self.spans.push_back(span);
        jobs
    }

    /// Puts a span back, in its place by age.
    pub(crate) fn requeue(&mut self, span: Span<J>) {
        let index = self.spans.partition_point(|other| other.first < span.first);
        self.count(&span);
        self.spans.insert(index, span);
    }

    /// Takes at most `jobs` jobs of at most `bytes` bytes from the first span, if any fit.
    pub(crate) fn take(&mut self, jobs: u32, bytes: usize) -> Option<Span<J>> {
        let front = self.spans.front()?;
        let fits = front.contents.bytes() <= bytes;
        let count = if fits {
            front.len()
        } else {
            front.contents.fitting(bytes)
        };
        self.take_exactly(count.min(jobs))
    }

    /// Takes the first job, however large it is.
    pub(crate) fn take_one(&mut self) -> Option<Span<J>> {
        self.take_exactly(1)
    }

    /// Removes one job from anywhere in the queue.
    pub(crate) fn remove(&mut self, job: JobId) -> Option<Span<J>> {
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

    /// Drops the spans whose callers no longer wait, and returns the number of their jobs.
    pub(crate) fn purge(&mut self) -> usize {
        let before = self.jobs;
        let (mut jobs, mut bytes) = (0, 0);
        self.spans.retain(|span| {
            let is_wanted = !span.contents.is_abandoned();
            if is_wanted {
                jobs += span.len() as usize;
                bytes += span.contents.bytes();
            }
            is_wanted
        });
        (self.jobs, self.bytes) = (jobs, bytes);
        before - jobs
    }

    /// Takes the whole first span.
    pub(crate) fn pop(&mut self) -> Option<Span<J>> {
        let span = self.spans.pop_front()?;
        self.discount(&span);
        Some(span)
    }

    fn push_onto_last(&mut self, job: JobId, item: J::Item) -> Result<(), J::Item> {
        // A span that came back from a worker may have jobs behind it that did not, and one on another attempt has a
        // history that new jobs do not share.
        let Some(last) = self
            .spans
            .back_mut()
            .filter(|last| last.end() == job && last.attempts == 0)
        else {
            return Err(item);
        };
        let before = last.contents.bytes();
        last.contents.try_push(item)?;
        assert!(last.end() == job + 1, "a push adds one job");
        self.jobs += 1;
        self.bytes += last.contents.bytes() - before;
        Ok(())
    }

    fn take_exactly(&mut self, count: u32) -> Option<Span<J>> {
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

    fn count(&mut self, span: &Span<J>) {
        self.jobs += span.len() as usize;
        self.bytes += span.contents.bytes();
    }

    fn discount(&mut self, span: &Span<J>) {
        self.jobs -= span.len() as usize;
        self.bytes -= span.contents.bytes();
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::super::test_jobs::{Owner, TestItem, TestJobs, span_of};
    use super::Queue;

    fn filled(jobs: u64) -> (Queue<TestJobs>, Rc<Owner>) {
        let (mut queue, owner) = (Queue::new(), Rc::default());
        (0..jobs).for_each(|job| {
            queue.push(job, TestItem::small(job, &owner));
        });
        (queue, owner)
    }

    /// The ids of each span, after a check of the totals.
    fn spans(queue: &Queue<TestJobs>) -> Vec<Vec<u64>> {
        let ids: Vec<Vec<u64>> = queue
            .spans
            .iter()
            .map(|span| span.contents.serials().collect())
            .collect();
        let jobs: usize = ids.iter().map(Vec::len).sum();
        assert_eq!(
            (queue.jobs(), queue.bytes()),
            (jobs, jobs * 10),
            "the totals are those of the spans"
        );
        assert_eq!(queue.is_empty(), jobs == 0);
        ids
    }

    #[test]
    fn jobs_of_one_owner_share_a_span() {
        let (mut queue, owner) = filled(2);
        queue.push(2, TestItem::small(2, &Rc::default()));
        queue.push(3, TestItem::small(3, &owner));
        assert_eq!(spans(&queue), [vec![0, 1], vec![2], vec![3]]);
    }

    #[test]
    fn a_span_that_is_full_gives_the_job_to_the_next() {
        let (queue, _) = filled(130);
        assert_eq!(
            spans(&queue).iter().map(Vec::len).collect::<Vec<_>>(),
            [64, 64, 2]
        );
    }

    #[test]
    fn taking_is_bounded_by_jobs_and_by_bytes() {
        let (mut queue, _) = filled(10);
        assert_eq!(
            queue.take(3, 1_000).map(|span| (span.first, span.len())),
            Some((0, 3))
        );
        assert_eq!(
            queue.take(9, 25).map(|span| (span.first, span.len())),
            Some((3, 2))
        );
        assert!(queue.take(9, 9).is_none(), "nothing fits");
        assert!(queue.take(0, 1_000).is_none(), "nothing is wanted");
        assert_eq!(
            queue.take_one().map(|span| (span.first, span.len())),
            Some((5, 1))
        );
        assert_eq!(
            queue.take(9, 1_000).map(|span| (span.first, span.len())),
            Some((6, 4))
        );
        assert!(queue.take_one().is_none());
        assert_eq!(spans(&queue), Vec::<Vec<u64>>::new());
    }

    #[test]
    fn what_comes_back_stands_in_front_by_age() {
        let (mut queue, _) = filled(9);
        let (first, second, third) = (queue.take(2, 99), queue.take(2, 99), queue.take(2, 99));
        for span in [second, third, first].into_iter().flatten() {
            queue.requeue(span);
        }
        assert_eq!(spans(&queue), [vec![0, 1], vec![2, 3], vec![4, 5], vec![6, 7, 8]]);
    }

    #[test]
    fn a_new_job_does_not_join_a_span_with_a_history_or_a_gap() {
        let (mut queue, owner) = filled(3);
        let mut suspect = queue.remove(2).expect("it is queued");
        suspect.attempts = 1;
        queue.requeue(suspect);
        queue.push(3, TestItem::small(3, &owner));
        assert_eq!(spans(&queue), [vec![0, 1], vec![2], vec![3]]);
        queue.remove(3);
        queue.push(4, TestItem::small(4, &owner));
        assert_eq!(spans(&queue), [vec![0, 1], vec![2], vec![4]]);
    }

    #[test]
    fn one_job_is_removed_from_wherever_it_stands() {
        for (job, left) in [
            (0, vec![vec![1, 2, 3]]),
            (3, vec![vec![0, 1, 2]]),
            (1, vec![vec![0], vec![2, 3]]),
        ] {
            let (mut queue, _) = filled(4);
            let removed = queue.remove(job).expect("it is queued");
            assert_eq!(removed.contents.serials().collect::<Vec<_>>(), [job]);
            assert_eq!(spans(&queue), left);
            assert!(queue.remove(job).is_none(), "it was removed before");
        }
    }

    #[test]
    fn an_unknown_job_is_not_removed() {
        let mut queue = Queue::new();
        assert!(queue.remove(0).is_none());
        queue.requeue(span_of(5, 2));
        queue.requeue(span_of(9, 2));
        for job in [0, 4, 7, 8, 11, u64::MAX] {
            assert!(queue.remove(job).is_none(), "there is no job {job}");
        }
        assert_eq!(spans(&queue), [[5, 6], [9, 10]]);
    }

    #[test]
    fn abandoned_spans_are_dropped() {
        let (mut queue, owner) = filled(3);
        queue.push(3, TestItem::small(3, &Rc::default()));
        assert_eq!(queue.purge(), 0);
        owner.has_left.set(true);
        assert_eq!(queue.purge(), 3);
        assert_eq!(spans(&queue), [[3]]);
    }
}
