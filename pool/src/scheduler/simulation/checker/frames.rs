//! Whether a frame may go to its worker: its address, the worker's state and credit, and the jobs in it.

use super::{Check, Checker, Phase, SlotState, ensure};
use crate::scheduler::dispatch::FRAME_BYTES;
use crate::scheduler::pace::MAX_FRAME_JOBS;
use crate::scheduler::roster::FRAME_CREDIT;
use crate::scheduler::{Incarnation, JobId, WorkerId};

impl Checker {
    pub(super) fn check_address(
        &self,
        worker: WorkerId,
        incarnation: Incarnation,
        epoch: u16,
        first: u64,
    ) -> Check {
        let slot = &self.slots[worker];
        ensure!(
            slot.incarnation == incarnation,
            "a frame goes to an earlier incarnation"
        );
        ensure!(slot.epoch == epoch, "a frame goes out under a wrong epoch");
        ensure!(slot.next == first, "a frame begins at a wrong position");
        Ok(())
    }

    pub(super) fn send(&mut self, worker: WorkerId, frame: &[JobId]) -> Check {
        let is_at_work = matches!(self.phase, Phase::Open | Phase::Closing);
        ensure!(is_at_work, "a frame goes out of a pool that is {:?}", self.phase);
        let slot = &self.slots[worker];
        ensure!(
            slot.state == SlotState::Ready,
            "a frame goes to worker {worker}, which is {:?}",
            slot.state
        );
        ensure!(!slot.is_revoking, "a frame crosses a revocation");
        ensure!(!slot.is_silent, "a frame goes to a worker that takes none");
        ensure!(
            slot.sent - slot.received < FRAME_CREDIT,
            "a frame goes beyond the credit"
        );
        let has_free_lane = slot.flight.len() < self.config.lanes as usize;
        ensure!(!slot.is_held || has_free_lane, "a frame goes behind a slow job");
        self.coverage.buffered_frames += u64::from(!has_free_lane);
        self.check_frame(worker, frame)?;
        for &job in frame {
            ensure!(
                self.queued.pop_first() == Some(job),
                "job {job} is sent out of its turn"
            );
            let slot = &mut self.slots[worker];
            slot.flight.insert(slot.next, job);
            slot.next += 1;
        }
        self.slots[worker].sent += 1;
        Ok(())
    }

    fn check_frame(&mut self, worker: WorkerId, frame: &[JobId]) -> Check {
        let bytes: usize = frame.iter().map(|&job| self.record(job).bytes).sum();
        ensure!(
            !frame.is_empty() && frame.len() <= MAX_FRAME_JOBS as usize,
            "a frame has {} jobs",
            frame.len()
        );
        ensure!(
            bytes <= FRAME_BYTES || frame.len() == 1,
            "a frame has {bytes} bytes"
        );
        let flight = &self.slots[worker].flight;
        let is_solitary = frame.iter().any(|&job| self.record(job).is_solitary);
        ensure!(
            !is_solitary || (frame.len() == 1 && flight.is_empty()),
            "a solitary job gets company"
        );
        let solitary = flight.values().find(|&&job| self.record(job).is_solitary);
        ensure!(solitary.is_none(), "a frame goes behind a solitary job");
        self.coverage.largest_frame = self.coverage.largest_frame.max(frame.len() as u64);
        self.coverage.solitary_frames += u64::from(is_solitary);
        self.coverage.heavy_frames += u64::from(bytes > FRAME_BYTES / 2 && frame.len() > 1);
        Ok(())
    }
}
