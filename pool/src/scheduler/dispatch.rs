//! Which jobs go to which worker, and when.
//!
//! Idle workers come first, so that a lone job never waits for more jobs. A busy worker gets a second frame only if
//! many jobs are queued, because the jobs behind one that turns out to be slow have to be taken back.

use super::action::Action;
use super::event::WorkerId;
use super::span::{Span, SpanContents};
use super::{Phase, Scheduler, WorkerState};

/// The most encoded bytes in one frame. A larger job goes in a frame of its own. Two frames stay well under half of
/// the usual socket buffer, so that no send blocks.
pub(crate) const FRAME_BYTES: usize = 48 * 1024;

impl<J: SpanContents> Scheduler<J> {
    /// Sends what can be sent.
    pub(super) fn dispatch(&mut self, actions: &mut Vec<Action<J>>) {
        if let Phase::Stopping | Phase::Broken(_) | Phase::Halted(_) | Phase::Killed = self.phase {
            return;
        }
        while let Some(is_solitary) = self.queue.front().map(Span::is_solitary) {
            let Some((worker, limit)) = self.taker(is_solitary) else {
                break;
            };
            self.enqueue(worker, limit, actions);
        }
    }

    /// Whether the available jobs should be submitted now rather than together with later ones: a worker is idle and
    /// nothing is queued for it, or the pool accepts no more jobs, which the submitter should learn.
    pub(crate) fn has_idle_worker(&self) -> bool {
        let mut open = self.roster.iter().filter(|(_, slot)| slot.is_open());
        !self.is_open() || self.queue.is_empty() && open.any(|(worker, _)| self.in_flight.jobs(worker) == 0)
    }

    /// Whether so many jobs are queued that some may wait behind others without being missed at other workers. A
    /// bounded queue may never hold that many, so an even share of a full queue is enough.
    pub(super) fn has_full_batch(&self) -> bool {
        let batch = self.share_of_full_queue.min(self.pace.follower() as usize);
        self.queue.jobs() >= batch || self.queue.bytes() >= FRAME_BYTES
    }

    /// The least busy worker that may take the first span, and how many jobs it may take.
    fn taker(&self, is_solitary: bool) -> Option<(WorkerId, u32)> {
        let mut best = None;
        for (worker, _) in self.roster.iter().filter(|(_, slot)| slot.is_open()) {
            let jobs = self.in_flight.jobs(worker);
            if best.is_some_and(|(least, _)| least <= jobs) || !self.may_take(worker, jobs, is_solitary) {
                continue;
            }
            best = Some((jobs, worker));
            if jobs == 0 {
                break;
            }
        }
        best.map(|(jobs, worker)| (worker, self.limit(worker, jobs)))
    }

    fn may_take(&self, worker: WorkerId, jobs: usize, is_solitary: bool) -> bool {
        if jobs == 0 {
            return true;
        }
        if is_solitary || self.in_flight.is_solitary(worker) {
            return false;
        }
        let has_free_lane = jobs < self.config.lanes as usize;
        has_free_lane || self.may_buffer(worker, jobs)
    }

    /// Whether jobs may be sent to wait behind the worker's others.
    fn may_buffer(&self, worker: WorkerId, jobs: usize) -> bool {
        !self.roster.get(worker).held && self.pace.wants_more(jobs) && self.has_full_batch()
    }

    /// The most jobs in the next frame to a worker with this many jobs.
    fn limit(&self, worker: WorkerId, jobs: usize) -> u32 {
        let batch = self.pace.batch(self.queue.jobs(), self.ready_workers());
        let lanes = self.config.lanes;
        match u32::try_from(jobs) {
            // Some lanes are busy and nothing may wait behind them: only the free lanes are filled.
            Ok(busy @ 1..) if busy < lanes && !self.may_buffer(worker, jobs) => batch.min(lanes - busy),
            _ => batch,
        }
    }

    fn ready_workers(&self) -> usize {
        self.roster.in_state(WorkerState::Ready)
    }

    fn enqueue(&mut self, worker: WorkerId, limit: u32, actions: &mut Vec<Action<J>>) {
        let first = self.in_flight.next_position(worker);
        let mut frame = J::Frame::default();
        let (mut count, mut bytes) = (0, 0);
        while let Some(span) = self.next_for_frame(limit - count, bytes, count, &frame) {
            count += span.len();
            bytes += span.contents.bytes();
            let is_full = count == limit || span.is_solitary();
            span.contents.append_to(&mut frame);
            self.in_flight.send(worker, span);
            if is_full {
                break;
            }
        }
        assert!(count > 0, "a frame holds at least one job");
        self.counters.frames += 1;
        let slot = self.roster.get_mut(worker);
        slot.sent();
        actions.push(Action::Enqueue {
            worker,
            incarnation: slot.incarnation,
            epoch: slot.epoch,
            first,
            count,
            frame,
        });
    }

    /// The next jobs that may join a frame that has `count` jobs of `bytes` bytes.
    fn next_for_frame(&mut self, limit: u32, bytes: usize, count: u32, frame: &J::Frame) -> Option<Span<J>> {
        let next = self.queue.front()?;
        if count > 0 && (next.is_solitary() || !next.contents.may_join(frame)) {
            return None;
        }
        let span = self.queue.take(limit, FRAME_BYTES.saturating_sub(bytes));
        if span.is_none() && count == 0 {
            return self.queue.take_one();
        }
        span
    }
}
