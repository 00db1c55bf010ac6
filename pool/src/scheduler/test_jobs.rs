//! Jobs for tests: numbers with a size and an owner.

use std::cell::Cell;
use std::rc::Rc;

use super::span::{JobId, Span, SpanContents};

/// The most jobs of one span, small so that submissions in bursts make several.
const SPAN_JOBS: usize = 64;

/// A submitter that waits for its jobs.
#[derive(Debug, Default)]
pub(crate) struct Owner {
    pub(crate) has_left: Cell<bool>,
}

/// A job that knows which id it should get.
#[derive(Debug, Clone)]
pub(crate) struct TestItem {
    pub(crate) serial: JobId,
    pub(crate) bytes: usize,
    pub(crate) is_large: bool,
    pub(crate) owner: Rc<Owner>,
}

impl TestItem {
    /// A small job.
    pub(crate) fn small(serial: JobId, owner: &Rc<Owner>) -> Self {
        Self {
            serial,
            bytes: 10,
            is_large: false,
            owner: Rc::clone(owner),
        }
    }
}

/// Jobs of one owner.
#[derive(Debug, Clone)]
pub(crate) struct TestJobs {
    pub(crate) items: Vec<TestItem>,
}

impl TestJobs {
    /// The ids that the jobs should have.
    pub(crate) fn serials(&self) -> impl Iterator<Item = JobId> {
        self.items.iter().map(|item| item.serial)
    }
}

impl SpanContents for TestJobs {
    type Item = TestItem;
    type Frame = Vec<JobId>;
    type Cause = u64;

    fn of(item: TestItem) -> Self {
        Self { items: vec![item] }
    }

    fn try_push(&mut self, item: TestItem) -> Result<(), TestItem> {
        let last = self.items.last().expect("a contents is never empty");
        let may_join = Rc::ptr_eq(&last.owner, &item.owner) && !last.is_large && !item.is_large;
        if !may_join || self.items.len() == SPAN_JOBS {
            return Err(item);
        }
        self.items.push(item);
        Ok(())
    }

    fn len(&self) -> u32 {
        u32::try_from(self.items.len()).expect("a contents is short")
    }

    fn bytes(&self) -> usize {
        self.items.iter().map(|item| item.bytes).sum()
    }

    fn fitting(&self, max_bytes: usize) -> u32 {
        let mut left = max_bytes;
        let fits = |item: &&TestItem| left.checked_sub(item.bytes).map(|rest| left = rest).is_some();
        u32::try_from(self.items.iter().take_while(fits).count()).expect("a contents is short")
    }

    fn split_off(&mut self, at: u32) -> Self {
        assert!(0 < at && at < self.len(), "a split leaves jobs on both sides");
        Self {
            items: self.items.split_off(at as usize),
        }
    }

    fn may_join(&self, _frame: &Vec<JobId>) -> bool {
        true
    }

    fn append_to(&self, frame: &mut Vec<JobId>) {
        frame.extend(self.serials());
    }

    fn travels_alone(&self) -> bool {
        self.items[0].is_large
    }

    fn is_abandoned(&self) -> bool {
        self.items[0].owner.has_left.get()
    }
}

/// A span of small jobs that were submitted together.
pub(crate) fn span_of(first: JobId, len: u64) -> Span<TestJobs> {
    let owner = Rc::default();
    let mut span: Span<TestJobs> = Span::of(first, TestItem::small(first, &owner));
    for serial in first + 1..first + len {
        span.contents
            .try_push(TestItem::small(serial, &owner))
            .expect("the span is short");
    }
    span
}
