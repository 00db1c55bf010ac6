//! Spans: consecutive jobs of one submitter, kept together with their encoded bytes.
//!
//! A million tiny jobs are a few thousand spans, so most of the scheduler's work is done once per span. The driver
//! decides what jobs are; the scheduler only asks [`SpanContents`] for sizes, and splits them.

use std::fmt::Debug;

/// A job's number, counted from 0 in the order of submission.
pub(crate) type JobId = u64;

/// The jobs of one span, as the driver keeps them.
///
/// They are never empty. Splitting should be cheap (a range over shared bytes), because a long span is sent in many
/// frames.
pub(crate) trait SpanContents: Sized {
    /// What is submitted at once: one job, or several.
    type Item;
    /// What is sent to a worker at once.
    type Frame: Default;
    /// Why a worker died, as the driver reports it.
    type Cause: Clone + Debug;

    /// Makes the contents of a new span.
    fn of(item: Self::Item) -> Self;
    /// Adds one job at the end, or returns it if the span is full or the job cannot share it.
    fn try_push(&mut self, item: Self::Item) -> Result<(), Self::Item>;
    /// The number of jobs, at least one.
    fn len(&self) -> u32;
    /// The encoded size of all jobs together.
    fn bytes(&self) -> usize;
    /// The number of jobs at the front that have at most `max_bytes` together.
    fn fitting(&self, max_bytes: usize) -> u32;
    /// Keeps the first `at` jobs and returns the others. `at` is neither 0 nor the length.
    fn split_off(&mut self, at: u32) -> Self;
    /// Whether the jobs can join those that are in the frame.
    fn may_join(&self, frame: &Self::Frame) -> bool;
    /// Appends all jobs to the frame.
    fn append_to(&self, frame: &mut Self::Frame);
    /// Whether this is one job with a payload so large that it goes only to a worker with nothing in flight.
    fn travels_alone(&self) -> bool;
    /// Whether no caller waits for these jobs any more.
    fn is_abandoned(&self) -> bool;
}

/// Consecutive jobs with their history. The jobs have the ids from `first` on.
#[derive(Debug)]
pub(crate) struct Span<J: SpanContents> {
    /// The id of the first job.
    pub(crate) first: JobId,
    /// How many starts of these jobs have ended in a worker's death.
    pub(crate) attempts: u8,
    /// Whether this is a suspect on another attempt, kept apart from all other jobs.
    pub(crate) alone: bool,
    /// The deaths that these jobs may have caused.
    pub(crate) causes: Vec<J::Cause>,
    /// The jobs themselves.
    pub(crate) contents: J,
}

/// A span in three parts; the middle one was asked for.
pub(crate) struct Carved<J: SpanContents> {
    pub(crate) before: Option<Span<J>>,
    pub(crate) middle: Span<J>,
    pub(crate) after: Option<Span<J>>,
}

impl<J: SpanContents> Span<J> {
    /// A span of new jobs.
    pub(crate) fn of(first: JobId, item: J::Item) -> Self {
        Self {
            first,
            attempts: 0,
            alone: false,
            causes: Vec::new(),
            contents: J::of(item),
        }
    }

    /// The number of jobs.
    pub(crate) fn len(&self) -> u32 {
        self.contents.len()
    }

    /// The id after the last job.
    pub(crate) fn end(&self) -> JobId {
        self.first + u64::from(self.len())
    }

    /// Whether the span must be a worker's only one, in a frame of its own.
    pub(crate) fn is_solitary(&self) -> bool {
        self.alone || self.contents.travels_alone()
    }

    /// Keeps the first `at` jobs and returns the others.
    pub(crate) fn split_off(&mut self, at: u32) -> Self {
        assert!(0 < at && at < self.len(), "a split leaves jobs on both sides");
        let contents = self.contents.split_off(at);
        let first = self.first + u64::from(at);
        Self {
            first,
            attempts: self.attempts,
            alone: self.alone,
            causes: self.causes.clone(),
            contents,
        }
    }

    /// Cuts out the jobs `from..to`, counted from the beginning of this span.
    pub(crate) fn carve(mut self, from: u32, to: u32) -> Carved<J> {
        assert!(from < to, "the middle has jobs");
        let after = (to < self.len()).then(|| self.split_off(to));
        if from == 0 {
            return Carved {
                before: None,
                middle: self,
                after,
            };
        }
        let middle = self.split_off(from);
        Carved {
            before: Some(self),
            middle,
            after,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_jobs::span_of;

    fn ids(span: &super::Span<super::super::test_jobs::TestJobs>) -> Vec<u64> {
        assert!(
            span.contents.serials().eq(span.first..span.end()),
            "ids and jobs go together"
        );
        span.contents.serials().collect()
    }

    #[test]
    fn a_split_keeps_ids_and_history() {
        let mut span = span_of(7, 5);
        span.attempts = 2;
        span.causes.push(9);
        let rest = span.split_off(2);
        assert_eq!((ids(&span), ids(&rest)), (vec![7, 8], vec![9, 10, 11]));
        assert_eq!((rest.attempts, rest.causes), (2, vec![9]));
    }

    #[test]
    fn carving_gives_the_middle_and_what_is_around_it() {
        for (from, to) in [(0, 5), (0, 2), (3, 5), (1, 4), (2, 3)] {
            let carved = span_of(10, 5).carve(from, to);
            let part = |span: Option<&super::Span<_>>| span.map(ids).unwrap_or_default();
            let (from, to) = (10 + u64::from(from), 10 + u64::from(to));
            assert_eq!(part(carved.before.as_ref()), (10..from).collect::<Vec<_>>());
            assert_eq!(ids(&carved.middle), (from..to).collect::<Vec<_>>());
            assert_eq!(part(carved.after.as_ref()), (to..15).collect::<Vec<_>>());
        }
    }
}
